"""Rounding of rows: the fast forms equal the plain algorithms, and descent only improves."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgesnn.compress import rounding
from edgesnn.compress.grid import Grid
from edgesnn.compress.obs import compensate
from edgesnn.compress.rounding import Rows
from tests.compress.test_obs import layer, layer_error

GRID = Grid()


def scales(weights: Tensor) -> Tensor:
    return weights.abs().amax(dim=1) / GRID.largest_code


def plain_obq(hessian: Tensor, row: Tensor, scale: Tensor, order: list[int]) -> Tensor:
    """OBQ on one row in a given order, with the inverse brought up to date weight by weight."""
    inverse, weights = torch.linalg.inv(hessian), row.clone()
    codes = torch.zeros_like(row)
    alive = torch.ones(len(row), dtype=torch.bool)
    for j in order:
        codes[j] = (weights[j] / scale).round().clamp(-7, 7)
        error = (weights[j] - codes[j] * scale) / inverse[j, j]
        alive[j] = False
        weights = weights - error * inverse[:, j] * alive
        inverse = inverse - torch.outer(inverse[:, j], inverse[j]) / inverse[j, j]
        inverse[j, j] = 1.0
    return codes


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_one_factorisation_for_all_rows_equals_obq_row_by_row(seed: int, fan_in: int) -> None:
    _, hessian, weights = layer(3, fan_in, seed)
    scale = scales(weights)
    masks = torch.ones_like(weights, dtype=torch.bool)
    found = rounding.column_by_column(Rows(hessian, weights, masks, scale, GRID))
    order = hessian.diagonal().argsort(descending=True, stable=True).tolist()
    for r, row in enumerate(weights):
        assert torch.equal(found.codes[r], plain_obq(hessian, row, scale[r], order))


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_with_masks_it_equals_obq_among_the_kept_weights(seed: int) -> None:
    _, hessian, weights = layer(4, 14, seed)
    masks = torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    present = compensate(hessian, weights, masks)
    scale = scales(weights)
    found = rounding.column_by_column(Rows(hessian, present, masks, scale, GRID))
    for r in range(4):
        kept = masks[r].nonzero()[:, 0]
        inner = hessian[kept][:, kept]
        order = inner.diagonal().argsort(descending=True, stable=True).tolist()
        expected = plain_obq(inner, present[r, kept], scale[r], order)
        assert torch.equal(found.codes[r, kept], expected)
        assert not found.codes[r, ~masks[r]].any()


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    _, hessian, weights = layer(5, 70)
    masks = torch.ones_like(weights, dtype=torch.bool)
    rows = Rows(hessian, weights, masks, scales(weights), GRID, kept=1)
    whole = rounding.by_descent(rows)
    monkeypatch.setattr(rounding, "BLOCK", 7)
    pieces = rounding.by_descent(rows)
    assert torch.equal(whole.codes, pieces.codes)
    assert torch.allclose(whole.free, pieces.free)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_each_method_is_at_least_as_good_as_the_one_it_starts_from(
    seed: int, pruned: bool, shared: bool
) -> None:
    _, hessian, weights = layer(4, 20, seed)
    masks = torch.ones_like(weights, dtype=torch.bool)
    if pruned:
        masks &= torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed)) < 0.6
        masks[:, -1] = True
    present = compensate(hessian, weights, masks)
    scale = GRID.scales(present, torch.ones(20, dtype=torch.float64), shared)
    rows = Rows(hessian, present, masks, scale, GRID, kept=1, shared=shared)
    columns = rounding.column_by_column(rows)
    descent = rounding.by_descent(rows)

    def error(coded: rounding.Coded) -> float:
        missed = weights - coded.values()
        return float(((missed @ hessian) * missed).sum())

    assert error(descent) <= error(columns) * (1 + 1e-9)
    assert descent.codes.abs().max() <= 7
    assert torch.equal(descent.codes, descent.codes.round())
    assert not descent.codes[~masks].any()
    if shared:
        assert len(descent.scale.unique()) == 1


def test_second_order_rounding_beats_the_nearest_code() -> None:
    _, hessian, weights = layer(16, 40)
    masks = torch.ones_like(weights, dtype=torch.bool)
    rows = Rows(hessian, weights, masks, scales(weights), GRID)
    errors = [
        float(layer_error(hessian, weights, method(rows).values()).mean())
        for method in (rounding.to_nearest, rounding.column_by_column, rounding.by_descent)
    ]
    assert errors[0] > 1.2 * errors[1] > 1.2 * errors[2]


def test_fixed_scales_stay() -> None:
    _, hessian, weights = layer()
    masks = torch.ones_like(weights, dtype=torch.bool)
    scale = scales(weights)
    found = rounding.by_descent(Rows(hessian, weights, masks, scale, GRID, fixed=True))
    assert torch.equal(found.scale, scale)


def test_a_bias_is_a_real_number_that_makes_up_for_the_rounding() -> None:
    _, hessian, weights = layer()
    masks = torch.ones_like(weights, dtype=torch.bool)
    found = rounding.column_by_column(Rows(hessian, weights, masks, scales(weights), GRID, 1))
    values = found.values()
    gradient = (values - weights) @ hessian
    assert not found.codes[:, -1].any()
    assert torch.allclose(gradient[:, -1], torch.zeros(4, dtype=torch.float64), atol=1e-6)
