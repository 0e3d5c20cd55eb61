"""Grids of codes: what shares a scale, and how far it reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from edgesnn.compress.grid import Grid, halves
from edgesnn.errors import InputError


def rows(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 50, generator=generator, dtype=torch.float64)


ONES = torch.ones(50, dtype=torch.float64)


@pytest.mark.parametrize(("bits", "largest"), [(2, 1), (3, 3), (4, 7), (8, 119)])
def test_codes_are_symmetric_and_reach_as_far_as_their_bits(bits: int, largest: int) -> None:
    grid = Grid(bits, "row", "max")
    weights = rows()
    codes = grid.codes(weights, grid.scales(weights, ONES, shared=False))
    assert grid.largest_code == largest
    assert codes.abs().amax(dim=1).tolist() == [largest] * 6
    assert torch.equal(grid.codes(-weights, grid.scales(weights, ONES, shared=False)), -codes)


def test_two_codes_of_4_bits_make_each_one_of_8() -> None:
    largest = Grid(8).largest_code
    codes = np.arange(-largest, largest + 1)
    upper, lower = halves(codes)
    assert np.array_equal(16 * upper.astype(int) + lower, codes)
    assert (upper.min(), upper.max()) == (-7, 7)
    assert (lower.min(), lower.max()) == (-8, 7)
    # One code more would need an upper half that no synapse can hold.
    assert halves(np.array([largest + 1]))[0] == 8


def test_other_bits_are_refused() -> None:
    for bits in (1, 5, 7, 16):
        with pytest.raises(InputError, match=rf"bits must be one of \(2, 3, 4, 8\), not {bits}"):
            Grid(bits)


def test_rows_of_one_sign_use_their_half_of_the_codes_fully() -> None:
    grid = Grid(range="max")
    weights = rows().abs()
    codes = grid.codes(weights, grid.scales(weights, ONES, shared=False))
    assert codes.min() >= 0
    assert codes.amax(dim=1).tolist() == [7] * 6


def test_a_searched_range_has_less_error_than_the_largest_weight() -> None:
    weights = rows()
    importance = torch.linspace(0.1, 10, 50, dtype=torch.float64)

    def error(grid: Grid, cost: Tensor) -> float:
        scale = grid.scales(weights, importance, shared=False)
        missed = weights - grid.codes(weights, scale) * scale[:, None]
        return float((missed**2 * cost).sum())

    assert error(Grid(range="mse"), ONES) < error(Grid(range="max"), ONES)
    assert error(Grid(range="hessian"), importance) <= error(Grid(range="mse"), importance)


def test_scales_are_shared_as_the_granularity_says() -> None:
    weights = rows() * torch.arange(1, 7, dtype=torch.float64)[:, None]
    assert len(Grid().scales(weights, ONES, shared=False).unique()) == 6
    assert len(Grid(granularity="layer").scales(weights, ONES, shared=False).unique()) == 1
    assert len(Grid().scales(weights, ONES, shared=True).unique()) == 1
    exponents = Grid(granularity="power-of-two").scales(weights, ONES, shared=False).log2()
    assert torch.equal(exponents, exponents.round())


def test_a_row_without_weights_has_a_typical_scale() -> None:
    weights = rows()
    weights[2] = 0.0
    scale = Grid().scales(weights, ONES, shared=False)
    assert scale[2] == scale[[0, 1, 3, 4, 5]].median()
    assert (Grid().scales(0 * weights, ONES, shared=False) == 1).all()


def test_powers_of_two_reach_the_largest_weight() -> None:
    weights = torch.tensor([[9.8, 1.0, -2.0]], dtype=torch.float64)
    grid = Grid(4, "power-of-two", "max")
    scale = grid.scales(weights, torch.ones(3, dtype=torch.float64), shared=False)
    assert scale.tolist() == [2.0]
    assert grid.codes(weights, scale).tolist() == [[5.0, 0.0, -1.0]]
