"""Pruning by chance, weight and activity: how much is left, and what."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.baselines import BASELINES, firing_rates, prune_to_size
from edgesnn.recurrent.networks import (
    HIDDEN,
    RecurrentSettings,
    recurrent_model,
    recurrent_weights,
)


@pytest.fixture(scope="module")
def dense() -> Model:
    return recurrent_model(RecurrentSettings(6, 60, 2, neighbours=8, input_gain=2.0), 0)


@pytest.fixture(scope="module")
def events() -> EventWindows:
    rasters = np.random.default_rng(0).random((3, 60, 6)) < 0.4
    return EventWindows.from_rasters(rasters.astype(np.uint8))


@pytest.mark.parametrize("method", BASELINES)
def test_size_is_the_wanted_one(dense: Model, events: EventWindows, method: str) -> None:
    pruned = prune_to_size(dense, method, 25, 40, events)
    assert pruned.populations[HIDDEN].size == 25
    assert np.count_nonzero(recurrent_weights(pruned)) == 40


def test_magnitude_keeps_the_largest_weights_of_the_heaviest_neurons(dense: Model) -> None:
    weights = np.abs(recurrent_weights(dense))
    heavy = np.sort(np.argsort(-(weights.sum(axis=0) + weights.sum(axis=1)))[:25])
    among = weights[np.ix_(heavy, heavy)]
    found = np.abs(recurrent_weights(prune_to_size(dense, "magnitude", 25, 40)))
    assert np.array_equal(np.sort(found[found > 0]), np.sort(among[among > 0])[-40:])


def test_activity_keeps_the_neurons_that_fire_most(dense: Model, events: EventWindows) -> None:
    rates = firing_rates(dense, events)
    busy = np.sort(np.argsort(-rates, kind="stable")[:25])
    found = prune_to_size(dense, "activity", 25, 40, events)
    decay = dense.populations[HIDDEN].decay[busy]
    assert np.array_equal(found.populations[HIDDEN].decay, decay)


def test_chance_follows_the_seed(dense: Model) -> None:
    one, same, other = (prune_to_size(dense, "random", 25, 40, seed=s) for s in (0, 0, 1))
    assert np.array_equal(recurrent_weights(one), recurrent_weights(same))
    assert not np.array_equal(recurrent_weights(one), recurrent_weights(other))


def test_bad_input_is_refused_with_what_to_do(dense: Model) -> None:
    with pytest.raises(InputError, match="one of random, magnitude, activity, not 'taste'"):
        prune_to_size(dense, "taste", 5, 5)
    with pytest.raises(InputError, match="there must be 1..60 neurons .* not 61 and 5"):
        prune_to_size(dense, "random", 61, 5)
    with pytest.raises(InputError, match="activity must be given events"):
        prune_to_size(dense, "activity", 5, 5)
