"""The counters of a core, in one block RAM instead of in registers.

Beside the memory each counter has a few bits of what it still has to add. The counters take turns
of two cycles, low half and high half, in which that is added to the memory. While there is nothing
to add, nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn_hdl.memories import TwoPortMemory

#: Bits of one half of a counter.
_HALF = 16


def cycles_of_a_round(counters: int) -> int:
    """Cycles until the same counter has its turn again."""
    return 2 * counters


class Counters(wiring.Component):
    """Counters of 32 bits that wrap.

    Parameters
    ----------
    most : sequence of int
        For each counter, the most that it is given in any ``cycles_of_a_round``.

    Members
    -------
    amount_0, amount_1 ... : In
        What is added to each counter in this cycle.
    clear : In(1)
        Sets all to 0.
    hold : In(1), settled : Out(1)
        While ``hold`` is 1 nothing may be added; the memory shows all that was added once
        ``settled`` is 1, and can be read until ``hold`` is 0.
    address : In, data : Out(16)
        Twice the number of a counter, plus 1 for its high half; data come in the next cycle.
    """

    def __init__(self, most: Sequence[int]) -> None:
        self.most = tuple(most)
        address = (2 * len(self.most) - 1).bit_length()
        super().__init__(
            {
                **{f"amount_{n}": In(limit.bit_length()) for n, limit in enumerate(self.most)},
                "clear": In(1),
                "hold": In(1),
                "settled": Out(1),
                "address": In(address),
                "data": Out(_HALF),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = len(self.most)
        m.submodules.memory = memory = TwoPortMemory(_HALF, 1 << len(self.address))
        turn = Signal(range(count))
        high = Signal()
        next_turn = Signal.like(turn)
        next_high = Signal()
        clearing = Signal()
        last_round = Signal()
        carry = Signal()
        total = Signal(_HALF + 1)
        pending = Array(
            Signal(most.bit_length(), name=f"pending_{n}") for n, most in enumerate(self.most)
        )
        for n, left in enumerate(pending):
            taken = ~self.settled & (turn == n) & ~high
            m.d.sync += left.eq(Mux(taken | self.clear, 0, left) + getattr(self, f"amount_{n}"))
        rests = Signal()
        m.d.comb += [
            rests.eq(~high & ~self.hold & ~self.clear & ~clearing & (Cat(*pending) == 0)),
            total.eq(Mux(clearing, 0, memory.read_data) + Mux(high, carry, pending[turn])),
            next_turn.eq(turn),
            next_high.eq(~high & ~rests),
            # When what was read outside ends, the first counter is read again.
            memory.read_enable.eq(~rests | self.settled),
            memory.read_address.eq(
                Mux(self.settled & self.hold, self.address, Cat(next_high, next_turn))
            ),
            memory.write_address.eq(Cat(high, turn)),
            memory.write_data.eq(total),
            memory.write_enable.eq(~self.settled & ~rests),
            self.data.eq(memory.read_data),
        ]
        m.d.sync += [turn.eq(next_turn), high.eq(next_high), carry.eq(total[-1])]
        with m.If(~self.hold):
            m.d.sync += last_round.eq(0)
        with m.If(high):
            m.d.comb += next_turn.eq(turn + 1)
            with m.If(turn == count - 1):
                m.d.comb += next_turn.eq(0)
                m.d.sync += [clearing.eq(0), last_round.eq(self.hold)]
                with m.If(last_round & self.hold):
                    m.d.sync += self.settled.eq(1)
        with m.If(self.clear | self.settled):
            m.d.comb += [next_turn.eq(0), next_high.eq(0)]
        with m.If(self.clear):
            m.d.sync += [clearing.eq(1), last_round.eq(0)]
        with m.If(~self.hold | self.clear):
            m.d.sync += self.settled.eq(0)
        return m
