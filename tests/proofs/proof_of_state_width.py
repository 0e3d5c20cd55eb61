"""No sum leaves the state word when the design rule ``accumulator_cannot_overflow`` holds.

The rule bounds, for each neuron: the clamp bounds of its state words, plus all events of one sign
that a step allows, plus a bias of that sign. Here a bystander watches one state word, any one. A
step begins with any value within the clamp and with a budget for events of either sign, as large
as the rule lets it be; each operation takes its amount from the budget of its sign. Then, in
whatever order operations come, neither their sums leave the word nor that of the update, which
adds the bias and, of a current-based neuron, the other state word.

Assumed: the rule; a step does not begin while an operation is on its way (the scheduler waits).
"""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from edgesnn.number_format import SignedFormat
from edgesnn_hdl.neuron_update import NeuronUpdate
from tests.proofs.one_word import with_one_word
from tests.proofs.prover import Bug, Proof, prove

SLOT_BITS = 12


class SumsStayInTheWord(wiring.Component):
    """Any number of steps, each with clamps and budgets of its own."""

    def __init__(self, state_bits: int, currents: bool) -> None:
        self.state_bits = state_bits
        self.currents = currents
        word = signed(state_bits)
        super().__init__(
            {
                "watched": In(SLOT_BITS),
                "begin": In(1),
                "begin_state": In(word),
                "clamp": In(unsigned(state_bits - 1)),
                "other_clamp": In(unsigned(state_bits - 1)),
                "budget_up": In(state_bits),
                "budget_down": In(state_bits),
                "valid": In(1),
                "slot": In(SLOT_BITS),
                "weight": In(signed(4)),
                "shift": In(4),
                "bias": In(word),
                "other": In(word),
                "anything": In(word),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        sums, memory, watched = with_one_word(m, self, SLOT_BITS)
        m.submodules.update = update = NeuronUpdate(self.state_bits, currents=self.currents)
        writes = sums.write_enable & (sums.write_slot == watched)
        state = Signal(signed(self.state_bits))  # what the word will be
        m.d.comb += [
            memory.load.eq(self.begin),
            memory.loaded.eq(self.begin_state),
            state.eq(Mux(writes, sums.write_state, memory.word)),
            update.membrane.eq(state),
            update.bias.eq(self.bias),
            Assume(~self.begin | ~(self.valid | sums.write_enable)),
        ]
        other, other_clamp = self.other, self.other_clamp + 1
        if self.currents:
            m.d.comb += update.current.eq(self.other)
        else:
            other, other_clamp = 0, 0

        # The rule, when a step begins; clamp c is -c - 1 .. c.
        word = SignedFormat(self.state_bits)
        up, down = Signal(self.state_bits), Signal(self.state_bits)
        room = Signal(self.state_bits)  # for the other state word
        within = (self.begin_state <= self.clamp) & (self.begin_state >= -self.clamp - 1)
        highest = self.clamp + other_clamp + self.budget_up
        lowest = -self.clamp - 1 - other_clamp - self.budget_down
        rule = (highest <= word.maximum) & (lowest >= word.minimum)
        m.d.comb += Assume(~self.begin | (within & rule))
        with m.If(self.begin):
            m.d.sync += [up.eq(self.budget_up), down.eq(self.budget_down), room.eq(other_clamp)]

        # Operations and the bias stay within the budgets.
        amount = Signal(signed(19))
        m.d.comb += [
            amount.eq(self.weight << self.shift),
            Assume((other <= room) & (other >= -room)),
            Assume((self.bias <= up) & (self.bias >= -down)),
        ]
        with m.If(self.valid & (self.slot == watched)):
            m.d.comb += Assume((amount <= up) & (amount >= -down))
            with m.If(amount >= 0):
                m.d.sync += up.eq(up - amount)
            with m.Else():
                m.d.sync += down.eq(down + amount)

        m.d.comb += [
            Assert(~writes | ~sums.overflow),
            Assert(~update.overflow),
            # For the induction: what is left of the budgets always fits.
            Assert((state + up + room <= word.maximum) & (state - down - room >= word.minimum)),
        ]
        return m


PROOF = Proof(
    "no accumulator overflow when the design rule holds",
    "induction",
    {
        f"{bits} bits, {kind} currents": lambda bits=bits, kind=kind: prove(
            SumsStayInTheWord(bits, kind == "with")
        )
        for bits in (16, 18, 24)
        for kind in ("without", "with")
    },
    ("16 bits, without currents", "16 bits, with currents"),
    Bug(
        "a forwarded sum is one bit too narrow",
        "edgesnn_hdl.accumulators",
        "last_sum = Signal(signed(self.state_bits))",
        "last_sum = Signal(signed(self.state_bits - 1))",
    ),
)
