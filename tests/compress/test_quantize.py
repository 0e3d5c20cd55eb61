"""Quantization: codes, scales and their error, compared with brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgesnn.compress.quantize import (
    LARGEST_CODE,
    MAX_RELATIVE_SHIFT,
    best_scales,
    quantize,
    to_nearest,
)
from edgesnn.errors import InputError
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout

MATRICES = arrays.arrays(
    np.float32, (5, 4), elements=st.floats(-8, 8, width=32, allow_subnormal=False)
)


@given(MATRICES)
def test_codes_are_symmetric_and_round_to_the_nearest(weights: np.ndarray) -> None:
    (q,) = to_nearest([weights], shared=False)
    assert np.abs(q.codes).max(initial=0) <= LARGEST_CODE
    assert (q.scale > 0).all()
    inside = np.abs(weights) <= LARGEST_CODE * q.scale
    assert (np.abs(weights - q.values())[inside] <= (0.5001 * q.scale + 0 * weights)[inside]).all()


@given(MATRICES)
def test_zero_stays_zero_and_signs_never_flip(weights: np.ndarray) -> None:
    (q,) = to_nearest([weights], shared=False)
    assert (q.codes * np.sign(weights) >= 0).all()
    assert not q.codes[weights == 0].any()


def test_searched_scale_is_close_to_the_best_of_a_fine_search() -> None:
    columns = np.random.default_rng(0).standard_t(3, (60, 20))

    def error(scale: np.ndarray) -> np.ndarray:
        codes = np.clip(np.rint(columns / scale), -LARGEST_CODE, LARGEST_CODE)
        return ((columns - codes * scale) ** 2).sum(axis=0)

    largest = np.abs(columns).max(axis=0) / LARGEST_CODE
    fine = np.min([error(largest * part) for part in np.linspace(0.2, 1.0, 2000)], axis=0)
    found = error(best_scales(columns))
    assert (found <= 1.1 * fine).all()
    assert found.sum() < 0.95 * error(largest).sum()


def test_weights_on_the_grid_are_exact() -> None:
    codes = np.random.default_rng(1).integers(-7, 8, (30, 6))
    codes[0] = 7
    scale = np.array([0.5, 1, 2, 0.1, 3, 0.01])
    (q,) = to_nearest([codes * scale], shared=False)
    assert np.array_equal(q.codes, codes)
    assert np.allclose(q.scale * 2.0**q.shift, scale)


def test_readout_shares_one_scale() -> None:
    weights = np.random.default_rng(2).normal(size=(10, 4)) * [1, 2, 3, 4]
    (q,) = to_nearest([weights], shared=True)
    assert len(np.unique(q.scale)) == 1


def test_connections_of_one_neuron_share_a_unit_and_differ_by_shifts() -> None:
    rng = np.random.default_rng(3)
    small, large = rng.normal(size=(20, 5)), 9 * rng.normal(size=(20, 5))
    a, b = to_nearest([small, large], shared=False)
    assert np.array_equal(a.scale, b.scale)
    assert (a.shift, b.shift) == (0, 3)
    for weights, q in ((small, a), (large, b)):
        error = np.linalg.norm(weights - q.values()) / np.linalg.norm(weights)
        assert error < 0.15


def test_shifts_between_connections_are_bounded() -> None:
    a, b = to_nearest([np.full((2, 2), 1e-6), np.full((2, 2), 1e6)], shared=False)
    assert (a.shift, b.shift) == (0, MAX_RELATIVE_SHIFT)


def test_neuron_without_weights_gets_a_unit_all_the_same() -> None:
    weights = np.array([[0.0, 1.4], [0.0, 0.7]])
    (q,) = to_nearest([weights], shared=False)
    assert q.scale[0] == q.scale[1] > 0
    (empty,) = to_nearest([0 * weights], shared=False)
    assert empty.scale.tolist() == [1, 1]


def test_model_is_quantized_connection_by_connection() -> None:
    rng = np.random.default_rng(4)

    def neurons(name: str) -> ModelPopulation:
        return ModelPopulation(name, np.ones(4), np.ones(4), np.zeros(4))

    model = Model(
        (InputPopulation("in", 4), neurons("a"), neurons("b")),
        tuple(ModelConnection(s, t, rng.normal(size=(4, 4))) for s, t in ((1, 2), (0, 1), (1, 1))),
        Readout(2),
    )
    one, two, three = quantize(model)
    assert np.array_equal(two.scale, three.scale)
    assert not np.array_equal(one.scale, two.scale)
    for c, q in zip(model.connections, (one, two, three), strict=True):
        assert np.linalg.norm(c.weights - q.values()) < 0.15 * np.linalg.norm(c.weights)
    with pytest.raises(InputError, match="must be one of nearest, not 'ternary'"):
        quantize(model, "ternary")
