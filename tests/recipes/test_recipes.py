"""Every recipe: what it loads, that it trains, and that its parts fit together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn.encoders import encoder_from_info
from edgesnn.errors import InputError
from edgesnn.model import ModelPopulation
from edgesnn.network import ReadoutRule
from edgesnn.recipes import RECIPES, Recipe, RecipeData, find_recipe, samples_for
from edgesnn.recipes.imu_digits import CHOSEN, NUM_FOLDS, imu_digits_recipe, load_for_choice
from edgesnn.recipes.saccade_mnist import load_real_recordings
from edgesnn.streaming import samples_per_window
from edgesnn.train.trainer import train

#: Training windows and held-out windows of each recipe, with the data of this project.
SIZES = {
    "digits": (1347, 450),
    "mnist-rate": (60_000, 10_000),
    "fsdd": (2400, 300),
    **{name: (300, 100) for name in RECIPES if name.startswith("imu-digits")},
}


def data_of(recipe: Recipe) -> RecipeData:
    try:
        return recipe.load()
    except InputError as error:
        pytest.skip(f"needs the data: {str(error).splitlines()[0]}")


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_encoder_network_and_window_fit_together(recipe: Recipe) -> None:
    model = recipe.initial_model(0)
    assert encoder_from_info(model.info) == recipe.encoder
    assert model.num_inputs == recipe.encoder.num_sources
    assert samples_per_window(model, recipe.encoder) == recipe.window_samples
    assert model.populations[-1].size == len(recipe.labels)
    assert (len(model.connections) > 2) == recipe.recurrent
    assert model.info["recipe"] == recipe.name


@pytest.mark.parametrize("name", [name for name in SIZES if name != "mnist-rate"])
def test_recipe_loads_trains_and_streams(name: str) -> None:
    recipe = find_recipe(name)
    data = data_of(recipe)
    assert (len(data.training) % SIZES[name][0], len(data.held_out)) == (0, SIZES[name][1])
    few = data.training.per_class(4, seed=0)
    model = train(recipe.initial_model(0), few, replace(recipe.settings, epochs=1))
    assert all(np.isfinite(c.weights).all() for c in model.connections)
    samples = samples_for(model.info)
    again = samples.labelled(encoder_from_info(model.info))
    assert np.array_equal(again.events.source_ids, data.held_out.events.source_ids)
    assert np.array_equal(again.labels, data.held_out.labels)


def test_pictures_are_rate_coded_in_ten_steps() -> None:
    recipe = find_recipe("mnist-rate")
    try:
        samples = recipe.recordings()
    except InputError as error:
        pytest.skip(f"needs the data: {str(error).splitlines()[0]}")
    first = samples.first(20)
    counts = first.events(recipe.encoder).to_rasters().sum(axis=1)
    assert np.abs(counts - first.windows[:, 0] * 10 / 255).max() <= 0.51


def test_real_recordings_have_the_form_of_simulated_ones() -> None:
    recipe = find_recipe("saccade-mnist")
    try:
        real = load_real_recordings()
    except InputError as error:
        pytest.skip(f"needs the data: {str(error).splitlines()[0]}")
    assert real.events.num_sources == recipe.encoder.num_sources
    assert real.events.num_steps == recipe.window_samples
    assert real.events.to_rasters().max() <= recipe.encoder.max_events
    few = real.select(np.arange(20))
    trained = train(recipe.initial_model(0), few, replace(recipe.settings, epochs=1, validation=0))
    assert np.isfinite(trained.connections[0].weights).all()


def test_folds_hold_out_every_gesture_once() -> None:
    held_out = [data_of(imu_digits_recipe(fold)).held_out for fold in range(NUM_FOLDS)]
    windows = [stream.source_ids.tobytes() for part in held_out for stream in part.events.streams()]
    assert len(set(windows)) == len(windows) == 400
    assert all(np.bincount(part.labels).tolist() == [10] * 10 for part in held_out)
    with pytest.raises(ValueError, match="fold must be in 0..3, not 4"):
        imu_digits_recipe(4)


def test_time_constants_are_spread_between_the_two_decays() -> None:
    recipe = replace(find_recipe("fsdd"), hidden_sizes=(4000,), recurrent=False)
    hidden = recipe.initial_model(0).populations[1]
    assert isinstance(hidden, ModelPopulation)
    low, high = recipe.decays
    assert low <= hidden.decay.min() < low + 0.01
    assert high - 0.01 < hidden.decay.max() <= high + 1e-6
    steps = np.log(-1 / np.log(hidden.decay.astype(np.float64)))
    ends = np.log([-1 / np.log(low), -1 / np.log(high)])
    assert np.median(steps) == pytest.approx(ends.mean(), abs=0.1)


def test_current_based_recipe_makes_current_based_neurons() -> None:
    recipe = replace(find_recipe("digits"), synaptic_decay=0.5)
    _, hidden, output = recipe.initial_model(0).populations
    assert isinstance(hidden, ModelPopulation)
    assert hidden.synaptic_decay is not None
    assert set(hidden.synaptic_decay.tolist()) == {0.5}
    assert isinstance(output, ModelPopulation)
    assert output.synaptic_decay is None
    assert recipe.readout_rule is ReadoutRule.MEMBRANE_SUM


def test_missing_data_say_where_they_must_lie(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESNN_DATA", str(tmp_path))
    for name in RECIPES:
        if name != "digits":
            with pytest.raises(
                InputError, match=f"must lie in one of these folders:\n  {tmp_path}"
            ):
                find_recipe(name).load()


def test_each_fold_has_the_choice_that_its_search_found() -> None:
    path = Path(__file__).parents[2] / "docs/results/gestures.json"
    found = json.loads(path.read_text())["figures"]
    for fold, choice in enumerate(CHOSEN):
        assert found[f"fold_{fold}_sensors"] == " ".join(choice.sensors)
        assert found[f"fold_{fold}_strength"] == choice.strength
        assert found[f"fold_{fold}_training"] == choice.training


def test_a_search_sees_nothing_that_its_fold_holds_out() -> None:
    for fold, choice in enumerate(CHOSEN):
        held_out = data_of(imu_digits_recipe(fold)).held_out
        seen = {stream.source_ids.tobytes() for stream in held_out.events.streams()}
        for part in load_for_choice(choice, fold):
            windows = [stream.source_ids.tobytes() for stream in part.events.streams()]
            assert len(part) in {200 * 13, 100}
            assert not seen & set(windows)
