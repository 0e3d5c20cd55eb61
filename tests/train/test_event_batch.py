"""Batches of events do what their counts would do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgesnn.event_windows import EventWindows
from edgesnn.train.event_batch import EventBatch


def test_dropout_of_events_keeps_their_mean() -> None:
    events = EventWindows.from_rasters(np.full((4, 50, 35), 3))
    generator = torch.Generator().manual_seed(0)
    dropped = EventBatch(events).drop(0.25, generator)
    kept = dropped.events.num_events / events.num_events
    assert kept == pytest.approx(0.75, abs=0.01)
    assert dropped.dense().mean() == pytest.approx(3, abs=0.05)
    weights = torch.rand(35, 2)
    assert torch.allclose(dropped.times(weights), dropped.dense() @ weights, atol=1e-4)


def test_gathered_weights_are_counts_times_weights_forward_and_backward() -> None:
    rng = np.random.default_rng(0)
    events = EventWindows.from_rasters(
        rng.integers(0, 3, (3, 7, 20)) * rng.integers(0, 2, (3, 7, 20))
    )
    batch = EventBatch(events)
    counts = torch.from_numpy(events.to_rasters()).float()
    assert torch.equal(batch.dense(), counts)
    factor = torch.randint(-3, 4, (3, 7, 5), generator=torch.Generator().manual_seed(0)).float()
    gradients = []
    for product in (batch.times, lambda w: counts @ w):
        weights = torch.arange(100.0).reshape(20, 5).requires_grad_()
        found = product(weights)
        (found * factor).sum().backward()
        gradients.append(weights.grad)
        assert torch.equal(found.detach(), counts @ weights.detach())
    assert torch.equal(*gradients)


def test_part_holds_the_events_of_its_sources() -> None:
    counts = np.random.default_rng(1).integers(0, 3, (3, 7, 20))
    batch = EventBatch(EventWindows.from_rasters(counts))
    assert np.array_equal(batch.part(4, 9).dense(), counts[:, :, 4:13])
    assert batch.part(0, 20) is batch


def test_windows_without_events_give_zeros() -> None:
    batch = EventBatch(EventWindows.from_rasters(np.zeros((2, 3, 4), int)))
    weights = torch.ones(4, 5, requires_grad=True)
    sums = batch.times(weights)
    assert sums.shape == (2, 3, 5)
    sums.sum().backward()
    assert not weights.grad.any()


def test_nothing_is_dropped_where_nothing_is_asked_for() -> None:
    batch = EventBatch(EventWindows.from_rasters(np.ones((2, 3, 4), int)))
    assert batch.drop(0.0, torch.Generator()) is batch
