"""The sequence of a time step: for each population deliver, drain, update.

The program (see :mod:`edgesnn.memory_layout`) lists the populations in order, each with its
incoming connections. A connection from inputs delivers the events of this step. A connection
from neurons delivers the spikes in the bitmap: populations before this one have written theirs in
this step already, this one and those after it still show the step before.

The number of cycles of each state is part of the design: ``edgesnn.simulator.core_timing``
predicts them.
"""

from __future__ import annotations

from amaranth.hdl import Array, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.memory_layout import (
    ConnectionFlag,
    ConnectionWord,
    MemoryLayout,
    PopulationWord,
    Prologue,
    Region,
)
from edgesnn_hdl.delivery import Delivery
from edgesnn_hdl.lane import UpdateTiming
from edgesnn_hdl.neuron_update import SPIKE_LATENCY, STORED_LATENCY, PopulationFlags

#: Cycles after the last slot until everything of a step is written.
FINISH_CYCLES = 1 + STORED_LATENCY + 1


class Scheduler(wiring.Component):
    """Walks through a time step.

    Members
    -------
    start, reset_state : In(1)
        Begin a time step, or clear all state; while ``idle``.
    idle : Out(1)
    stepping : Out(1)
        A time step is under way (for the cycle counter).
    step_done : Out(1)
        Pulses at the end of a time step.
    discarding : Out(1)
        Pulses for each event of a refused step that is thrown away.
    program_address, program_word : program memory
    event_address, event, num_events, refused, forget, clear_events : event memory
    spikes_address, spikes_word, spikes_write, spikes_write_address, spikes_write_word : bitmap
    rows : Out(stream), lanes_busy : In(1), spikes : In(lanes)
    packed, weight_shift, first_slot, flags, clamp_mask, timing, clear : to the lanes
    steps_since_reset : Out(32)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        layout = MemoryLayout(config)
        event = unsigned((config.events - 1).bit_length() + 1)
        word = unsigned((layout.depth(Region.SPIKES) - 1).bit_length())
        super().__init__(
            {
                "start": In(1),
                "reset_state": In(1),
                "idle": Out(1),
                "stepping": Out(1),
                "step_done": Out(1),
                "discarding": Out(1),
                "program_address": Out((config.program_words - 1).bit_length()),
                "program_word": In(16),
                "event_address": Out(event),
                "event": In(16),
                "num_events": In(event),
                "refused": In(1),
                "forget": Out(1),
                "clear_events": Out(1),
                "spikes_address": Out(word),
                "spikes_word": In(WORD_BITS),
                "spikes_write": Out(1),
                "spikes_write_address": Out(word),
                "spikes_write_word": Out(WORD_BITS),
                "rows": Out(stream.Signature(unsigned(16))),
                "lanes_busy": In(1),
                "spikes": In(config.lanes),
                "packed": Out(1),
                "weight_shift": Out(4),
                "first_slot": Out((config.slots - 1).bit_length()),
                "flags": Out(PopulationFlags),
                "clamp_mask": Out(config.state_bits - 1),
                "timing": Out(UpdateTiming(config)),
                "clear": Out(1),
                "steps_since_reset": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        slot_shape = unsigned((config.slots - 1).bit_length())

        # Descriptors, one register a word; a word arrives each cycle of a fetch.
        program = Signal.like(self.program_address, init=len(Prologue))
        fetching = Signal()
        field = Signal(range(max(len(PopulationWord), len(ConnectionWord))))
        m.d.comb += self.program_address.eq(program + fetching)
        m.d.sync += program.eq(self.program_address)
        population = {
            PopulationWord.NUM_CONNECTIONS: Signal(8, name="connections_left"),
            PopulationWord.NUM_SLOTS: Signal(slot_shape.width + 1, name="num_slots"),
            PopulationWord.FIRST_SLOT: self.first_slot,
            PopulationWord.FIRST_SPIKE_WORD: Signal.like(
                self.spikes_address, name="first_spike_word"
            ),
            PopulationWord.FLAGS: self.flags.as_value(),
        }
        connection = {
            ConnectionWord.FLAGS: Signal(16, name="connection_flags"),
            ConnectionWord.FIRST_SOURCE: Signal(16, name="first_source"),
            ConnectionWord.END_SOURCE: Signal(16, name="end_source"),
            ConnectionWord.ROW_BASE: Signal(16, name="row_base"),
        }
        connections_left = population[PopulationWord.NUM_CONNECTIONS]
        connection_flags = connection[ConnectionWord.FLAGS]
        from_input = connection_flags[ConnectionFlag.FROM_INPUT]
        m.d.comb += [
            self.packed.eq(connection_flags[ConnectionFlag.PACKED]),
            self.weight_shift.eq(connection_flags[ConnectionFlag.WEIGHT_SHIFT :]),
        ]

        m.submodules.delivery = delivery = Delivery(
            self.event_address.shape().width, self.spikes_address.shape().width
        )
        wiring.connect(m, delivery.rows, wiring.flipped(self.rows))
        m.d.comb += [
            delivery.from_input.eq(from_input),
            delivery.first_source.eq(connection[ConnectionWord.FIRST_SOURCE]),
            delivery.end_source.eq(connection[ConnectionWord.END_SOURCE]),
            delivery.row_base.eq(connection[ConnectionWord.ROW_BASE]),
            delivery.event.eq(self.event),
            delivery.num_events.eq(self.num_events),
            delivery.spikes_word.eq(self.spikes_word),
            self.event_address.eq(delivery.event_address),
            self.spikes_address.eq(delivery.spikes_address),
            self.forget.eq(delivery.forget),
        ]

        slots_left = Signal(slot_shape.width + 1)
        slot = Signal(slot_shape)
        updating = Signal()
        finish = Signal(range(FINISH_CYCLES))
        sweep = Signal(range(max(config.slots, config.spike_words) + 1))
        in_step = Signal()
        m.d.comb += self.stepping.eq(in_step & ~self.idle)
        counted = Signal()  # this step's events still have counts

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.idle.eq(1)
                m.d.sync += in_step.eq(self.start & ~self.reset_state & ~self.refused)
                m.d.sync += [program.eq(len(Prologue)), sweep.eq(0)]
                m.d.comb += self.program_address.eq(len(Prologue))
                with m.If(self.reset_state):
                    m.next = "Clear"
                with m.Elif(self.start):
                    m.d.sync += counted.eq(self.num_events != 0)
                    with m.If(self.refused):
                        m.next = "Rewind"
                    with m.Else():
                        m.next = "Population"
            with m.State("Population"):
                m.d.comb += fetching.eq(1)
                with m.Switch(field):
                    for index, register in population.items():
                        with m.Case(index):
                            m.d.sync += register.eq(self.program_word)
                    with m.Case(PopulationWord.MEMBRANE_BITS):
                        masks = Array((1 << max(bits - 1, 0)) - 1 for bits in range(32))
                        m.d.sync += self.clamp_mask.eq(masks[self.program_word[:5]])
                m.d.sync += field.eq(field + 1)
                with m.If(field == len(PopulationWord) - 1):
                    m.d.sync += [field.eq(0), slots_left.eq(population[PopulationWord.NUM_SLOTS])]
                    m.d.sync += slot.eq(self.first_slot)
                    with m.If(connections_left == 0):
                        m.next = "Update"
                    with m.Else():
                        m.next = "Connection"
            with m.State("Connection"):
                m.d.comb += [fetching.eq(1), delivery.rewind.eq(1)]
                with m.Switch(field):
                    for word, register in connection.items():
                        with m.Case(word):
                            m.d.sync += register.eq(self.program_word)
                m.d.sync += field.eq(field + 1)
                with m.If(field == len(ConnectionWord) - 1):
                    m.d.sync += [field.eq(0), connections_left.eq(connections_left - 1)]
                    m.next = "Deliver"
            with m.State("Deliver"):
                m.d.comb += delivery.delivering.eq(1)
                with m.If(delivery.at_end):
                    with m.If(from_input):
                        m.d.sync += counted.eq(0)
                    m.next = "Drain"
            with m.State("Drain"), m.If(~self.lanes_busy):
                with m.If(connections_left == 0):
                    m.next = "Update"
                with m.Else():
                    m.next = "Connection"
            with m.State("Update"):
                m.d.comb += updating.eq(1)
                m.d.sync += [slot.eq(slot + 1), slots_left.eq(slots_left - 1)]
                with m.If(slots_left == 1):
                    with m.If(self.flags.is_last):
                        m.d.sync += finish.eq(0)
                        m.next = "Finish"
                    with m.Else():
                        m.next = "Population"
            with m.State("Finish"):
                m.d.sync += finish.eq(finish + 1)
                with m.If(finish == FINISH_CYCLES - 1):
                    m.d.comb += self.step_done.eq(1)
                    m.d.sync += self.steps_since_reset.eq(self.steps_since_reset + 1)
                    with m.If(counted):
                        m.next = "Rewind"
                    with m.Else():
                        m.d.comb += self.clear_events.eq(1)
                        m.next = "Idle"
            with m.State("Rewind"):
                m.d.comb += [delivery.forgetting.eq(1), delivery.rewind.eq(1)]
                m.next = "Forget"
            with m.State("Forget"):
                m.d.comb += delivery.forgetting.eq(1)
                with m.If(delivery.at_end):
                    m.d.comb += self.clear_events.eq(1)
                    m.next = "Idle"
                with m.Else():
                    m.d.comb += self.discarding.eq(self.refused)
            with m.State("Clear"):
                m.d.comb += self.clear.eq(1)
                m.d.sync += [sweep.eq(sweep + 1), self.steps_since_reset.eq(0)]
                with m.If(sweep == max(config.slots, config.spike_words) - 1):
                    m.next = "Rewind"

        # The update pipeline, in step with NeuronUpdate: a neuron's words are there one cycle
        # after its slot.
        stored = 1 + STORED_LATENCY
        spiked = 1 + SPIKE_LATENCY
        valid, slots, last = [updating], [slot], [slots_left == 1]
        for n in range(1, stored + 1):
            valid.append(Signal(name=f"valid_{n}"))
            slots.append(Signal(slot_shape, name=f"slot_{n}"))
            last.append(Signal(name=f"last_{n}"))
            m.d.sync += [
                valid[n].eq(valid[n - 1]),
                slots[n].eq(slots[n - 1]),
                last[n].eq(last[n - 1]),
            ]
        readout_write = Signal.like(self.timing.readout_read)
        m.d.sync += readout_write.eq(self.timing.readout_read)
        m.d.comb += [
            self.timing.slot.eq(Mux(self.clear, sweep, slot)),
            self.timing.readout_read.eq(slots[spiked - 1] - self.first_slot),
            self.timing.readout_write.eq(Mux(self.clear, sweep, readout_write)),
            self.timing.accumulate.eq(valid[spiked]),
            self.timing.store_slot.eq(slots[stored]),
            self.timing.store.eq(valid[stored]),
        ]

        # Spikes, gathered into words of the bitmap.
        gathered = Signal(WORD_BITS)
        filled = Signal(range(WORD_BITS))
        word_index = Signal.like(self.spikes_address)
        now = Signal(WORD_BITS)
        full = Signal()
        places = Array(self.spikes << n for n in range(0, WORD_BITS, config.lanes))
        m.d.comb += [
            now.eq(gathered | places[filled[config.lanes.bit_length() - 1 :]]),
            full.eq(last[spiked] | (filled == WORD_BITS - config.lanes)),
            self.spikes_write.eq((valid[spiked] & full) | self.clear),
            self.spikes_write_word.eq(Mux(self.clear, 0, now)),
            self.spikes_write_address.eq(
                Mux(self.clear, sweep, population[PopulationWord.FIRST_SPIKE_WORD] + word_index)
            ),
        ]
        with m.If(valid[spiked]):
            m.d.sync += [
                gathered.eq(Mux(full, 0, now)),
                filled.eq(Mux(full, 0, filled + config.lanes)),
                word_index.eq(Mux(last[spiked], 0, word_index + full)),
            ]
        return m
