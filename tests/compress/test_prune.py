"""Which weights go: each method by its own score, and what the rest makes up for."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from edgesnn.compress import settings
from edgesnn.compress.layers import weights_of
from edgesnn.compress.prune import PRUNERS, PrunedLayer, prune, pruned_model
from edgesnn.compress.statistics import LayerStatistics, Statistics, collect
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics
from tests.compress.models import convolutional, events, feed_forward, recurrent


def both(model: Model, samples: EventWindows) -> Statistics:
    return collect(model, samples, ("membrane", "input"))


@pytest.mark.parametrize("method", PRUNERS)
@pytest.mark.parametrize("make", [feed_forward, recurrent, convolutional])
def test_every_connection_keeps_as_many_weights_as_was_allocated(method: str, make: object) -> None:
    model: Model = make()  # type: ignore[operator]
    samples = events(model.num_inputs)
    kept = [max(1, c.parameters.size // (3 + i)) for i, c in enumerate(model.connections)]
    pruned = prune(model, both(model, samples), kept, method)
    after = pruned_model(model, pruned)
    counts = [int(np.count_nonzero(c.parameters)) for c in after.connections]
    assert counts == kept
    assert [type(c) for c in after.connections] == [type(c) for c in model.connections]


def test_magnitude_keeps_the_largest_weights_as_they_are() -> None:
    model = feed_forward()
    pruned = prune(model, collect(model, events(20), ()), [80, 20], "magnitude")
    for layer, count in zip(pruned, (80, 20), strict=True):
        before = weights_of(model, layer.layer)
        limit = before.abs().flatten().sort(descending=True).values[count - 1]
        assert torch.equal(layer.masks, before.abs() >= limit)
        assert torch.equal(layer.weights, before * layer.masks)
        assert not layer.bias.any()


def test_activity_keeps_weights_of_busy_sources() -> None:
    model = feed_forward()
    rasters = np.zeros((4, 12, 20), np.uint8)
    rasters[:, ::2, 3] = 1
    rasters[:, 0, 7] = 1
    samples = EventWindows.from_rasters(rasters)
    (first, _) = prune(model, collect(model, samples, ()), [16 + 8, 64], "activity")
    assert first.masks[:, 3].sum() + first.masks[:, 7].sum() == 24
    assert first.masks[:, 3].sum() > first.masks[:, 7].sum()


def operations(model: Model, samples: EventWindows) -> float:
    """Of a time step, with the spikes that the model itself fires: weights that are read."""
    spikes = Dynamics(model).record(samples).spikes
    return sum(
        float((spikes[c.source].double() @ torch.from_numpy(c.parameters != 0).double()).sum())
        for c in model.connections
    ) / (len(samples) * samples.num_steps)


@pytest.mark.parametrize("method", PRUNERS)
def test_a_limit_of_operations_is_kept_with_as_many_weights(method: str) -> None:
    model, samples = feed_forward(), uneven_events()
    statistics = both(model, samples)
    kept = [100, 40]
    free = prune(model, statistics, kept, method)
    # Operations of the layers as calibrated, before hidden spikes change.
    before = sum(sops(layer, found) for layer, found in zip(free, statistics.layers, strict=True))
    limited = prune(model, statistics, kept, method, max_sops=0.6 * before)
    after = sum(sops(layer, found) for layer, found in zip(limited, statistics.layers, strict=True))
    assert 0.55 * before < after <= 0.6 * before
    assert [int(layer.masks.sum()) for layer in limited] == kept
    loose = prune(model, statistics, kept, method, max_sops=before)
    assert all(torch.equal(a.masks, b.masks) for a, b in zip(free, loose, strict=True))


def test_operations_are_counted_as_the_model_does_them() -> None:
    model, samples = feed_forward(), uneven_events()
    statistics = both(model, samples)
    whole = prune(model, statistics, [320, 64])
    counted = sum(sops(layer, found) for layer, found in zip(whole, statistics.layers, strict=True))
    assert counted == pytest.approx(operations(model, samples), rel=1e-6)


def test_no_other_masks_with_as_few_operations_lose_less() -> None:
    rng = np.random.default_rng(3)
    model = feed_forward(6, 2)
    rasters = (rng.random((8, 12, 6)) < [0.9, 0.6, 0.4, 0.3, 0.2, 0.1]).astype(np.uint8)
    statistics = collect(model, EventWindows.from_rasters(rasters), ())
    whole = model.connections[1].parameters.size
    free = prune(model, statistics, [6, whole], "magnitude")[0]
    found = statistics.layers[0]
    fixed = float(statistics.layers[1].rates.sum() * statistics.layers[1].layer.rows)
    limited = prune(
        model, statistics, [6, whole], "magnitude", max_sops=fixed + 0.7 * sops(free, found)
    )[0]
    scores = weights_of(model, found.layer).abs().flatten()
    costs = found.rates.expand(2, 6).flatten()
    chosen = limited.masks.flatten()
    lost, spent = float(scores[~chosen].sum()), float(costs[chosen].sum())
    others = [list(c) for c in combinations(range(12), 6)]
    cheap = [c for c in others if float(costs[c].sum()) <= spent + 1e-12]
    assert 1 < len(cheap) < len(others)
    assert lost == pytest.approx(min(float(scores.sum() - scores[c].sum()) for c in cheap))


def test_fewer_operations_than_the_weights_can_have_are_refused() -> None:
    model, samples = feed_forward(), uneven_events()
    statistics = both(model, samples)
    with pytest.raises(InputError, match="max_sops must be at least .* not 0.001: raise it, or th"):
        prune(model, statistics, [100, 40], max_sops=0.001)
    with pytest.raises(InputError, match="max_sops must be at least"):
        prune(model, statistics, [320, 64], max_sops=0.001)


def uneven_events() -> EventWindows:
    """Windows of 20 sources, of which some fire ten times as often as others."""
    rng = np.random.default_rng(4)
    rasters = rng.random((40, 12, 20)) < np.linspace(0.03, 0.4, 20)
    return EventWindows.from_rasters(rasters.astype(np.uint8))


def sops(layer: PrunedLayer, found: LayerStatistics) -> float:
    """Synaptic operations of a time step in a layer without positions."""
    return float((layer.masks.double() * found.rates).sum())


def membrane_error(model: Model, changed: Model, samples: EventWindows) -> float:
    """Of the hidden population without its resets, relative to silence."""
    never = replace(model.populations[1], spiking=False)
    found = []
    for m in (model, changed):
        hidden = replace(never, bias=m.populations[1].bias)  # type: ignore[union-attr, type-var]
        linear = replace(m, populations=(m.populations[0], hidden, m.populations[2]))
        values = Dynamics(linear).record(samples).values[1]
        assert values is not None
        found.append(values.double())
    return float(((found[0] - found[1]) ** 2).sum() / (found[0] ** 2).sum())


def test_the_better_the_objective_the_smaller_the_error_of_membranes() -> None:
    model = feed_forward(30, 24, decay=0.96875)
    samples = events(30, windows=60, steps=40, rate=0.1)
    statistics = both(model, samples)
    errors = [
        membrane_error(
            model, pruned_model(model, prune(model, statistics, [150, 60], method)), samples
        )
        for method in ("sbc", "obc", "activity", "magnitude")
    ]
    assert errors == sorted(errors)
    assert errors[1] < 0.5 * errors[3]


def test_without_its_bias_a_neuron_has_more_error() -> None:
    model, samples = feed_forward(), events(20)
    statistics = both(model, samples)
    errors = []
    for bias in (True, False):
        pruned = prune(model, statistics, [80, 30], "sbc", bias)
        assert bool(pruned[0].bias.any()) is bias
        errors.append(membrane_error(model, pruned_model(model, pruned), samples))
    assert errors[0] < errors[1]


def test_weights_that_are_zero_stay_zero() -> None:
    model = feed_forward()
    sparse = model.connections[0].parameters.copy()
    sparse[::2] = 0.0
    model = model.with_parameters((sparse, model.connections[1].parameters))
    for method in PRUNERS:
        pruned = prune(model, both(model, events(20)), [150, 30], method)
        assert not pruned[0].masks[:, ::2].any()
        assert not pruned[0].weights[:, ::2].any()
        everything = prune(model, both(model, events(20)), [320, 64], method)
        assert torch.equal(everything[0].weights, weights_of(model, everything[0].layer))


def test_inputs_that_calibration_never_saw_go_first() -> None:
    model = feed_forward()
    rasters = events(20).to_rasters()
    rasters[:, :, [2, 11]] = 0
    statistics = both(model, EventWindows.from_rasters(rasters))
    for method in ("sbc", "obc", "activity"):
        pruned = prune(model, statistics, [18 * 16, 64], method)
        gone = ~pruned[0].masks
        assert gone.sum() == 2 * 16
        assert gone[:, [2, 11]].all()


def test_rows_with_decays_of_their_own_are_all_pruned() -> None:
    model = recurrent(decay=np.linspace(0.5, 0.99, 16))
    statistics = collect(model, events(20), max_groups=4)
    pruned = prune(model, statistics, [100, 32, 60], "sbc")
    assert len(statistics.layers[0].groups["membrane"]) == 4
    assert int(pruned[0].masks[:, :20].sum()) == 100
    assert int(pruned[0].masks[:, 20:].sum()) == 60
    assert pruned[0].bias.all()


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    model = feed_forward()
    with pytest.raises(InputError, match="one of magnitude, activity, obc, sbc, not 'best'"):
        prune(model, collect(model, events(20), ()), [10, 10], "best")
    assert set(settings.PRUNER_NAMES) == set(PRUNERS)
