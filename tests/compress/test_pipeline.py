"""The whole compression: accuracy on real digits, odd inputs, and bad ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgesnn import design_rules, model_file
from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport
from edgesnn.connections import ModelConnection
from edgesnn.errors import DesignRuleError, InputError, UnsupportedModel
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.network import InputPopulation, Network
from edgesnn.recipes import find_recipe
from edgesnn.recipes.training import TrainedRecipe, train_recipe
from edgesnn.reference import simulate
from edgesnn.simulator import Simulator
from tests.compress.models import (
    convolutional,
    current_based,
    events,
    feed_forward,
    model_of,
    population,
    random_weights,
    recurrent,
)
from tests.compress.whole import labelled, made, settings, with_encoder

RECIPE = find_recipe("digits")


# Real digits


@pytest.fixture(scope="module")
def trained() -> TrainedRecipe:
    return train_recipe(RECIPE)


@pytest.fixture(scope="module")
def compressed(trained: TrainedRecipe) -> tuple[Network, CompressionReport]:
    data = RECIPE.load()
    how = settings(0.8, fine_tune_epochs=40, fine_tune_rate=1e-2)
    return compress(trained.model, data.training, how, data.held_out)


@pytest.mark.slow
def test_80_percent_sparse_digits_lose_at_most_one_and_a_half_points(
    trained: TrainedRecipe, compressed: tuple[Network, CompressionReport]
) -> None:
    network, report = compressed
    assert trained.accuracy >= 0.96
    assert report.accuracy("float") == trained.accuracy
    last = report.stages[-1].accuracy
    assert last is not None
    assert last >= trained.accuracy - 0.015
    assert network.num_synapses <= 0.2 * (64 * 128 + 128 * 10)


@pytest.mark.slow
def test_accuracy_of_the_report_is_what_the_reference_decides(
    compressed: tuple[Network, CompressionReport],
) -> None:
    network, report = compressed
    test = RECIPE.load().held_out
    some = test.select(np.arange(60))
    streams = list(some.events.streams())
    by_reference = [simulate(network, stream).decision for stream in streams]
    assert by_reference == Simulator(network).run_batch(streams).decisions.tolist()
    by_simulator = Simulator(network).run_batch(list(test.events.streams())).decisions
    assert report.stages[-1].accuracy == (by_simulator == test.labels).mean()
    assert network.info["accuracy"]["integer"] == report.stages[-1].accuracy
    assert network.info["accuracy"]["samples"] == len(test)


# Any model


@pytest.mark.parametrize("make", [feed_forward, recurrent, current_based, convolutional])
@pytest.mark.parametrize("pruner", ["sbc", "magnitude"])
def test_every_kind_of_model_becomes_a_network_that_obeys_the_rules(
    make: Callable[[], Model], pruner: str
) -> None:
    model = made(make)
    network, report = compress(model, labelled(model), settings(pruner=pruner))
    design_rules.check(network)
    assert model_file.decode(model_file.encode(network)).num_synapses == network.num_synapses
    parameters = sum(c.parameters.size for c in model.connections)
    assert sum(layer.kept for layer in report.layers) <= parameters - round(0.5 * parameters)
    found = {(c.source, c.target): c.synapses.to_dense() for c in network.connections}
    for c, layer in zip(model.connections, report.layers, strict=True):
        dense = found[c.source, c.target]
        assert dense.shape == c.shape
        assert np.count_nonzero(dense) == layer.synapses


@pytest.mark.parametrize("make", [feed_forward, recurrent, current_based, convolutional])
def test_nothing_pruned_leaves_only_the_error_of_rounding(make: Callable[[], Model]) -> None:
    model = made(make)
    seen, unseen = labelled(model, 60), labelled(model, 200, seed=9)
    network, report = compress(model, seen, settings(0), unseen)
    assert report.accuracy("float") == report.accuracy("pruned") == 1
    rounded, integer = report.accuracy("4-bit"), report.accuracy("integer")
    assert rounded is not None
    assert integer == pytest.approx(rounded, abs=0.03)
    assert all(p.membrane_error < 0.06 for p in report.populations)
    # Windows of random events are nearly alike, so that a few spikes that moved weigh much.
    assert all(p.cka is not None and p.cka > 0.6 for p in report.populations)
    assert report.populations[-1].cka > 0.9
    # Codes of 0 are weights that were nearly 0.
    assert report.sparsity < 0.2
    assert report.num_synapses == network.num_synapses


def test_steps_are_told_in_their_order() -> None:
    model, told = made(feed_forward), list[str]()
    how = settings(fine_tune_epochs=2, fine_tune_rate=1e-3)
    _, report = compress(model, labelled(model), how, labelled(model), told.append)
    assert [s.name for s in report.stages] == [
        "float", "pruned", "4-bit", "fine-tuned", "integer", "matched",
    ]  # fmt: skip
    in_order = ["collect", "prune", "quantize", "fine-tune 1/2", "fine-tune 2/2", "to integers"]
    assert [t for t in told if t in in_order] == in_order


def test_without_evaluation_labels_are_never_looked_at() -> None:
    model = made(feed_forward)
    data = labelled(model)
    other = LabelledEvents(data.events, np.zeros(len(data), np.int64))
    one, report = compress(model, data, settings())
    two, _ = compress(model, other, settings())
    assert model_file.encode(one) == model_file.encode(two)
    assert all(s.accuracy is None for s in report.stages)
    assert "accuracy" not in one.info


def test_same_settings_give_the_same_file() -> None:
    model = made(recurrent)
    how = settings(fine_tune_epochs=2)
    one, two = (model_file.encode(compress(model, labelled(model), how)[0]) for _ in range(2))
    assert one == two


def test_evaluation_decides_nothing() -> None:
    model = made(feed_forward)
    data = labelled(model)
    plain, _ = compress(model, data, settings())
    for seed in (1, 2):
        measured, _ = compress(model, data, settings(), labelled(model, 20, seed=seed))
        info = {k: v for k, v in measured.info.items() if k != "accuracy"}
        assert model_file.encode(replace(measured, info=info)) == model_file.encode(plain)


# Odd, and allowed


def test_inputs_that_calibration_never_saw_are_pruned_first() -> None:
    model = made(feed_forward)
    rasters = events(20).to_rasters()
    rasters[:, :, 12:] = 0
    samples = type(events(20)).from_rasters(rasters)
    data = LabelledEvents(samples, np.zeros(len(samples), np.int64))
    network, _ = compress(model, data, settings(0.5, allocation="uniform"))
    by_source = np.diff(network.connections[0].synapses.row_start)
    assert by_source[12:].sum() == 0
    assert by_source[:12].sum() > 0


def test_rows_of_positive_weights_alone_use_positive_codes_alone() -> None:
    weights = np.abs(random_weights(20, 16)) + 0.01
    model = with_encoder(
        model_of(
            20,
            [population("hidden", 16, 0.5), population("out", 4, 1.0, spiking=False)],
            [ModelConnection(0, 1, weights), ModelConnection(1, 2, random_weights(16, 4))],
        )
    )
    network, _ = compress(model, labelled(model), settings(0, quantizer="nearest"))
    codes = network.connections[0].synapses.weights
    assert codes.min() > 0
    assert codes.max() == 7


def test_a_population_that_nothing_reaches_is_kept() -> None:
    model = made(feed_forward)
    lonely = population("lonely", 3)
    wider = Model(
        (*model.populations[:2], lonely, model.populations[2]),
        (
            model.connections[0],
            ModelConnection(1, 3, model.connections[1].weights),
            ModelConnection(2, 3, random_weights(3, 4)),
        ),
        replace(model.readout, population=3),
        model.info,
    )
    network, report = compress(wider, labelled(model), settings())
    assert [p.name for p in network.populations] == ["input", "hidden", "lonely", "output"]
    assert report.populations[1].float_rate == report.populations[1].network_rate == 0


# Refused


def test_calibration_without_windows_is_refused() -> None:
    model = made(feed_forward)
    empty = labelled(model).select([])
    with pytest.raises(InputError, match="needs one window or more of 20 sources, not 0 of 20"):
        compress(model, empty, settings())


def test_events_of_another_number_of_sources_are_refused() -> None:
    model = made(feed_forward)
    foreign = LabelledEvents(events(25), np.zeros(30, np.int64))
    with pytest.raises(InputError, match="one window or more of 20 sources, not 30 of 25"):
        compress(model, foreign, settings())
    with pytest.raises(InputError, match="events must come from 20 sources, not 25"):
        compress(model, labelled(model), settings(), foreign)


def test_calibration_without_any_event_is_refused_before_any_work() -> None:
    model, told = made(feed_forward), list[str]()
    silent = events(20, rate=0.0)
    assert silent.num_events == 0
    data = LabelledEvents(silent, np.zeros(len(silent), np.int64))
    expected = "calibration windows must hold events, not none at all: check the encoder"
    with pytest.raises(InputError, match=expected):
        compress(model, data, settings(), progress=told.append)
    assert not told


def test_windows_of_another_length_than_the_read_out_are_refused() -> None:
    model, told = made(feed_forward), list[str]()
    good, short = labelled(model), labelled(model, steps=7)
    cases: list[tuple[str, LabelledEvents, dict[str, LabelledEvents]]] = [
        ("calibration", short, {}),
        ("evaluation", good, {"evaluation": short}),
        ("training", good, {"training": short}),
    ]
    for name, samples, others in cases:
        expected = f"{name} windows must have 12 time steps, the read-out's window, not 7: cut"
        with pytest.raises(InputError, match=expected):
            compress(model, samples, settings(), progress=told.append, **others)
    assert not told


def test_labels_that_the_model_has_no_output_for_are_refused() -> None:
    model, told = made(feed_forward), list[str]()
    good = labelled(model)
    wrong = LabelledEvents(good.events, np.where(np.arange(30) == 4, 57, good.labels))
    tuning = settings(fine_tune_epochs=1)
    with pytest.raises(InputError, match="evaluation labels must be in 0..3, not 57; number the"):
        compress(model, good, settings(), wrong, told.append)
    for samples, others in ((good, {"training": wrong}), (wrong, {})):
        with pytest.raises(InputError, match="training labels must be in 0..3, not 57; number the"):
            compress(model, samples, tuning, progress=told.append, **others)
    assert not told


def test_fine_tuning_that_diverges_names_the_epoch_and_the_setting() -> None:
    model = made(feed_forward)
    how = settings(fine_tune_epochs=3, fine_tune_rate=1e38)
    expected = r"must stay finite, .* epoch 1 of 3 .*lower .*\(fine_tune_rate, --fine-tune-rate\)"
    with pytest.raises(InputError, match=expected):
        compress(model, labelled(model), how)


def test_labels_must_be_there_for_every_window() -> None:
    with pytest.raises(InputError, match="labels must be 30 integers, one for each window, not"):
        LabelledEvents(events(20), np.zeros(29, np.int64))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_never_become_a_model(bad: float) -> None:
    weights = random_weights(20, 16)
    weights[3, 4] = bad
    with pytest.raises(UnsupportedModel, match="0 -> 1 must hold finite numbers, but 1 of 320"):
        feed_forward().with_weights((weights, random_weights(16, 4)))


def test_a_layer_without_neurons_behind_it_is_no_model() -> None:
    good = feed_forward()
    with pytest.raises(UnsupportedModel, match="must be one or more inputs, then neurons"):
        replace(good, populations=(*good.populations[:2], InputPopulation("nothing", 4)))
    with pytest.raises(UnsupportedModel, match="connection 1 -> 0 must end at neurons"):
        replace(good, connections=(ModelConnection(1, 0, np.ones((16, 20))),))


def test_a_sparsity_that_empties_a_layer_is_refused_by_name() -> None:
    model = made(feed_forward)
    with pytest.raises(InputError, match="hidden -> output must keep at least one weight, but a"):
        compress(model, labelled(model), settings(0.995, allocation="uniform"))


def test_a_layer_of_zeros_is_refused_by_name() -> None:
    model = made(feed_forward)
    empty = model.with_weights((model.connections[0].weights, np.zeros((16, 4))))
    with pytest.raises(InputError, match="hidden -> output must hold a weight that is not 0"):
        compress(empty, labelled(model), settings())


def test_a_model_without_an_encoder_is_refused() -> None:
    model = made(feed_forward)
    with pytest.raises(InputError, match="must declare an encoder"):
        compress(replace(model, info={}), labelled(model), settings())


def test_overflow_that_no_shift_avoids_is_refused_with_every_number() -> None:
    inputs = 600
    plain = model_of(
        inputs,
        [population("out", 2, 1.0, spiking=False)],
        [ModelConnection(0, 1, np.ones((inputs, 2)))],
    )
    # 600 sources of 15 events and codes of 7 make 63,000: more than 16 bits hold.
    model = with_encoder(plain, max_events=15)
    how = settings(0, quantizer="nearest", state_bits=16)
    with pytest.raises(DesignRuleError, match="possible membrane of 'out' must be in") as refused:
        compress(model, labelled(model, 2), how)
    assert all("'out'" in text for text in refused.value.violations)
    wider, _ = compress(model, labelled(model, 2), replace(how, state_bits=None))
    assert wider.state_bits > 16


def test_an_evaluation_without_samples_is_refused() -> None:
    model = made(feed_forward)
    data = labelled(model)
    with pytest.raises(InputError, match="evaluation samples must be one window or more, not 0"):
        compress(model, data, settings(), data.select([]))
