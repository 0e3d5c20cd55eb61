"""The sequence of a time step: for each population deliver, drain, update.

The program (see :mod:`edgesnn.memory_layout`) lists the populations in order, each with its
incoming connections. A connection from inputs delivers the events of this step. A connection
from neurons delivers the spikes in the bitmap: populations before this one have written theirs in
this step already, this one and those after it still show the step before. A core with delays has a
ring of bitmaps: this step writes into one, a connection reads another (see ``edgesnn.network``).

Lanes need not be at rest between two connections of a population, unless their coding or weight
shift differ, which the lanes know of one connection only.

The number of cycles of each state is part of the design: ``edgesnn.simulator.core_timing``
predicts them.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn_hdl.delivery import Delivery
from edgesnn_hdl.descriptors import Descriptors
from edgesnn_hdl.neuron_update import PopulationFlags
from edgesnn_hdl.update_sequence import SPIKE_CYCLES, STORED_CYCLES, UpdateSequence, UpdateTiming

#: Cycles from the last slot of a population until a spike of its last word can be delivered.
SETTLE_CYCLES = SPIKE_CYCLES + 1
#: Cycles from the last slot of a step until everything is written.
FINISH_CYCLES = STORED_CYCLES


class Scheduler(wiring.Component):
    """Walks through a time step.

    Members
    -------
    start, reset_state : In(1)
        Begin a time step, or clear all state; while ``idle``.
    idle : Out(1)
    stepping : Out(1)
        A time step is under way (for the cycle counter).
    phase : Out(2)
        Of the population: 1 integrate, 2 update, 3 settle, as counted in ``core_timing``; else 0.
    step_done : Out(1)
        Pulses at the end of a time step.
    discarding : Out(1)
        Pulses for each event of a refused step that is thrown away.
    program_address, program_word : program memory
    event_address, event, num_events, refused, forget, clear_events : event memory
    spikes_address, spikes_word, spikes_write, spikes_write_address, spikes_write_word : bitmap
    rows : Out(stream), lanes_busy : In(1), spikes : In(lanes)
    packed, weight_shift, flags, clamp_mask, timing, clear : to the lanes
    into_currents : Out(1), current_mask : Out
        To lanes with currents: the connection adds to them; see CurrentUpdate.
    last_bitmap : Out
        Bitmap of the last step.
    restart : Out(1)
        The next population is the first one.
    steps_since_reset : Out(32)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        event = unsigned(config.events.bit_length())
        word = range(config.spike_words * config.spike_bitmaps)
        super().__init__(
            {
                "start": In(1),
                "reset_state": In(1),
                "idle": Out(1),
                "stepping": Out(1),
                "phase": Out(2),
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
                "flags": Out(PopulationFlags),
                "clamp_mask": Out(config.state_bits - 1),
                "into_currents": Out(1),
                "current_mask": Out(config.state_bits - 1),
                "last_bitmap": Out(range(config.spike_bitmaps)),
                "timing": Out(UpdateTiming(config)),
                "clear": Out(1),
                "restart": Out(1),
                "steps_since_reset": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.descriptors = descriptors = Descriptors(self.config)
        m.submodules.delivery = delivery = Delivery(self.config)
        m.submodules.update = update = UpdateSequence(self.config)
        wiring.connect(m, delivery.rows, wiring.flipped(self.rows))
        wiring.connect(m, update.timing, wiring.flipped(self.timing))
        m.d.comb += [
            descriptors.word.eq(self.program_word),
            self.program_address.eq(descriptors.address),
            delivery.from_input.eq(descriptors.from_input),
            delivery.first_source.eq(descriptors.first_source),
            delivery.end_source.eq(descriptors.end_source),
            delivery.row_base.eq(descriptors.row_base),
            delivery.event.eq(self.event),
            delivery.num_events.eq(self.num_events),
            delivery.spikes_word.eq(self.spikes_word),
            self.event_address.eq(delivery.event_address),
            self.forget.eq(delivery.forget),
            update.num_slots.eq(descriptors.num_slots),
            update.is_readout.eq(self.flags.is_readout),
            update.clear.eq(self.clear),
            update.restart.eq(self.restart),
            update.spikes.eq(self.spikes),
            self.spikes_write.eq(update.spikes_write),
            self.spikes_write_word.eq(update.spikes_word),
        ]

        # Bitmaps: which one is read, and which one is written.
        reads, writes = Signal.like(self.last_bitmap), Signal.like(self.last_bitmap)
        m.d.comb += [
            self.spikes_address.eq(Cat(delivery.spikes_address, reads)),
            self.spikes_write_address.eq(Cat(update.spikes_address, writes)),
        ]
        if self.config.delays:
            # This population and those after it have not fired in this step yet.
            later = descriptors.first_source >= update.spikes_address
            swept = update.sweep >> (self.config.spike_words - 1).bit_length()
            m.d.comb += [
                reads.eq(self.last_bitmap + ~later - descriptors.delay),
                writes.eq(Mux(self.clear, swept, self.last_bitmap + 1)),
            ]
            with m.If(self.step_done):
                m.d.sync += self.last_bitmap.eq(self.last_bitmap + 1)

        # A connection begins: the lanes get what they need of it.
        with m.If(descriptors.delivers):
            m.d.sync += [
                self.packed.eq(descriptors.packed),
                self.weight_shift.eq(descriptors.weight_shift),
                self.into_currents.eq(descriptors.current_bits != 0),
            ]
        alike = Signal()
        m.d.comb += alike.eq(
            Cat(self.packed, self.weight_shift) == Cat(descriptors.packed, descriptors.weight_shift)
        )
        # An update begins: so do the lanes, and the next descriptors are read meanwhile.
        with m.If(update.begin):
            masks = Array((1 << max(bits - 1, 0)) - 1 for bits in range(32))
            m.d.comb += [
                descriptors.next_population.eq(1),
                descriptors.from_start.eq(descriptors.flags.is_last),
            ]
            m.d.sync += [
                self.flags.eq(descriptors.flags),
                self.clamp_mask.eq(masks[descriptors.membrane_bits]),
            ]
            if self.config.currents:
                m.d.sync += self.current_mask.eq(masks[descriptors.current_bits])
        any_connection = descriptors.connections != 0
        waited = Signal(range(FINISH_CYCLES))
        in_step = Signal()
        counted = Signal()  # this step's events still have counts
        integrating, updating = Signal(), Signal()
        m.d.comb += [
            self.stepping.eq(in_step & ~self.idle),
            self.phase.eq(Mux(self.stepping, Mux(integrating, 1, Mux(updating, 2, 3)), 0)),
        ]

        def enter(state: str) -> None:
            """Deliver the connection that is there, or go on without one."""
            with m.If(any_connection):
                m.d.comb += descriptors.delivers.eq(1)
                m.next = "Deliver"
            with m.Else():
                m.next = state

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [self.idle.eq(1), delivery.rewind.eq(self.start)]
                m.d.sync += in_step.eq(self.start & ~self.reset_state & ~self.refused)
                with m.If(self.reset_state):
                    m.d.comb += [descriptors.next_population.eq(1), descriptors.from_start.eq(1)]
                    m.next = "Clear"
                with m.Elif(self.start):
                    m.d.sync += counted.eq(self.num_events != 0)
                    with m.If(self.refused):
                        m.next = "Rewind"
                    with m.Else():
                        enter("Drain")
            with m.State("Deliver"):
                m.d.comb += [delivery.delivering.eq(1), integrating.eq(1)]
                with m.If(delivery.at_end):
                    with m.If(descriptors.from_input):
                        m.d.sync += counted.eq(0)
                    with m.If(any_connection):
                        m.d.comb += descriptors.next_connection.eq(1)
                        m.next = "Connection"
                    with m.Elif(self.lanes_busy):
                        m.next = "Drain"
                    with m.Else():
                        m.d.comb += update.begin.eq(1)
                        m.next = "Update"
            with m.State("Connection"):
                m.d.comb += [delivery.rewind.eq(1), integrating.eq(1)]
                with m.If(descriptors.ready & (alike | ~self.lanes_busy)):
                    m.d.comb += descriptors.delivers.eq(1)
                    m.next = "Deliver"
            with m.State("Drain"):
                m.d.comb += integrating.eq(1)
                with m.If(~self.lanes_busy):
                    m.d.comb += update.begin.eq(1)
                    m.next = "Update"
            with m.State("Update"):
                m.d.comb += updating.eq(1)
                m.d.sync += waited.eq(0)
                with m.If(update.last & self.flags.is_last):
                    m.next = "Finish"
                with m.Elif(update.last):
                    m.next = "Settle"
            with m.State("Settle"):
                m.d.comb += delivery.rewind.eq(1)
                with m.If(waited != SETTLE_CYCLES - 1):
                    m.d.sync += waited.eq(waited + 1)
                with m.Elif(descriptors.ready):
                    enter("Drain")
            with m.State("Finish"):
                with m.If(waited != FINISH_CYCLES - 1):
                    m.d.sync += waited.eq(waited + 1)
                with m.Elif(descriptors.ready):
                    m.d.comb += [self.step_done.eq(1), self.restart.eq(1)]
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
                m.d.sync += self.steps_since_reset.eq(0)
                with m.If(update.cleared):
                    m.d.comb += self.restart.eq(1)
                    m.next = "Rewind"
        return m
