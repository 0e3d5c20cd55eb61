"""Accumulators and decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.network import ReadoutRule
from edgesnn.readout import NOTHING, accumulate, decide, initial_accumulator

STEPS = st.lists(st.tuples(st.integers(-(2**23), 2**23 - 1), st.booleans()), min_size=1)


def run(rule, steps):
    accumulator = initial_accumulator(rule)
    for time_step, (value, spike) in enumerate(steps):
        accumulator = accumulate(rule, accumulator, value, spike, time_step)
    return accumulator


@given(STEPS)
def test_accumulators_hold_what_their_names_say(steps):
    values = np.array([v for v, _ in steps])
    spikes = np.array([s for _, s in steps])
    assert run(ReadoutRule.SPIKE_COUNT, steps) == spikes.sum()
    assert run(ReadoutRule.MEMBRANE_LAST, steps) == values[-1]
    assert run(ReadoutRule.MEMBRANE_SUM, steps) == values.sum()
    assert run(ReadoutRule.MEMBRANE_MAX, steps) == values.max()
    first = -int(spikes.argmax()) if spikes.any() else NOTHING
    assert run(ReadoutRule.FIRST_SPIKE, steps) == first


def test_sum_wraps_in_32_bits():
    top = 2**31 - 1
    assert accumulate(ReadoutRule.MEMBRANE_SUM, top, 1, False, 0) == -(2**31)
    assert accumulate(ReadoutRule.SPIKE_COUNT, top, 0, True, 0) == -(2**31)


@pytest.mark.parametrize("rule", ReadoutRule)
def test_nothing_after_a_reset_is_no_decision(rule):
    assert decide(rule, [initial_accumulator(rule)] * 3) in (
        (None,) if rule is not ReadoutRule.MEMBRANE_SUM else (0,)
    )


@pytest.mark.parametrize("rule", ReadoutRule)
def test_ties_go_to_the_lowest_index(rule):
    assert decide(rule, [-7, 3, 3, -9]) == 1


def test_silent_network_does_not_decide_by_count_but_by_membrane():
    assert decide(ReadoutRule.SPIKE_COUNT, [0, 0]) is None
    assert decide(ReadoutRule.MEMBRANE_MAX, [-5, -3]) == 1
    assert decide(ReadoutRule.FIRST_SPIKE, [NOTHING, -70]) == 1
