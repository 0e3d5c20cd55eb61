"""Read-modify-write with forwarding equals the plain update, for any sequence of operations.

A bystander watches one slot, any one, and adds up its operations one after the other. At any time
the memory's word, once the sum on its way has been written, is that total. Words wrap, so the
total may leave the state word: then, and only then, ``overflow`` says so.
"""

from __future__ import annotations

from amaranth.hdl import Assert, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from tests.proofs.one_word import with_one_word
from tests.proofs.prover import Bug, Proof, prove

SLOT_BITS = 12


class SumsArePlainSums(wiring.Component):
    """Operations come in any cycle, on any slot, with any weight and shift. Nothing is assumed."""

    def __init__(self, state_bits: int) -> None:
        self.state_bits = state_bits
        super().__init__(
            {
                "watched": In(SLOT_BITS),
                "valid": In(1),
                "slot": In(SLOT_BITS),
                "weight": In(signed(4)),
                "shift": In(4),
                "anything": In(signed(state_bits)),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        sums, memory, watched = with_one_word(m, self, SLOT_BITS)

        adds = self.valid & (self.slot == watched)
        exact = Signal(signed(max(self.state_bits, 19) + 1))
        total = Signal(signed(self.state_bits))
        added, left_the_word = Signal(), Signal()
        m.d.comb += exact.eq(total + (self.weight << self.shift))
        m.d.sync += added.eq(adds)
        with m.If(adds):
            m.d.sync += [
                total.eq(exact),
                left_the_word.eq(exact != exact[: self.state_bits].as_signed()),
            ]

        writes = sums.write_enable & (sums.write_slot == watched)
        m.d.comb += [
            Assert(writes == added),
            Assert(Mux(writes, sums.write_state, memory.word) == total),
            Assert(~writes | (sums.overflow == left_the_word)),
        ]
        return m


PROOF = Proof(
    "read-modify-write with forwarding equals the plain update for any sequence",
    "induction",
    {f"{bits} bits": lambda bits=bits: prove(SumsArePlainSums(bits)) for bits in (16, 18, 24)},
    ("16 bits",),
    Bug(
        "the sum is forwarded without looking at the slot",
        "edgesnn_hdl.accumulators",
        "forward.eq(self.write_enable & (self.write_slot == self.op_slot))",
        "forward.eq(self.write_enable)",
    ),
)
