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
from edgesnn_hdl.event_memory import EventMemory
from edgesnn_hdl.lane import Lane
from edgesnn_hdl.memories import TwoPortMemory
from edgesnn_hdl.scheduler import Scheduler

#: Cycles from a change of region, lane or address to its ``read_data``.
READ_LATENCY = 2


class AccessPort(wiring.Signature):
    """Memory access while the core is idle.

    enable                  the port owns the memories
    region, lane, address   what to read or write (a Region)
    write, write_data       one element
    read_data               READ_LATENCY cycles later, sign-extended
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
                "read_data": In(32),
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
            layout.width(Region.SPIKES), layout.depth(Region.SPIKES)
        )
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
            self.refused.eq(event_memory.refused),
            scheduler.start.eq(self.start),
            scheduler.reset_state.eq(self.reset_state),
            event_memory.open.eq(scheduler.idle & ~self.start & ~self.reset_state),
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
            spikes.read_address.eq(Mux(access.enable, access.address, scheduler.spikes_address)),
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
                lane.packed.eq(scheduler.packed),
                lane.weight_shift.eq(scheduler.weight_shift),
                lane.first_slot.eq(scheduler.first_slot),
                lane.flags.eq(scheduler.flags),
                lane.clamp_mask.eq(scheduler.clamp_mask),
                lane.timing.slot.eq(Mux(access.enable, access.address, scheduler.timing.slot)),
                lane.timing.readout_read.eq(
                    Mux(access.enable, access.address, scheduler.timing.readout_read)
                ),
                lane.timing.readout_write.eq(scheduler.timing.readout_write),
                lane.timing.accumulate.eq(scheduler.timing.accumulate),
                lane.timing.store_slot.eq(scheduler.timing.store_slot),
                lane.timing.store.eq(scheduler.timing.store),
                lane.rule.eq(readout_rule),
                lane.steps_since_reset.eq(scheduler.steps_since_reset),
                lane.clear.eq(scheduler.clear),
                lane.access.eq(access.enable),
                lane.address.eq(access.address),
                lane.data.eq(access.write_data),
                lane.write_synapse.eq(writes(Region.SYNAPSES) & mine),
                lane.write_threshold.eq(writes(Region.THRESHOLD) & mine),
                lane.write_bias.eq(writes(Region.BIAS) & mine),
                lane.write_decay.eq(writes(Region.DECAY) & mine),
            ]

        # Counters. What they add is registered first, which takes it off the slow paths.
        def count(name: str, amount: Value) -> Signal:
            counter = Signal(32, name=name)
            added = Signal(amount.shape(), name=f"{name}_added")
            m.d.sync += [added.eq(amount), counter.eq(counter + added)]
            with m.If(self.clear_counters):
                m.d.sync += counter.eq(0)
            return counter

        def total(bits: list[Value]) -> Value:
            return sum(bits[1:], start=bits[0])

        spiking = [lane.spike & scheduler.timing.accumulate for lane in lanes]
        counters = {
            CounterWord.STEPS: count("steps", scheduler.step_done),
            CounterWord.EVENTS: count(
                "events", Mux(scheduler.step_done, event_memory.num_events, 0)
            ),
            CounterWord.SOPS: count("sops", total([lane.sop for lane in lanes])),
            CounterWord.SPIKES: count("spikes", total(spiking)),
            CounterWord.OVERFLOWS: count("overflows", total([lane.overflow for lane in lanes])),
            CounterWord.DROPPED: count("dropped", event_memory.dropped | scheduler.discarding),
            CounterWord.CYCLES: count("cycles", scheduler.stepping),
            CounterWord.STEPS_SINCE_RESET: scheduler.steps_since_reset,
        }

        # Read data, one register after the memories.
        chosen = Array(lanes)[access.lane] if len(lanes) > 1 else lanes[0]
        read_data = Signal(32)
        counter_index = Signal(range(len(CounterWord)))
        m.d.sync += counter_index.eq(access.address)
        with m.Switch(access.region):
            with m.Case(Region.PROGRAM):
                m.d.comb += read_data.eq(program.read_data)
            with m.Case(Region.SYNAPSES):
                m.d.comb += read_data.eq(chosen.synapse_word)
            with m.Case(Region.MEMBRANE):
                m.d.comb += read_data.eq(chosen.membrane)
            with m.Case(Region.SPIKES):
                m.d.comb += read_data.eq(spikes.read_data)
            with m.Case(Region.ACCUMULATOR):
                m.d.comb += read_data.eq(chosen.accumulator)
            with m.Case(Region.COUNTER):
                values = Array(counters[word] for word in CounterWord)
                m.d.comb += read_data.eq(values[counter_index])
        m.d.sync += access.read_data.eq(read_data)
        return m
