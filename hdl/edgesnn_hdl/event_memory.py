"""The input events of one time step, and the limit on them.

Events come in while the core rests. One that breaks the network's event limit, or that no input
sends, is refused; then the whole step is refused and its events are forgotten, and nothing else
changes (as in :func:`edgesnn.events.check_events`).
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.network import EventLimitForm
from edgesnn_hdl.memories import TwoPortMemory


class EventMemory(wiring.Component):
    """List of events, with a count for each source.

    Members
    -------
    events : In(stream)
        Source ids; taken while ``open`` is 1, one in two cycles.
    open : In(1)
    idle : Out(1)
        No event is being checked.
    limit_form, limit_value, num_inputs : In
        Of the network.
    awake : In(1), address : In, event : Out(16)
        Reads the list, while ``awake``; the event comes in the next cycle.
    forget : In(1)
        Sets the count of ``event``'s source to 0.
    clear : In(1)
        Empties the list and ends a refusal.
    num_events : Out, refused : Out(1)
        Events in the list; whether this step has been refused.
    dropped : Out(1)
        Pulses for each refused event.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        address = unsigned((config.events - 1).bit_length() + 1)
        super().__init__(
            {
                "events": In(stream.Signature(unsigned(16))),
                "open": In(1),
                "idle": Out(1),
                "limit_form": In(1),
                "limit_value": In(16),
                "num_inputs": In(16),
                "awake": In(1),
                "address": In(address),
                "event": Out(16),
                "forget": In(1),
                "clear": In(1),
                "num_events": Out(address),
                "refused": Out(1),
                "dropped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.list = events = TwoPortMemory(16, self.config.events)
        m.submodules.counts = counts = TwoPortMemory(4, self.config.inputs)
        source_id = Signal(16)
        m.d.comb += [
            events.read_enable.eq(self.awake),
            events.read_address.eq(self.address),
            self.event.eq(events.read_data),
            events.write_address.eq(self.num_events),
            events.write_data.eq(source_id),
            counts.read_enable.eq(self.events.valid),
            counts.read_address.eq(self.events.payload),
            counts.write_address.eq(self.event),
            counts.write_enable.eq(self.forget),
        ]
        with m.FSM():
            with m.State("Wait"):
                m.d.comb += [self.idle.eq(1), self.events.ready.eq(self.open)]
                m.d.sync += source_id.eq(self.events.payload)
                with m.If(self.events.valid & self.open):
                    m.next = "Check"
            with m.State("Check"):
                within = Signal()
                with m.If(self.limit_form == EventLimitForm.FULL):
                    m.d.comb += within.eq(counts.read_data < self.limit_value)
                with m.Else():
                    m.d.comb += within.eq(self.num_events < self.limit_value)
                room = self.num_events < self.config.events
                with m.If(within & room & (source_id < self.num_inputs)):
                    m.d.comb += [
                        events.write_enable.eq(1),
                        counts.write_address.eq(source_id),
                        counts.write_data.eq(counts.read_data + 1),
                        counts.write_enable.eq(1),
                    ]
                    m.d.sync += self.num_events.eq(self.num_events + 1)
                with m.Else():
                    m.d.comb += self.dropped.eq(1)
                    m.d.sync += self.refused.eq(1)
                m.next = "Wait"
        with m.If(self.clear):
            m.d.sync += [self.num_events.eq(0), self.refused.eq(0)]
        return m
