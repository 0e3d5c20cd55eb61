"""The training loop: it learns, repeats itself, and refuses what does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.recipes import find_recipe, samples_for
from edgesnn.recipes.recipe import Recipe
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.split import split_validation
from edgesnn.train.trainer import Epoch, decisions, train
from tests.train.toy_task import SETTINGS, assert_same, toy


def test_training_learns_a_simple_task() -> None:
    model, data = toy()
    trained = train(model, data, SETTINGS)
    assert (decisions(trained, data.events) == data.labels).mean() > 0.95


def test_same_seed_gives_the_same_model() -> None:
    model, data = toy()
    one, two = (train(model, data, SETTINGS) for _ in range(2))
    assert_same(one, two)
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
    with pytest.raises(InputError, match="there must be at least one window, not 0: add"):
        train(model, data.select([]), SETTINGS)
    expected = "labels must be in 0..1, not 2; number the classes from 0 .* leave these windows out"
    with pytest.raises(InputError, match=expected):
        train(model, wrong, SETTINGS)
    with pytest.raises(InputError, match=expected):
        train(model, data, SETTINGS, validation=wrong)


def test_a_training_that_diverges_stops_with_its_epoch_and_the_remedy(tmp_path: Path) -> None:
    model, data = toy()
    told: list[Epoch] = []
    file = tmp_path / "resume"
    wild = replace(SETTINGS, learning_rate=1e38)
    with pytest.raises(InputError) as refused:
        train(model, data, wild, progress=told.append, resume=file)
    assert "loss and weights must stay finite, but did not in epoch 1 of 6" in str(refused.value)
    assert "lower the learning rate (learning_rate) from 1e+38" in str(refused.value)
    assert not told
    assert not file.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"threads": 0},
        {"learning_rate": 0.0},
        {"decay_learning_rate": -1.0},
        {"gradient_norm": 0.0},
        {"surrogate_slope": 0.0},
        {"weight_decay": -1.0},
        {"activity_weight": -1.0},
        {"dropout": 1.0},
        {"event_dropout": -0.1},
        {"label_smoothing": 1.0},
        {"validation": 1.0},
        {"patience": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change)).split('_')[-1]}.* must"):
        replace(SETTINGS, **change)


def test_decays_may_learn_at_a_rate_of_their_own() -> None:
    model, data = toy()
    settings = replace(SETTINGS, learn_decay=True, decay_learning_rate=1e-9)
    before, after = model.populations[1], train(model, data, settings).populations[1]
    assert isinstance(before, ModelPopulation)
    assert isinstance(after, ModelPopulation)
    assert np.allclose(before.decay, after.decay, atol=1e-5)


def test_current_based_and_recurrent_neurons_learn_too() -> None:
    model, data = toy()
    inputs, hidden, output = model.populations
    assert isinstance(hidden, ModelPopulation)
    current = replace(hidden, synaptic_decay=np.full(12, 0.5))
    loop = ModelConnection(1, 1, np.zeros((12, 12)))
    wider = Model((inputs, current, output), (*model.connections, loop), model.readout, model.info)
    trained = train(wider, data, replace(SETTINGS, learn_decay=True))
    assert (decisions(trained, data.events) == data.labels).mean() > 0.95
    after = trained.populations[1]
    assert isinstance(after, ModelPopulation)
    assert after.synaptic_decay is not None
    assert len(np.unique(after.synaptic_decay)) > 1
    assert trained.connections[2].parameters.any()


def test_activity_costs_what_its_weight_says() -> None:
    model, data = toy()
    free, dear = (
        train(model, data, replace(SETTINGS, activity_weight=weight)) for weight in (0.0, 3.0)
    )
    spikes = [Dynamics(m).record(data.events).mean_spikes() for m in (free, dear)]
    assert spikes[1] < 0.7 * spikes[0]


@pytest.mark.parametrize(
    "change",
    [
        {"event_dropout": 0.3},
        {"dropout": 0.3},
        {"gradient_norm": 1e-3},
        {"label_smoothing": 0.2},
        {"surrogate_slope": 2.0},
        {"weight_decay": 0.5},
    ],
)
def test_every_setting_changes_the_result_and_still_learns(change: dict[str, float]) -> None:
    model, data = toy()
    plain, changed = (train(model, data, replace(SETTINGS, **c)) for c in ({}, change))
    assert not np.array_equal(plain.connections[0].parameters, changed.connections[0].parameters)
    assert (decisions(changed, data.events) == data.labels).mean() > 0.9


def test_augmentation_sees_counts_and_the_generator() -> None:
    model, data = toy()
    seen = []

    def silence(counts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        seen.append(counts.shape)
        return counts * (torch.rand(counts.shape, generator=generator) < 0.9)

    one, two = (train(model, data, SETTINGS, augment=silence) for _ in range(2))
    assert set(seen) == {(16, 8, 8)}
    assert_same(one, two)


def test_weights_of_the_best_epoch_come_back_and_patience_ends_training() -> None:
    model, data = toy()
    told: list[Epoch] = []
    settings = replace(SETTINGS, epochs=40, learning_rate=0.3, patience=3)
    training, validation = split_validation(data, 0.25, seed=settings.seed)
    trained = train(model, training, settings, validation=validation, progress=told.append)
    accuracies = [epoch.validation_accuracy for epoch in told]
    best = max(epoch.done for epoch in told if epoch.best)
    assert len(told) == best + 3 < 40
    assert accuracies[best - 1] == max(a for a in accuracies if a is not None)
    found = (decisions(trained, validation.events) == validation.labels).mean()
    assert found == accuracies[best - 1]
    by_share = train(model, data, replace(settings, validation=0.25))
    assert_same(trained, by_share)


def test_patience_without_validation_is_refused() -> None:
    model, data = toy()
    with pytest.raises(InputError, match="patience must come with validation data"):
        train(model, data, replace(SETTINGS, patience=2))


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
