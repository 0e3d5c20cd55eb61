"""Events from pins: a parallel source id and a strobe."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from edgesnn_hdl.memories import TwoPortMemory

#: Events that wait here while the core is in a time step, or between two windows.
DEPTH = 128
#: ``ready`` says that so many more would be taken: a sender learns of it some cycles late.
READY_MARGIN = 8


class EventInput(wiring.Component):
    """Takes one event at each rising edge of the strobe, and queues it.

    The pins belong to no clock: they go through two flip-flops. ``strobe`` must be high and low
    for at least two clock cycles each, ``source`` must not change from a cycle before its rising
    edge to two cycles behind it. Every edge that is seen is an event: the strobe must come from
    logic, a contact that bounces sends several. A shorter pulse may be seen or not, as a whole. A
    strobe that is high from the beginning is no edge.

    Parameters
    ----------
    source_bits : int
        1..16.

    Members
    -------
    strobe : In(1), source : In(source_bits)
        The pins.
    ready : Out(1)
        There is room for READY_MARGIN more events.
    open : In(1)
        While it is 0, events are dropped and those that wait are forgotten.
    forget : In(1)
        Forgets those that wait.
    events : Out(stream)
        Source ids in order.
    dropped : Out(1)
        Pulses for each event for which there was no room.
    """

    events: stream.Interface

    def __init__(self, source_bits: int) -> None:
        self.source_bits = source_bits
        super().__init__(
            {
                "strobe": In(1),
                "source": In(source_bits),
                "ready": Out(1),
                "open": In(1),
                "forget": In(1),
                "events": Out(stream.Signature(unsigned(16))),
                "dropped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        strobe = Signal(init=1)
        before = Signal(init=1)
        source = Signal(self.source_bits)
        m.submodules.strobe_synchronizer = FFSynchronizer(self.strobe, strobe, init=1)
        m.submodules.source_synchronizer = FFSynchronizer(self.source, source)
        m.submodules.queue = queue = TwoPortMemory(self.source_bits, DEPTH)
        write = Signal(range(2 * DEPTH))
        read = Signal.like(write)
        next_read = Signal.like(write)
        waiting = Signal.like(write)
        comes = Signal()
        room = Signal()
        m.d.comb += [
            comes.eq(strobe & ~before),
            waiting.eq(write - read),
            room.eq(self.open & (waiting < DEPTH)),
            self.dropped.eq(comes & ~room),
            queue.write_address.eq(write),
            queue.write_data.eq(source),
            queue.write_enable.eq(comes & room),
            next_read.eq(read + (self.events.valid & self.events.ready)),
            queue.read_address.eq(next_read),
            self.events.payload.eq(queue.read_data),
        ]
        # What is written in this cycle cannot be read in it.
        m.d.sync += [
            before.eq(strobe),
            self.ready.eq(self.open & (waiting < DEPTH - READY_MARGIN)),
            write.eq(write + queue.write_enable),
            read.eq(next_read),
            self.events.valid.eq(next_read != write),
        ]
        with m.If(self.forget | ~self.open):
            m.d.sync += [write.eq(0), read.eq(0), self.events.valid.eq(0)]
        return m
