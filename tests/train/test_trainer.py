"""The training loop: it learns, repeats itself, and refuses what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model, ModelPopulation
from edgesnn.recipes import find_recipe, samples_for
from edgesnn.recipes.recipe import Recipe
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Epoch, decisions, train

SETTINGS = TrainingSettings(epochs=6, batch_size=16, learning_rate=1e-2, seed=1)


def toy() -> tuple[Model, LabelledEvents]:
    """Which half of eight sources is busier?"""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 96).astype(np.int64)
    rates = np.where(np.arange(8)[None, :] // 4 == labels[:, None], 0.6, 0.2)
    rasters = (rng.random((96, 8, 8)) < rates[:, None, :]).astype(np.uint8)
    recipe = find_recipe("digits")
    shape = replace(recipe.encoder, channels=8, steps_per_sample=8)
    small = replace(recipe, encoder=shape, labels=("left", "right"), hidden_sizes=(12,))
    return small.initial_model(seed=5), LabelledEvents(EventWindows.from_rasters(rasters), labels)


def test_training_learns_a_simple_task() -> None:
    model, data = toy()
    trained = train(model, data, SETTINGS)
    assert (decisions(trained, data.events) == data.labels).mean() > 0.95


def test_same_seed_gives_the_same_model() -> None:
    model, data = toy()
    one, two = (train(model, data, SETTINGS) for _ in range(2))
    for a, b in zip(one.connections, two.connections, strict=True):
        assert np.array_equal(a.weights, b.weights)
    other = train(model, data, replace(SETTINGS, seed=2))
    assert not np.array_equal(one.connections[0].weights, other.connections[0].weights)


def test_decay_is_learned_only_if_asked_for() -> None:
    model, data = toy()
    fixed = train(model, data, SETTINGS).populations[1]
    learned = train(model, data, replace(SETTINGS, learn_decay=True)).populations[1]
    assert isinstance(fixed, ModelPopulation)
    assert isinstance(learned, ModelPopulation)
    assert len(np.unique(fixed.decay)) == 1
    assert len(np.unique(learned.decay)) > 1


def test_progress_is_told_after_every_epoch() -> None:
    model, data = toy()
    told: list[Epoch] = []
    train(model, data, SETTINGS, validation=data, progress=told.append)
    assert [(epoch.done, epoch.total) for epoch in told] == [(n, 6) for n in range(1, 7)]
    assert told[-1].loss < told[0].loss
    assert told[-1].validation_accuracy is not None
    assert told[-1].validation_accuracy > 0.9


def test_data_that_do_not_fit_are_refused() -> None:
    model, data = toy()
    few = EventWindows.from_rasters(data.events.to_rasters()[:, :, :5])
    with pytest.raises(InputError, match="events must come from 8 sources, not 5"):
        train(model, LabelledEvents(few, data.labels), SETTINGS)
    wrong = LabelledEvents(data.events, data.labels + 1)
    for cannot in (wrong, data.select([])):
        with pytest.raises(InputError, match="there must be windows, with labels in 0..1"):
            train(model, cannot, SETTINGS)
    with pytest.raises(InputError, match="there must be windows, with labels in 0..1"):
        train(model, data, SETTINGS, validation=wrong)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_settings_that_cannot_work_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(SETTINGS, **change)


def test_digits_are_split_by_class_without_overlap() -> None:
    recipe: Recipe = find_recipe("digits")
    training, held_out = recipe.load()
    assert (len(training), len(held_out)) == (1347, 450)
    shares = np.bincount(held_out.labels) / np.bincount(training.labels)
    assert np.allclose(shares, 1 / 3, atol=0.02)
    again = samples_for({"recipe": "digits"})
    assert np.array_equal(again.labels, held_out.labels)


def test_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="a recipe must be one of digits, .*, not 'letters'"):
        find_recipe("letters")
    with pytest.raises(InputError, match="samples must be given"):
        samples_for({})
