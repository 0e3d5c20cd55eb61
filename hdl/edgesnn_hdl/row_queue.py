"""Rows that wait in front of a lane, so that lanes need not keep in step."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class RowQueue(wiring.Component):
    """A first-in first-out queue of addresses of row starts, in registers.

    The address of the head can be exchanged: for that of the row itself, once its start has been
    read. ``rows.ready`` says that there was room before this cycle; what enters can leave in the
    next cycle. Items move towards the head, which costs no more than a choice of one of them.

    Parameters
    ----------
    width, depth : int
        Bits of an item; items, at least 2.

    Members
    -------
    rows : In(stream)
        Row starts that enter.
    valid : Out(1), head : Out(width), found : Out(1)
        There is a head; what it is; whether it was exchanged.
    take : In(1)
        The head leaves; while ``valid``.
    exchange : In(1), row : In(width)
        ``row`` becomes the head; while ``valid``, and not with ``take``.
    """

    def __init__(self, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "rows": In(stream.Signature(unsigned(width))),
                "valid": Out(1),
                "head": Out(width),
                "found": Out(1),
                "take": In(1),
                "exchange": In(1),
                "row": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        items = [Signal(self.width, name=f"item_{n}") for n in range(self.depth)]
        held = [Signal(name=f"held_{n}") for n in range(self.depth)]
        enters = Signal()
        m.d.comb += [
            self.rows.ready.eq(~held[-1]),
            self.valid.eq(held[0]),
            self.head.eq(items[0]),
            enters.eq(self.rows.valid & self.rows.ready),
        ]
        # Synthesis may not choose what enters first, which would save a cell: it comes last.
        next_head = Signal(self.width, attrs={"keep": 1})
        for n, item in enumerate(items):
            behind = held[n + 1] if n + 1 < self.depth else Const(0, 1)
            follower = items[n + 1] if n + 1 < self.depth else item
            before = held[n - 1] if n else 1
            moves, moved, changes = behind, follower, self.take | ~held[n]
            if n == 0:
                m.d.comb += next_head.eq(Mux(self.exchange, self.row, follower))
                moves, moved, changes = behind | self.exchange, next_head, changes | self.exchange
            with m.If(changes):
                m.d.sync += item.eq(Mux(moves, moved, self.rows.payload))
            with m.If(self.take):
                m.d.sync += held[n].eq(behind | (enters & held[n]))
            with m.Else():
                m.d.sync += held[n].eq(held[n] | (enters & before))
        with m.If(self.take):
            m.d.sync += self.found.eq(0)
        with m.If(self.exchange):
            m.d.sync += self.found.eq(1)
        return m
