"""What is claimed of the gates is proved, and a proof notices a bug.

Here are the cases that take seconds; ``make proofs`` runs all of them.
"""

from __future__ import annotations

import pytest
from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator, SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.memory_layout import PopulationFlag
from edgesnn.neuron import LifParameters, ResetMode, ResetOrder, lif_step
from edgesnn.number_format import DECAY_ONE, SignedFormat
from tests.proofs.catalogue import PROOFS
from tests.proofs.proof_of_neuron_update import LifStep
from tests.proofs.prover import Bug, Proof, planted, prove

FAST = [(proof, name) for proof in PROOFS for name in proof.fast]


@pytest.mark.parametrize(("proof", "case"), FAST, ids=lambda x: getattr(x, "claim", x))
def test_claim_is_proved(proof: Proof, case: str) -> None:
    verdict = proof.cases[case]()
    assert verdict.proved, verdict.counterexample


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: f"{proof.claim}: {proof.bug.name}")
def test_proof_fails_on_a_planted_bug(proof: Proof) -> None:
    with planted(proof.bug):
        verdict = proof.cases[proof.fast[0]]()
    assert not verdict.proved
    assert verdict.counterexample


@settings(max_examples=150)
@given(st.data(), st.sampled_from([16, 18, 24]), st.booleans())
def test_formula_of_the_neuron_is_lif_step(
    data: st.DataObject, state_bits: int, currents: bool
) -> None:
    word = SignedFormat(state_bits)
    words = st.integers(word.minimum, word.maximum)
    decays, widths = st.integers(0, DECAY_ONE), st.integers(2, state_bits)
    membrane, bias = data.draw(words), data.draw(words)
    current = data.draw(words) if currents else 0
    strict = data.draw(st.booleans())
    # Half of the thresholds are met exactly, or missed by one.
    near = word.wrap(membrane + current + bias) + data.draw(st.integers(-1, 1))
    thresholds = st.integers(1 - strict, word.maximum - strict)
    if 1 <= near + strict <= word.maximum:
        thresholds |= st.just(near)
    p = LifParameters(
        data.draw(thresholds),
        data.draw(decays),
        bias,
        data.draw(st.booleans()),
        data.draw(st.sampled_from(ResetMode)),
        data.draw(st.sampled_from(ResetOrder)),
        strict,
        data.draw(widths),
        state_bits,
        data.draw(decays) if currents else None,
        data.draw(widths) if currents else 0,
    )
    step = LifStep(state_bits)
    outcome = []

    async def bench(ctx: SimulatorContext) -> None:
        flags = (
            p.spiking << PopulationFlag.SPIKING
            | p.strict << PopulationFlag.STRICT
            | int(p.reset_order) << PopulationFlag.RESET_AFTER_DECAY
            | int(p.reset_mode) << PopulationFlag.RESET_MODE
        )
        ctx.set(step.flags.as_value(), flags)
        ctx.set(step.clamp_mask, SignedFormat(p.membrane_bits).maximum)
        ctx.set(step.current_mask, SignedFormat(p.current_bits).maximum if currents else 0)
        ctx.set(step.membrane, membrane)
        ctx.set(step.current, current)
        ctx.set(step.threshold, p.threshold)
        ctx.set(step.bias, bias)
        ctx.set(step.product, ctx.get(step.operand) * p.decay)
        ctx.set(step.current_product, current * (p.synaptic_decay or 0))
        results = (step.spike, step.value, step.stored, step.overflow, step.stored_current)
        outcome.extend(ctx.get(result) for result in results)

    simulator = Simulator(step)
    simulator.add_testbench(bench)
    simulator.run()
    expected = lif_step(p, membrane, current)
    assert outcome == [
        expected.spike,
        expected.value,
        expected.membrane,
        expected.overflow,
        expected.current,
    ]


class Evens(wiring.Component):
    """Counts in twos; that it never reaches 7 does not follow from its not being there."""

    def __init__(self) -> None:
        super().__init__({})

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        count = Signal(16)
        m.d.sync += count.eq(count + 2)
        m.d.comb += Assert(count != 7)
        return m


def test_claim_that_neither_follows_nor_breaks_is_not_called_proved() -> None:
    with pytest.raises(RuntimeError, match="a proof must come to an end"):
        prove(Evens())


def test_bug_without_a_place_is_refused() -> None:
    bug = Bug("nowhere", "edgesnn_hdl.row_queue", "no such text", "")
    text = "'nowhere' must have one place in edgesnn_hdl.row_queue, not 0"
    with pytest.raises(ValueError, match=text), planted(bug):
        pass
