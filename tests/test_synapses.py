"""Compressed rows of pruned weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgesnn.synapses import Synapses

MATRICES = arrays.arrays(
    np.int8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-8, 7)
)


@given(MATRICES)
def test_dense_matrix_comes_back(dense):
    synapses = Synapses.from_dense(dense)
    assert np.array_equal(synapses.to_dense(), dense)
    assert (synapses.num_sources, synapses.num_targets) == dense.shape
    assert synapses.num_synapses == np.count_nonzero(dense)
    assert synapses.density == np.count_nonzero(dense) / dense.size


@given(MATRICES)
def test_fan_out_lists_what_is_not_zero_in_order(dense):
    synapses = Synapses.from_dense(dense)
    for source, row in enumerate(dense.tolist()):
        assert list(synapses.fan_out(source)) == [(t, w) for t, w in enumerate(row) if w]


def test_arrays_are_copied_and_frozen():
    weights = np.array([1, 2], np.int8)
    synapses = Synapses([0, 2], [0, 1], weights, 2)
    weights[0] = 5
    assert synapses.weights.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        synapses.weights[0] = 3
    dtypes = (synapses.row_start.dtype, synapses.targets.dtype, synapses.weights.dtype)
    assert dtypes == (np.int32, np.uint16, np.int8)


def test_largest_target_fits():
    assert Synapses([0, 1], [65535], [1], 65536).targets.tolist() == [65535]


@pytest.mark.parametrize(
    ("row_start", "targets", "weights", "num_targets", "message"),
    [
        ([[0, 1]], [0], [1], 1, "row_start, targets and weights must have one dimension"),
        ([0, 1], [0], [1], 0, "num_targets must be in 1..65536, not 0"),
        ([0, 1], [0], [1], 65537, "num_targets must be in 1..65536, not 65537"),
        ([0, 1], [0], [1, 2], 2, "targets and weights must have one length, not 1 and 2"),
        ([1, 1], [0], [1], 2, "row_start must go from 0 to 1"),
        ([0, 2], [0], [1], 2, "row_start must go from 0 to 1"),
        ([0], [], [], 2, "row_start must go from 0 to 0"),
        ([0, 2, 1, 2], [0, 1], [1, 1], 2, "row_start must not decrease"),
        ([0, 1], [2], [1], 2, "targets must be in 0..1"),
        ([0, 1], [-1], [1], 2, "targets must be in 0..1"),
        ([0, 1], [0], [8], 2, "weights must be in -8..7"),
        ([0, 1], [0], [-9], 2, "weights must be in -8..7"),
        ([0, 1], [0], [0], 2, "a stored weight must not be 0"),
        ([0, 2], [1, 0], [1, 1], 2, "targets must rise within a row"),
        ([0, 2], [1, 1], [1, 1], 2, "targets must rise within a row"),
        ([0, 0, 2, 2], [1, 1], [1, 1], 2, "targets must rise within a row"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(row_start, targets, weights, num_targets, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Synapses(row_start, targets, weights, num_targets)


def test_targets_may_fall_from_one_row_to_the_next():
    assert Synapses([0, 1, 1, 2], [1, 0], [1, 1], 2).num_synapses == 2


def test_matrix_of_fractions_is_refused():
    with pytest.raises(ValueError, match="weights must be a matrix of integers"):
        Synapses.from_dense([[0.5]])
    with pytest.raises(ValueError, match="not int64 with 1 dimensions"):
        Synapses.from_dense(np.array([1]))
