"""Optimal brain surgery: the fast forms do what the plain row-wise algorithm does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgesnn.compress import obs


def layer(rows: int = 4, fan_in: int = 24, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Correlated inputs [400, fan_in], their damped Hessian, and weights [rows, fan_in]."""
    rng = torch.Generator().manual_seed(seed)
    mix = torch.randn(fan_in, fan_in, generator=rng, dtype=torch.float64)
    inputs = torch.randn(400, fan_in, generator=rng, dtype=torch.float64) @ mix
    weights = torch.randn(rows, fan_in, generator=rng, dtype=torch.float64)
    return inputs, obs.damped(inputs.T @ inputs), weights


def layer_error(hessian: Tensor, weights: Tensor, changed: Tensor) -> Tensor:
    """The quadratic error of each row, relative to that of a row of zeros; [rows]."""
    error = weights - changed
    norm = ((weights @ hessian) * weights).sum(dim=1)
    return ((error @ hessian) * error).sum(dim=1) / norm.clamp_min(torch.finfo(norm.dtype).tiny)


def removed_by_exact_obs(hessian: Tensor, row: Tensor, count: int) -> tuple[set[int], Tensor]:
    """Weight by weight with the inverse brought up to date: indices that went, and what is left."""
    inverse, weights = torch.linalg.inv(hessian), row.clone()
    gone: list[int] = []
    for _ in range(count):
        costs = weights**2 / inverse.diagonal()
        costs[gone] = torch.inf
        p = int(costs.argmin())
        weights -= inverse[:, p] * weights[p] / inverse[p, p]
        inverse -= torch.outer(inverse[:, p], inverse[p]) / inverse[p, p]
        inverse.diagonal()[p] = 1.0
        gone.append(p)
        weights[gone] = 0.0
    return set(gone), weights


@given(st.integers(0, 10_000), st.integers(2, 20))
@settings(max_examples=25, deadline=None)
def test_one_weight_a_round_is_exact_obs(seed: int, fan_in: int) -> None:
    _, hessian, weights = layer(3, fan_in, seed)
    losses = obs.elimination_losses(hessian, weights, round_part=0.0)
    for row, found in zip(weights, losses, strict=True):
        expected, order = obs.eliminate_exactly(hessian, row)
        for count in range(1, fan_in):
            assert set(found.argsort()[:count].tolist()) == set(order[:count].tolist())
        rising = expected[order].cummax(0).values
        assert torch.allclose(found[order], rising, rtol=1e-6)


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=25, deadline=None)
def test_kept_weights_are_those_that_exact_obs_leaves(seed: int, data: st.DataObject) -> None:
    _, hessian, weights = layer(3, 16, seed)
    counts = [data.draw(st.integers(0, 15)) for _ in weights]
    masks = torch.ones_like(weights, dtype=torch.bool)
    expected = torch.zeros_like(weights)
    for r, count in enumerate(counts):
        gone, expected[r] = removed_by_exact_obs(hessian, weights[r], count)
        masks[r, sorted(gone)] = False
    assert torch.allclose(obs.compensate(hessian, weights, masks), expected, atol=1e-8)


def test_compensation_is_the_least_squares_solution_among_the_kept_inputs() -> None:
    inputs, _, weights = layer()
    hessian = inputs.T @ inputs
    masks = torch.rand(weights.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    found = obs.compensate(hessian, weights, masks)
    for w, mask, row in zip(weights, masks, found, strict=True):
        best = torch.linalg.lstsq(inputs[:, mask], (inputs @ w)[:, None]).solution[:, 0]
        assert torch.allclose(row[mask], best, atol=1e-8)
        assert not row[~mask].any()


def test_rows_in_small_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, hessian, weights = layer(rows=7)
    masks = torch.rand(weights.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    masks[2] = False
    whole = obs.compensate(hessian, weights, masks), obs.elimination_losses(hessian, weights)
    monkeypatch.setattr(obs, "WORK_SIZE", 1000)
    assert torch.allclose(obs.compensate(hessian, weights, masks), whole[0])
    assert torch.allclose(obs.elimination_losses(hessian, weights), whole[1])
    assert not whole[0][2].any()


def pruned_error(hessian: Tensor, weights: Tensor, losses: Tensor, kept: int) -> float:
    limit = losses.flatten().sort(descending=True).values[kept - 1]
    changed = obs.compensate(hessian, weights, losses >= limit)
    return float(layer_error(hessian, weights, changed).mean())


@pytest.mark.parametrize("first_cut", [0.3, 0.6])
def test_rounds_and_a_first_cut_cost_little(
    first_cut: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obs, "SMALL_FAN_IN", 0)
    _, hessian, weights = layer(rows=12, fan_in=80)
    kept = weights.numel() // 10
    plain = obs.elimination_losses(hessian, weights, first_cut=0, round_part=0)
    fast = obs.elimination_losses(hessian, weights, first_cut=first_cut)
    exact = pruned_error(hessian, weights, plain, kept)
    assert pruned_error(hessian, weights, fast, kept) < 1.05 * exact
    magnitude = pruned_error(hessian, weights, weights.abs(), kept)
    assert exact < 0.95 * magnitude  # The same compensation for another choice of weights.


def test_an_elimination_that_ends_early_removes_the_same_weights_until_then() -> None:
    _, hessian, weights = layer(rows=6, fan_in=40)
    whole = obs.elimination_losses(hessian, weights)
    early = obs.elimination_losses(hessian, weights, stop=0.3)
    gone = whole <= whole.sort(dim=1).values[:, 24:25]
    assert torch.allclose(early[gone], whole[gone])
    for row, kept in zip(early, ~gone, strict=True):
        assert row[kept].min() >= row[~kept].max()


def test_inputs_that_are_kept_never_go() -> None:
    _, hessian, weights = layer()
    losses = obs.elimination_losses(hessian, weights, kept=2)
    assert losses[:, -2:].isinf().all()
    assert losses[:, :-2].isfinite().all()


def test_a_damped_hessian_can_be_inverted_even_without_any_activity() -> None:
    inputs, _, _ = layer()
    inputs[:, 5] = 0.0
    for hessian in (inputs.T @ inputs, torch.zeros(3, 3, dtype=torch.float64)):
        damped = obs.damped(hessian)
        assert torch.isfinite(damped.inverse()).all()
        added = (damped - hessian).diagonal()
        level = 0.01 * hessian.diagonal().mean() or torch.tensor(1.0, dtype=torch.float64)
        assert torch.allclose(added, level.expand_as(added))


def test_layer_error_is_relative_to_silence() -> None:
    inputs, _, weights = layer()
    hessian = inputs.T @ inputs
    changed = 0.9 * weights
    assert torch.allclose(
        layer_error(hessian, weights, changed), torch.full((4,), 0.01, dtype=torch.float64)
    )
    assert np.isclose(float(layer_error(hessian, weights, 0 * weights).mean()), 1.0)
