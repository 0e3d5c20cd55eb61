"""Row starts that wait in front of a lane, so that lanes need not keep in step."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class EventQueue(wiring.Component):
    """A first-in first-out queue in registers.

    ``i.ready`` says that there was room before this cycle; what enters can leave in the next
    cycle. Nothing is lost and nothing is repeated.

    Parameters
    ----------
    width, depth : int
        Bits of an item; items, a power of two.

    Members
    -------
    i : In(stream), o : Out(stream)
    empty : Out(1)
    """

    def __init__(self, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(width))),
                "o": Out(stream.Signature(unsigned(width))),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        items = Array(Signal(self.width, name=f"item_{n}") for n in range(self.depth))
        head = Signal(range(self.depth))
        tail = Signal(range(self.depth))
        level = Signal(range(self.depth + 1))
        enters = Signal()
        leaves = Signal()
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            self.o.valid.eq(level != 0),
            self.o.payload.eq(items[tail]),
            self.empty.eq(level == 0),
            enters.eq(self.i.valid & self.i.ready),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += level.eq(level + enters - leaves)
        with m.If(enters):
            m.d.sync += [items[head].eq(self.i.payload), head.eq(head + 1)]
        with m.If(leaves):
            m.d.sync += tail.eq(tail + 1)
        return m
