"""The whole compression on real digits: accuracy, sparsity, and an honest report."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.compress.pipeline import CompressionSettings, compress
from edgesnn.compress.prune import apply_masks
from edgesnn.compress.report import CompressionReport
from edgesnn.compress.tune import tune
from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recipes import find_recipe
from edgesnn.recipes.training import TrainedRecipe, train_recipe
from edgesnn.reference import simulate
from edgesnn.samples import accuracy
from edgesnn.train.settings import TrainingSettings

RECIPE = find_recipe("digits")


def digits(held_out: bool) -> LabelledEvents:
    return RECIPE.load()[held_out]


@pytest.fixture(scope="module")
def trained() -> TrainedRecipe:
    return train_recipe(RECIPE)


@pytest.fixture(scope="module")
def compressed(trained: TrainedRecipe) -> tuple[Network, CompressionReport]:
    return compress(
        trained.model, digits(held_out=False), CompressionSettings(sparsity=0.8), digits(True)
    )


@pytest.mark.slow
def test_float_model_is_right_on_96_percent_of_held_out_digits(trained: TrainedRecipe) -> None:
    assert trained.accuracy >= 0.96


@pytest.mark.slow
def test_80_percent_sparse_network_loses_at_most_one_and_a_half_points(
    trained: TrainedRecipe, compressed: tuple[Network, CompressionReport]
) -> None:
    network, report = compressed
    stages = {s.name: s.accuracy for s in report.stages}
    assert stages["float"] == trained.accuracy
    assert stages["integer"] is not None
    assert stages["integer"] >= trained.accuracy - 0.015
    assert network.num_synapses <= 0.2 * (64 * 128 + 128 * 10)


@pytest.mark.slow
def test_report_tells_what_the_network_is(
    compressed: tuple[Network, CompressionReport],
) -> None:
    network, report = compressed
    assert report.num_synapses == network.num_synapses
    assert [layer.synapses for layer in report.layers] == [
        c.synapses.num_synapses for c in network.connections
    ]
    test = digits(held_out=True)
    decided = [simulate(network, s).decision for s in islice(test.events.streams(), 60)]
    by_reference = accuracy(np.array(decided), test.labels[:60])
    integer = report.stages[-1].accuracy
    assert integer is not None
    assert by_reference == pytest.approx(integer, abs=0.06)
    assert network.info["accuracy"]["integer"] == integer
    assert network.info["accuracy"]["samples"] == 450
    assert json.loads(json.dumps(report.as_json()))["num_synapses"] == network.num_synapses
    assert model_file.decode(model_file.encode(network)).num_synapses == network.num_synapses


def small() -> tuple[Model, LabelledEvents]:
    data = digits(held_out=False)
    recipe = replace(RECIPE, hidden_sizes=(16,))
    return recipe.initial_model(0), data.select(range(80))


def test_compression_without_tuning_changes_no_weight_that_stays() -> None:
    model, data = small()
    steps: list[str] = []
    settings = CompressionSettings(sparsity=0.5, pruner="magnitude", tune_epochs=0)
    network, report = compress(model, data, settings, progress=steps.append)
    assert steps == ["calibrate", "prune", "quantize", "to integers"]
    assert [s.name for s in report.stages] == ["float", "pruned", "4-bit", "integer"]
    assert all(s.accuracy is None for s in report.stages)
    assert "accuracy" not in network.info
    for c, layer in zip(network.connections, report.layers, strict=True):
        assert c.synapses.density <= 0.5
        assert layer.weight_error < 0.15
        assert layer.sparsity == 1 - c.synapses.density


def test_same_settings_give_the_same_file() -> None:
    model, data = small()
    settings = CompressionSettings(sparsity=0.6, tune_epochs=2)
    one, two = (model_file.encode(compress(model, data, settings)[0]) for _ in range(2))
    assert one == two


def test_tuning_never_revives_a_pruned_weight() -> None:
    model, data = small()
    rng = np.random.default_rng(0)
    masks = tuple(rng.random(c.weights.shape) < 0.3 for c in model.connections)
    settings = TrainingSettings(epochs=2, learning_rate=1e-2)
    for method in ("nearest", None):
        tuned = tune(model, masks, data, settings, method)
        for c, mask in zip(tuned.connections, masks, strict=True):
            assert not c.weights[~mask].any()
        moved = apply_masks(model, masks).connections[0].weights != tuned.connections[0].weights
        assert moved.any()


def test_settings_that_cannot_work_are_refused() -> None:
    model, data = small()
    with pytest.raises(InputError, match="sparsity must be at least 0 and below 1, not 1.0"):
        compress(model, data, CompressionSettings(sparsity=1.0))
    with pytest.raises(InputError, match="a quantization method must be one of"):
        compress(model, data, CompressionSettings(quantizer="none", tune_epochs=0))
    with pytest.raises(InputError, match="tune_epochs must be at least 0"):
        CompressionSettings(tune_epochs=-1)
    with pytest.raises(InputError, match="state_bits must be one of"):
        CompressionSettings(state_bits=17)
    with pytest.raises(InputError, match="must declare an encoder"):
        compress(replace(model, info={}), data, CompressionSettings(tune_epochs=0))
