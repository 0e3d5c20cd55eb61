"""How many weights each layer keeps: sums, and the scores by their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.compress.allocate import ALLOCATORS, allocate, lamps_scores
from edgesnn.errors import InputError


def layers(seed: int = 0, *scales: float) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [s * rng.normal(size=(20 + 5 * i, 10)) for i, s in enumerate(scales or (1, 1))]


@pytest.mark.parametrize("method", ALLOCATORS)
@given(sparsity=st.floats(0, 0.95), seed=st.integers(0, 50))
def test_all_layers_together_keep_what_was_asked_for(
    method: str, sparsity: float, seed: int
) -> None:
    found = layers(seed, 1.0, 0.5, 2.0)
    kept = allocate(found, sparsity, method)
    total = sum(w.size for w in found)
    # Rounding each layer by itself, "uniform" may be off by half a weight in each.
    assert abs(sum(kept) - (total - round(sparsity * total))) <= len(found) / 2
    assert all(0 < k <= w.size for k, w in zip(kept, found, strict=True))


def test_uniform_takes_the_same_share_of_each() -> None:
    assert allocate(layers(0), 0.9, "uniform") == [20, 25]


def test_nothing_goes_at_a_sparsity_of_0() -> None:
    for method in ALLOCATORS:
        assert allocate(layers(0), 0, method) == [200, 250]


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
def test_lamps_scores_are_their_definition(exponent: float) -> None:
    weights = np.array([[0.5, -2.0, 1.0], [0.1, -0.7, 3.0]])
    powers = np.abs(weights) ** exponent
    expected = [[p / powers[powers >= p].sum() for p in row] for row in powers]
    assert np.allclose(lamps_scores(weights, exponent), expected)


def test_lamps_sees_no_scale_and_global_magnitude_only_that_of_the_largest() -> None:
    alike, scaled = layers(1, 1.0, 1.0), layers(1, 1.0, 1000.0)
    for method in ("lamps", "global-magnitude"):
        assert allocate(alike, 0.7, method) == allocate(scaled, 0.7, method)


def test_lamps_keeps_more_of_a_layer_whose_weights_are_alike() -> None:
    rng = np.random.default_rng(0)
    flat, peaked = rng.uniform(0.9, 1, (20, 20)), rng.standard_t(2, (20, 20))
    of_flat, of_peaked = allocate([flat, peaked], 0.8, "lamps")
    assert of_flat > 2 * of_peaked


def test_a_sparsity_that_empties_a_layer_is_refused_by_its_name() -> None:
    uneven = [layers(0)[0], np.random.default_rng(1).normal(size=(100, 100))]
    with pytest.raises(InputError) as refused:
        allocate(uneven, 0.998, "uniform", names=("a -> b", "b -> c"))
    assert str(refused.value) == (
        "a -> b must keep at least one weight, but a sparsity of 0.998 by 'uniform' takes all "
        "200: lower the sparsity, or allocate by 'lamps'"
    )
    assert min(allocate(layers(0), 0.99, "lamps")) > 0


def test_the_remedy_is_never_the_allocation_in_use() -> None:
    with pytest.raises(InputError) as refused:
        allocate(layers(0), 0.99999, "lamps")
    assert str(refused.value) == (
        "layer 0 must keep at least one weight, but a sparsity of 0.99999 by 'lamps' takes all "
        "200: lower the sparsity; no allocation leaves enough"
    )
    # Half of one weight is none, layer by layer; half of three is two.
    small = [np.ones((1, 1))] * 3
    assert allocate(small, 0.5, "uniform") == [1, 1, 1]
    with pytest.raises(InputError, match="'lamps' takes all 1: .*, or allocate by 'uniform'$"):
        allocate(small, 0.5, "lamps")


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(sparsity: float) -> None:
    with pytest.raises(InputError, match="sparsity must be at least 0 and below 1, not"):
        allocate(layers(0), sparsity)


def test_unknown_methods_and_empty_layers_are_refused() -> None:
    with pytest.raises(InputError, match="must be one of uniform, global-magnitude, lamps, not 'x"):
        allocate(layers(0), 0.5, "x")
    with pytest.raises(InputError, match="layer 1 must hold a weight that is not 0: leave it out"):
        allocate([np.ones((3, 3)), np.zeros((3, 3))], 0.5)
