"""The queue in front of a lane neither loses nor repeats a row start, nor swaps two.

A bystander marks one item when it enters, any one, at any time, and counts the items before it.
When those have left it must be the head, with its own value, or with what it was exchanged for.
As that holds for every item, each leaves once, in order, as it was.
"""

from __future__ import annotations

from amaranth.hdl import Array, Assert, Assume, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from edgesnn_hdl.row_queue import RowQueue
from tests.proofs.inside import Inside
from tests.proofs.prover import Bug, Proof, prove


class QueueKeepsEverything(wiring.Component):
    """Whoever is slow. Assumed: ``take`` and ``exchange`` only as RowQueue allows them."""

    def __init__(self, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "offer": In(1),
                "item": In(width),
                "take": In(1),
                "exchange": In(1),
                "row": In(width),
                "mark": In(1),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        queue = RowQueue(self.width, self.depth)
        inside = Inside(queue)
        m.submodules.queue = inside.fragment
        m.d.comb += [
            queue.rows.valid.eq(self.offer),
            queue.rows.payload.eq(self.item),
            queue.take.eq(self.take),
            queue.exchange.eq(self.exchange),
            queue.row.eq(self.row),
            Assume(~self.take | queue.valid),
            Assume(~self.exchange | (queue.valid & ~self.take)),
        ]

        count = Signal(range(self.depth + 1))
        marked, found = Signal(), Signal()
        before = Signal(range(self.depth))  # items in front of the marked one
        value = Signal(self.width)
        enters = self.offer & (count != self.depth)
        is_head = marked & (before == 0)
        m.d.sync += count.eq(count + enters - self.take)
        with m.If(self.take):
            m.d.sync += found.eq(0)
            with m.If(is_head):
                m.d.sync += marked.eq(0)
            with m.Else():
                m.d.sync += before.eq(before - 1)
        with m.If(self.exchange):
            m.d.sync += found.eq(1)
            with m.If(is_head):
                m.d.sync += value.eq(self.row)
        with m.If(enters & ~marked & self.mark):
            m.d.sync += [marked.eq(1), before.eq(count - self.take), value.eq(self.item)]

        m.d.comb += [
            Assert(queue.rows.ready == (count != self.depth)),
            Assert(queue.valid == (count != 0)),
            Assert(queue.found == found),
            Assert(~is_head | (queue.head == value)),
        ]
        # For the induction: how many are held, and where the marked one is.
        items = Array(inside[f"item_{n}"] for n in range(self.depth))
        held = Cat(inside[f"held_{n}"] for n in range(self.depth))
        m.d.comb += [
            Assert(held == Cat(count > n for n in range(self.depth))),
            Assert(~marked | ((before < count) & (items[before] == value))),
            Assert(~found | (count != 0)),
        ]
        return m


PROOF = Proof(
    "queues neither lose nor duplicate",
    "induction",
    {
        f"{depth} items": lambda depth=depth: prove(QueueKeepsEverything(16, depth))
        for depth in (2, 4, 16, 64)
    },
    ("4 items",),
    Bug(
        "an item that enters while the head leaves goes to the place before the last",
        "edgesnn_hdl.row_queue",
        "follower, self.take | ~held[n]",
        "follower, self.take | ~held[-1]",
    ),
)
