"""Comparing results in words."""

from dataclasses import replace

import numpy as np

from edgesnn.run_result import Counters, RunResult, differences

RESULT = RunResult(
    np.zeros((3, 2), bool),
    np.array([4, 5]),
    1,
    Counters(3, 4, 5, 6, 0, 0, 7),
    np.zeros((3, 2), np.int32),
    np.zeros((3, 2), np.int32),
)


def test_counters_add_and_subtract():
    a, b = Counters(1, 2, 3, 4, 5, 6, 7), Counters(10, 20, 30, 40, 50, 60, 70)
    assert a + b == Counters(11, 22, 33, 44, 55, 66, 77)
    assert (a + b) - a == b


def test_equal_results_have_no_differences():
    assert differences(RESULT, RESULT, cycles=True) == []


def test_each_difference_is_told():
    changed = np.array([[0, 0], [0, 9], [0, 9]], np.int32)
    other = replace(
        RESULT,
        membranes=changed,
        values=changed[:2],
        accumulators=np.array([4, 6]),
        decision=None,
        counters=Counters(3, 4, 9, 6, 0, 0, 8),
    )
    assert differences(RESULT, other) == [
        "membranes: 2 differ, first in step 1 at neuron 1: must be 0, not 9",
        "values must have shape (3, 2), not (2, 2)",
        "accumulators must be [4, 5], not [4, 6]",
        "decision must be 1, not None",
        "sops must be 5, not 9",
    ]
    assert differences(RESULT, other, cycles=True)[-1] == "cycles must be 7, not 8"


def test_what_was_not_recorded_is_not_compared():
    assert differences(RESULT, replace(RESULT, membranes=None, values=None)) == []
