"""The event-driven core: events in, time steps, memories and counters to read.

Everything is loaded and read through one access port, in the regions of
:mod:`edgesnn.memory_layout`.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import CounterWord, MemoryLayout, Prologue, Region
from edgesnn_hdl.counters import Counters, cycles_of_a_round
from edgesnn_hdl.event_memory import EventMemory
from edgesnn_hdl.lane import Lane
from edgesnn_hdl.memories import TwoPortMemory
from edgesnn_hdl.readout import ReadoutAccumulators
from edgesnn_hdl.scheduler import Scheduler

#: Cycles from a change of region, lane, address or byte to its ``read_data``.
READ_LATENCY = 2


class AccessPort(wiring.Signature):
    """Memory access while the core is idle.

    enable                  the port owns the memories
    region, lane, address   what to read or write (a Region)
    write, write_data       one element
    byte                    which byte of an element to read, 0 is the lowest
    read_data               that byte READ_LATENCY cycles later; elements are sign-extended to
                            32 bits
    settled                 while it is 0, counters cannot be read yet
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "enable": Out(1),
                "region": Out(4),
                "lane": Out(4),
                "address": Out(16),
                "write": Out(1),
                "write_data": Out(32),
                "byte": Out(2),
                "read_data": In(8),
                "settled": In(1),
            }
        )


class Core(wiring.Component):
    """A core of the size that ``config`` says.

    Members
    -------
    events : In(stream)
        Source ids of the input events of the next time step.
    start, reset_state, clear_counters : In(1)
        Commands; the first two while ``idle``.
    idle : Out(1)
    phase : Out(2)
        What the core does for a population, see Scheduler; for counting in simulation.
    dropped : In(1)
        An event was lost on its way here; in two cycles at most one.
    refused : Out(1)
        An event was refused; the next ``start`` discards the step's events instead of running.
    access : In(AccessPort)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "events": In(stream.Signature(unsigned(16))),
                "start": In(1),
                "reset_state": In(1),
                "clear_counters": In(1),
                "idle": Out(1),
                "phase": Out(2),
                "dropped": In(1),
                "refused": Out(1),
                "access": In(AccessPort()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = MemoryLayout(self.config)
        access = self.access

        def writes(region: Region) -> Signal:
            return access.enable & access.write & (access.region == region)

        m.submodules.scheduler = scheduler = Scheduler(self.config)
        m.submodules.event_memory = event_memory = EventMemory(self.config)
        m.submodules.program = program = TwoPortMemory(
            layout.width(Region.PROGRAM), layout.depth(Region.PROGRAM)
        )
        m.submodules.spikes = spikes = TwoPortMemory(
            layout.width(Region.SPIKES), layout.depth(Region.SPIKES) * self.config.spike_bitmaps
        )
        spikes_seen = access.address  # of the last step
        if self.config.delays:
            in_bitmap = (layout.depth(Region.SPIKES) - 1).bit_length()
            spikes_seen = Cat(access.address[:in_bitmap], scheduler.last_bitmap)
        awake = Signal()  # else no memory is read and no lane moves
        m.submodules.readout = readout = ReadoutAccumulators(self.config)
        lanes = []
        for k in range(self.config.lanes):
            m.submodules[f"lane_{k}"] = lane = Lane(self.config)
            lanes.append(lane)

        # The words of the prologue that are needed at once are kept in registers.
        def mirrored(word: Prologue, width: int) -> Signal:
            register = Signal(width, name=word.name.lower())
            with m.If(writes(Region.PROGRAM) & (access.address == word)):
                m.d.sync += register.eq(access.write_data)
            return register

        readout_rule = mirrored(Prologue.READOUT_RULE, 3)

        wiring.connect(m, wiring.flipped(self.events), event_memory.events)
        m.d.comb += [
            self.idle.eq(scheduler.idle & event_memory.idle),
            self.phase.eq(scheduler.phase),
            self.refused.eq(event_memory.refused),
            scheduler.start.eq(self.start),
            scheduler.reset_state.eq(self.reset_state),
            awake.eq(~scheduler.idle | self.start | access.enable),
            event_memory.awake.eq(awake),
            program.read_enable.eq(awake | self.reset_state),
            spikes.read_enable.eq(awake),
            readout.awake.eq(awake),
            event_memory.open.eq(scheduler.idle & ~self.start & ~self.reset_state & ~access.enable),
            event_memory.limit_form.eq(mirrored(Prologue.EVENT_LIMIT_FORM, 1)),
            event_memory.limit_value.eq(mirrored(Prologue.EVENT_LIMIT_VALUE, 16)),
            event_memory.num_inputs.eq(mirrored(Prologue.NUM_INPUTS, 16)),
            event_memory.address.eq(scheduler.event_address),
            event_memory.forget.eq(scheduler.forget),
            event_memory.clear.eq(scheduler.clear_events),
            scheduler.event.eq(event_memory.event),
            scheduler.num_events.eq(event_memory.num_events),
            scheduler.refused.eq(event_memory.refused),
            program.read_address.eq(Mux(access.enable, access.address, scheduler.program_address)),
            scheduler.program_word.eq(program.read_data),
            program.write_address.eq(access.address),
            program.write_data.eq(access.write_data),
            program.write_enable.eq(writes(Region.PROGRAM)),
            spikes.read_address.eq(Mux(access.enable, spikes_seen, scheduler.spikes_address)),
            scheduler.spikes_word.eq(spikes.read_data),
            spikes.write_address.eq(scheduler.spikes_write_address),
            spikes.write_data.eq(scheduler.spikes_write_word),
            spikes.write_enable.eq(scheduler.spikes_write),
            # An event goes to all lanes at once.
            scheduler.rows.ready.eq(Cat(lane.rows.ready for lane in lanes).all()),
            scheduler.lanes_busy.eq(Cat(lane.busy for lane in lanes).any()),
            scheduler.spikes.eq(Cat(lane.spike for lane in lanes)),
        ]
        for k, lane in enumerate(lanes):
            mine = access.lane == k
            m.d.comb += [
                lane.rows.payload.eq(scheduler.rows.payload),
                lane.rows.valid.eq(scheduler.rows.valid & scheduler.rows.ready),
                lane.awake.eq(awake),
                lane.packed.eq(scheduler.packed),
                lane.weight_shift.eq(scheduler.weight_shift),
                lane.flags.eq(scheduler.flags),
                lane.clamp_mask.eq(scheduler.clamp_mask),
                lane.into_currents.eq(scheduler.into_currents),
                lane.current_mask.eq(scheduler.current_mask),
                *(
                    getattr(lane.timing, name).eq(getattr(scheduler.timing, name))
                    for name in scheduler.timing.signature.members
                ),
                lane.clear.eq(scheduler.clear),
                lane.access.eq(access.enable),
                lane.address.eq(access.address),
                lane.data.eq(access.write_data),
                lane.write_synapse.eq(writes(Region.SYNAPSES) & mine),
                lane.write_threshold.eq(writes(Region.THRESHOLD) & mine),
                lane.write_bias.eq(writes(Region.BIAS) & mine),
                lane.write_decay.eq(writes(Region.DECAY) & mine),
                lane.write_synaptic_decay.eq(writes(Region.SYNAPTIC_DECAY) & mine),
            ]

        m.d.comb += [
            readout.rule.eq(readout_rule),
            readout.steps_since_reset.eq(scheduler.steps_since_reset),
            readout.valid.eq(scheduler.timing.read_out),
            readout.lane.eq(scheduler.timing.lane),
            readout.fires.eq(Cat(lane.fires for lane in lanes)),
            *(readout.values[k].eq(lane.value) for k, lane in enumerate(lanes)),
            readout.clear.eq(scheduler.clear),
            readout.restart.eq(scheduler.restart),
            readout.access.eq(access.enable),
            readout.access_lane.eq(access.lane),
            readout.access_slot.eq(access.address),
        ]

        # Counters. What they add is registered first, which takes it off the slow paths.
        def registered(amount: Value) -> Signal:
            register = Signal(amount.shape())
            m.d.sync += register.eq(amount)
            return register

        def total(bits: list[Value]) -> Value:
            return registered(sum(bits[1:], start=bits[0]))

        spiking = [lane.spike & scheduler.timing.spiking for lane in lanes]
        amounts = {
            CounterWord.STEPS: registered(scheduler.step_done),
            CounterWord.EVENTS: Mux(scheduler.step_done, event_memory.num_events, 0),
            CounterWord.SOPS: total([lane.sop for lane in lanes]),
            CounterWord.SPIKES: total(spiking),
            CounterWord.OVERFLOWS: total([lane.overflow for lane in lanes]),
            CounterWord.DROPPED: total([event_memory.dropped | scheduler.discarding, self.dropped]),
            CounterWord.CYCLES: registered(scheduler.stepping),
        }
        # A step takes at least half a round of the counters, so no more than two end in one.
        busy_cycles = cycles_of_a_round(len(amounts))
        most = dict.fromkeys(amounts, busy_cycles * self.config.lanes)
        most |= {CounterWord.CYCLES: busy_cycles, CounterWord.DROPPED: busy_cycles * 3 // 2}
        most |= {CounterWord.STEPS: 2, CounterWord.EVENTS: 2 * self.config.events}
        m.submodules.counters = counters = Counters([most[word] for word in amounts])
        for word, amount in amounts.items():
            m.d.comb += getattr(counters, f"amount_{int(word)}").eq(amount)
        m.d.comb += [
            counters.clear.eq(self.clear_counters),
            counters.hold.eq(access.enable & (access.region == Region.COUNTER)),
            counters.address.eq(Cat(access.byte[1], access.address[:3])),
            access.settled.eq(counters.settled | (access.region != Region.COUNTER)),
        ]

        # Read data, one register after the memories.
        chosen = Array(lanes)[access.lane] if len(lanes) > 1 else lanes[0]
        byte = Signal(2)
        since_reset = Signal()
        half = Signal(16)
        m.d.sync += [byte.eq(access.byte), since_reset.eq(access.address[:3].all())]
        with m.Switch(access.region):
            elements = [
                (Region.PROGRAM, program.read_data),
                (Region.SYNAPSES, chosen.synapse_word),
                (Region.MEMBRANE, chosen.membrane),
                (Region.SPIKES, spikes.read_data),
                (Region.ACCUMULATOR, readout.accumulator),
            ]
            if self.config.currents:
                elements.append((Region.CURRENT, chosen.current))
            for region, element in elements:
                with m.Case(region):
                    m.d.comb += half.eq(Mux(byte[1], element >> 16, element))
            with m.Case(Region.COUNTER):
                m.d.comb += half.eq(
                    Mux(
                        since_reset,
                        scheduler.steps_since_reset.word_select(byte[1], 16),
                        counters.data,
                    )
                )
        m.d.sync += access.read_data.eq(half.word_select(byte[0], 8))
        return m
