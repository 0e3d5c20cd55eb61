"""One neuron, one time step, against formulas written anew from ``docs/neuron.md``."""

import doctest
import itertools
import json
import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.neuron import LifOutcome, LifParameters, ResetMode, ResetOrder, integrate, lif_step

ROOT = Path(__file__).parent.parent
DECAYS = (0, 1, 1000, 2048, 4095, 4096)
FLAGS = list(itertools.product(ResetMode, ResetOrder, (False, True)))


def step_in_fractions(p: LifParameters, membrane: int, current: int = 0) -> LifOutcome:
    """The table of phases in exact fractions, with no function of edgesnn."""
    half = 2 ** (p.state_bits - 1)
    total = membrane + current + p.bias
    v = total - 2 * half * math.floor(Fraction(total + half, 2 * half))
    fires = p.spiking and (v > p.threshold if p.strict else v >= p.threshold)
    x = v
    if fires and p.reset_mode == ResetMode.TO_ZERO:
        x = 0
    if fires and (p.reset_mode, p.reset_order) == (ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY):
        x = v - p.threshold
    x = math.trunc(Fraction(p.decay, 4096) * x)
    if fires and (p.reset_mode, p.reset_order) == (ResetMode.SUBTRACT, ResetOrder.AFTER_DECAY):
        x = x - p.threshold
    top = 2 ** (p.membrane_bits - 1)
    stored = sorted((-top, x, top - 1))[1]
    kept = 0
    if p.synaptic_decay is not None:
        top = 2 ** (p.current_bits - 1)
        kept = sorted((-top, math.trunc(Fraction(p.synaptic_decay, 4096) * current), top - 1))[1]
    return LifOutcome(fires, v, stored, not -half <= total < half, kept)


@pytest.mark.parametrize(("mode", "order", "strict"), FLAGS)
def test_every_case_of_a_four_bit_neuron_is_as_written(mode, order, strict):
    settings = itertools.product(range(1 - strict, 8 - strict), DECAYS, range(-8, 8), (2, 3, 4))
    for threshold, decay, bias, membrane_bits in settings:
        p = LifParameters(
            threshold, decay, bias, True, mode, order, strict, membrane_bits, state_bits=4
        )
        for membrane in range(-8, 8):
            assert lif_step(p, membrane) == step_in_fractions(p, membrane), (p, membrane)


@pytest.mark.parametrize(("mode", "order", "strict"), FLAGS)
def test_every_case_of_a_four_bit_neuron_with_a_current_is_as_written(mode, order, strict):
    settings = itertools.product((1, 5), (2048, 4095), (-8, 0, 3), DECAYS, (2, 3, 4))
    for threshold, decay, bias, synaptic_decay, current_bits in settings:
        p = LifParameters(
            threshold, decay, bias, True, mode, order, strict, 3, 4, synaptic_decay, current_bits
        )
        for membrane, current in itertools.product(range(-8, 8), repeat=2):
            expected = step_in_fractions(p, membrane, current)
            assert lif_step(p, membrane, current) == expected, (p, membrane, current)


@st.composite
def parameters(draw: st.DrawFn, current: bool = False) -> LifParameters:
    bits = draw(st.sampled_from((16, 18, 24)))
    top = 2 ** (bits - 1) - 1
    strict = draw(st.booleans())
    return LifParameters(
        threshold=draw(st.integers(1 - strict, top - strict)),
        decay=draw(st.integers(0, 4096)),
        bias=draw(st.integers(-top - 1, top)),
        spiking=draw(st.booleans()),
        reset_mode=draw(st.sampled_from(ResetMode)),
        reset_order=draw(st.sampled_from(ResetOrder)),
        strict=strict,
        membrane_bits=draw(st.integers(2, bits)),
        state_bits=bits,
        synaptic_decay=draw(st.integers(0, 4096)) if current else None,
        current_bits=draw(st.integers(2, bits)) if current else 0,
    )


@given(parameters() | parameters(current=True), st.data())
def test_real_widths_are_as_written(p, data):
    top = 2 ** (p.state_bits - 1)
    current = 0 if p.synaptic_decay is None else data.draw(st.integers(-top, top - 1))
    edge = p.threshold + p.strict - p.bias - current
    near = st.integers(edge - 2, edge + 2).map(lambda m: min(max(m, -top), top - 1))
    membrane = data.draw(st.integers(-top, top - 1) | near)
    assert lif_step(p, membrane, current) == step_in_fractions(p, membrane, current)


def test_frozen_updates_give_the_same_answers():
    vectors = json.loads((ROOT / "tests/vectors/neuron.json").read_text())
    assert len(vectors) == 400
    for vector in vectors:
        fields = dict(vector["parameters"])
        fields |= {n: bool(fields[n]) for n in ("spiking", "strict")}
        fields["reset_mode"] = ResetMode(fields["reset_mode"])
        fields["reset_order"] = ResetOrder(fields["reset_order"])
        outcome = lif_step(LifParameters(**fields), vector["membrane_before"])
        assert outcome == LifOutcome(
            vector["spike"], vector["value"], vector["membrane_after"], vector["overflow"]
        )


@given(parameters())
def test_neuron_at_rest_without_bias_stays_at_rest(p):
    p = LifParameters(**{**vars(p), "bias": 0})
    if p.threshold + p.strict > 0:
        assert lif_step(p, 0) == LifOutcome(False, 0, 0, False)


@given(parameters(current=True))
def test_current_alone_decays_to_nothing_and_stays_there(p):
    current = 2 ** (p.current_bits - 1) - 1
    if p.synaptic_decay < 4096:
        for _ in range(4096 * 25):
            if (current := lif_step(p, 0, current).current) == 0:
                break
    else:
        assert lif_step(p, 0, current).current == current
        return
    assert lif_step(p, 0, current).current == 0


def test_reset_leaves_the_current_as_it_is():
    p = LifParameters(10, 4096, synaptic_decay=2048, current_bits=8, reset_mode=ResetMode.TO_ZERO)
    assert lif_step(p, 20, 30) == LifOutcome(True, 50, 0, False, 15)


def test_sum_of_the_update_wraps_once():
    p = LifParameters(5, 4096, bias=-32768, synaptic_decay=4096, current_bits=16)
    assert lif_step(p, 32767, 1) == LifOutcome(False, 0, 0, False, 1)
    assert lif_step(p, -32768, -32768).value == -32768
    assert lif_step(p, -32768, -32768).overflow


def test_strict_neuron_subtracts_the_threshold_itself():
    p = LifParameters(threshold=10, decay=4096, strict=True)
    assert lif_step(p, 10).spike is False
    assert lif_step(p, 11) == LifOutcome(True, 11, 1, False)


def test_reset_after_decay_is_not_wrapped_before_the_clamp():
    p = LifParameters(32767, 0, reset_order=ResetOrder.AFTER_DECAY)
    assert lif_step(p, 32767).membrane == -32767
    p = LifParameters(1, 4096, reset_mode=ResetMode.NONE, membrane_bits=2)
    assert lif_step(p, 32767).membrane == 1


def test_integration_wraps_and_tells():
    assert integrate(32760, 7, 16) == (32767, False)
    assert integrate(32760, 8, 16) == (-32768, True)
    assert integrate(-32768, -1, 16) == (32767, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decay": 4097}, "decay must be in 0..4096, not 4097"),
        ({"decay": -1}, "decay must be in 0..4096, not -1"),
        ({"membrane_bits": 17}, "membrane_bits must be in 2..16, not 17"),
        ({"membrane_bits": 1}, "membrane_bits must be in 2..16, not 1"),
        (
            {"synaptic_decay": 4097, "current_bits": 9},
            "synaptic_decay must be in 0..4096, not 4097",
        ),
        ({"synaptic_decay": 9, "current_bits": 17}, "current_bits must be in 2..16, not 17"),
        ({"synaptic_decay": 9}, "current_bits must be in 2..16, not 0"),
        ({"current_bits": 9}, "current_bits must be 0 without a synaptic_decay, not 9"),
        ({"bias": 32768}, "bias must fit 16 bits, not 32768"),
        ({"threshold": 0}, "threshold + strict must be in 1..32767, not 0"),
        ({"threshold": 32767, "strict": True}, "threshold + strict must be in 1..32767, not 32768"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LifParameters(**({"threshold": 5, "decay": 5} | change))


def test_neuron_that_never_fires_needs_no_threshold():
    assert LifParameters(threshold=-7, decay=0, spiking=False).threshold == -7


@pytest.mark.parametrize("page", ["neuron.md", "model_file.md"])
def test_examples_of_the_document_are_true(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert tried > 5
    assert failed == 0
