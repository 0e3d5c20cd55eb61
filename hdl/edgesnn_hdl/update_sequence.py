"""The sequence of an update, shared by all lanes: which slot is where in the pipeline.

Populations lie one after the other in the slots of a lane, in the bitmap and in the order of
their updates, so counters that run on through a step say where everything belongs. A population
takes one slot a cycle; the read-out population takes a cycle for each neuron, because all lanes
share one accumulator memory.
"""

from __future__ import annotations

from amaranth.hdl import Array, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn_hdl.neuron_update import SPIKE_LATENCY, STORED_LATENCY, VALUE_LATENCY

#: Cycles from a slot's cycle until its spike, and its membrane, are written.
SPIKE_CYCLES = 1 + SPIKE_LATENCY
STORED_CYCLES = 1 + STORED_LATENCY


class UpdateTiming(wiring.Signature):
    """Where the update of a population is, for the lanes and the read-out.

    slot                slot whose membrane and bias are read in this cycle
    parameter_slot      slot whose threshold and decay are read, a cycle later
    valued, spiking     the lanes' ``value``, their ``spike``, are valid
    store, store_slot   the lanes' membrane is written, and to where
    read_out            ``value`` and ``fires`` of lane ``lane`` go to the accumulators
    """

    def __init__(self, config: CoreConfig) -> None:
        slot = unsigned((config.slots - 1).bit_length())
        super().__init__(
            {
                "slot": Out(slot),
                "parameter_slot": Out(slot),
                "valued": Out(1),
                "spiking": Out(1),
                "store": Out(1),
                "store_slot": Out(slot),
                "read_out": Out(1),
                "lane": Out(range(config.lanes)),
            }
        )


class UpdateSequence(wiring.Component):
    """Counts the slots of an update and gathers its spikes.

    Members
    -------
    begin : In(1), num_slots : In
        A population of so many slots begins in the next cycle.
    is_readout : In(1)
        It is the read-out population; constant while it is updated.
    last : Out(1)
        This is the cycle of its last slot.
    clear : In(1), cleared : Out(1)
        Walk through all memories, to clear them; this is the last cycle of it.
    restart : In(1)
        The next population is the first one.
    spikes : In(lanes)
        Of the lanes, valid with ``timing.spiking``.
    spikes_write, spikes_address, spikes_word : Out
        The bitmap. Between updates the address is the first word of the next population.
    sweep : Out
        While ``clear``: cycles of it so far.
    timing : Out(UpdateTiming)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        spike_words = config.spike_words * config.spike_bitmaps
        self.depths = (config.slots, spike_words, config.readout_neurons)
        super().__init__(
            {
                "begin": In(1),
                "num_slots": In(unsigned((config.slots - 1).bit_length() + 1)),
                "is_readout": In(1),
                "last": Out(1),
                "clear": In(1),
                "cleared": Out(1),
                "restart": In(1),
                "spikes": In(config.lanes),
                "spikes_write": Out(1),
                "spikes_address": Out(range(config.spike_words)),
                "spikes_word": Out(WORD_BITS),
                "sweep": Out(range(max(self.depths))),
                "timing": Out(UpdateTiming(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timing = self.timing
        lanes = self.config.lanes
        left = Signal.like(self.num_slots)
        lane = Signal(range(lanes))
        updating, advance, reads_out = Signal(), Signal(), Signal()
        m.d.comb += [
            updating.eq(left != 0),
            reads_out.eq(updating & self.is_readout),
            advance.eq(updating & (~self.is_readout | (lane == lanes - 1))),
            self.last.eq((left == 1) & advance),
        ]
        with m.If(self.begin):
            m.d.sync += left.eq(self.num_slots)
        with m.Elif(advance):
            m.d.sync += left.eq(left - 1)
        with m.If(reads_out):
            m.d.sync += lane.eq(lane + 1)

        def delayed(signal: Signal, cycles: int) -> list[Signal]:
            stages = [signal]
            for n in range(1, cycles + 1):
                stages.append(Signal.like(signal, name=f"{signal.name}_{n}"))
                m.d.sync += stages[n].eq(stages[n - 1])
            return stages

        stored = delayed(advance, STORED_CYCLES)
        m.d.sync += timing.parameter_slot.eq(timing.slot)
        m.d.comb += [
            timing.valued.eq(stored[1 + VALUE_LATENCY]),
            timing.spiking.eq(stored[SPIKE_CYCLES]),
            timing.store.eq(stored[STORED_CYCLES]),
            timing.lane.eq(delayed(lane, 1 + VALUE_LATENCY)[-1]),
            timing.read_out.eq(delayed(reads_out, 1 + VALUE_LATENCY)[-1]),
        ]
        word_full = Signal()
        for counter, counts in (
            (timing.slot, advance),
            (timing.store_slot, timing.store),
            (self.spikes_address, timing.spiking & word_full),
        ):
            with m.If(self.restart):
                m.d.sync += counter.eq(0)
            with m.Elif(counts | self.clear):
                m.d.sync += counter.eq(counter + 1)

        # Spikes, gathered into words of the bitmap.
        last = delayed(self.last, SPIKE_CYCLES)[-1]
        gathered = Signal(WORD_BITS)
        group = Signal(range(WORD_BITS // lanes))
        places = Array(self.spikes << n for n in range(0, WORD_BITS, lanes))
        now = Signal(WORD_BITS)
        m.d.comb += [
            now.eq(gathered | (places[group] if len(places) > 1 else self.spikes)),
            word_full.eq(last | (group == WORD_BITS // lanes - 1)),
            self.spikes_write.eq((timing.spiking & word_full) | self.clear),
            self.spikes_word.eq(Mux(self.clear, 0, now)),
        ]
        with m.If(timing.spiking):
            m.d.sync += [
                gathered.eq(Mux(word_full, 0, now)),
                group.eq(Mux(word_full, 0, group + 1)),
            ]
        m.d.comb += self.cleared.eq(self.clear & (self.sweep == max(self.depths) - 1))
        with m.If(self.clear):
            m.d.sync += self.sweep.eq(self.sweep + 1)
        return m
