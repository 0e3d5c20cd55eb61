"""Training after compression: masks and grids stay, and the loss falls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgesnn.compress.fine_tune import fine_tune
from edgesnn.compress.grid import Grid
from edgesnn.compress.iterative import prune_iteratively
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.quantize import quantize, quantized_model
from edgesnn.compress.statistics import collect
from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import decisions, train
from tests.compress.models import convolutional, events, feed_forward

SETTINGS = TrainingSettings(epochs=8, batch_size=32, learning_rate=1e-2, seed=3)


def trained() -> tuple[Model, LabelledEvents]:
    """A model that has learned which of four groups of sources is busier than it mostly is."""
    rasters = events(20, windows=240, rate=0.25).to_rasters()
    groups = rasters.reshape(240, -1, 4, 5).sum(axis=(1, 3))
    data = LabelledEvents(
        events(20, windows=240, rate=0.25), (groups - groups.mean(axis=0)).argmax(axis=1)
    )
    return train(feed_forward(), data, SETTINGS), data


def right(model: Model, data: LabelledEvents) -> float:
    return float(np.mean(decisions(model, data.events) == data.labels))


def test_fine_tuning_repairs_and_keeps_zeros_and_scales() -> None:
    model, data = trained()
    statistics = collect(model, data.events)
    pruned = prune(model, statistics, [60, 30])
    before = quantize(model, statistics, pruned, grid=Grid(3))
    told = []
    after = fine_tune(model, pruned, before, data, SETTINGS, lambda epoch: told.append(epoch.done))
    assert told == list(range(1, 9))
    assert right(quantized_model(model, after), data) >= right(quantized_model(model, before), data)
    changed = 0
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one.scale, other.scale)
        assert not other.codes[one.codes == 0].any()
        assert torch.equal(other.codes, other.codes.round())
        assert other.codes.abs().max() <= 3
        changed += int((one.codes != other.codes).sum())
    assert changed


def test_biases_of_a_convolution_are_those_that_were_trained() -> None:
    model = convolutional()
    found = events(72, windows=60)
    data = LabelledEvents(found, np.arange(60) % 4)
    statistics = collect(model, found)
    pruned = prune(model, statistics, [12, 24])
    before = quantize(model, statistics, pruned)
    after = fine_tune(model, pruned, before, data, SETTINGS)
    moved = after[0].bias.reshape(3, 4)
    assert (moved.std(dim=1) > 1e-3).all()
    tuned = quantized_model(model, after)
    bias = tuned.populations[1].bias  # type: ignore[union-attr]
    assert np.allclose(bias, after[0].bias.numpy(), atol=1e-6)


def test_without_a_step_of_training_codes_stay() -> None:
    model, data = trained()
    statistics = collect(model, data.events)
    pruned = prune(model, statistics, [60, 30])
    before = quantize(model, statistics, pruned)
    still = TrainingSettings(epochs=1, learning_rate=1e-12)
    after = fine_tune(model, pruned, before, data, still)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one.codes, other.codes)
        assert torch.allclose(one.bias, other.bias, atol=1e-6)


def test_iterative_pruning_reaches_the_sparsity_and_still_decides() -> None:
    model, data = trained()
    told = []
    pruned = prune_iteratively(
        model,
        data,
        0.8,
        SETTINGS,
        rounds=3,
        progress=lambda done, total: told.append((done, total)),
    )
    total = sum(c.parameters.size for c in model.connections)
    left = sum(int(np.count_nonzero(c.parameters)) for c in pruned.connections)
    assert left == pytest.approx(0.2 * total, abs=2)
    assert told == [(1, 3), (2, 3), (3, 3)]
    statistics = collect(model, data.events, ())
    assert right(pruned, data) > 0.8 * right(model, data)
    # Pruned at once to as many weights, and not trained again, it decides worse.
    counts = [int(np.count_nonzero(c.parameters)) for c in pruned.connections]
    at_once = pruned_model(model, prune(model, statistics, counts, "magnitude"))
    assert [int(np.count_nonzero(c.parameters)) for c in at_once.connections] == counts
    assert right(pruned, data) > right(at_once, data) + 0.1
    # What is left was trained, and is not what one cut by size leaves.
    for before, after, cut in zip(
        model.connections, pruned.connections, at_once.connections, strict=True
    ):
        kept = after.parameters != 0
        assert (after.parameters[kept] != before.parameters[kept]).all()
        assert not np.array_equal(kept, cut.parameters != 0)
    with pytest.raises(InputError, match="at least one weight"):
        prune_iteratively(model, data, 0.9999, SETTINGS, rounds=1)
