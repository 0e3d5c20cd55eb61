"""LNP as a whole: what it keeps, what it promises, how it goes on after a stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.recurrent.lnp import LnpSettings, ablations, begin, drive, prune_recurrent, stable
from edgesnn.recurrent.networks import (
    HIDDEN,
    RecurrentSettings,
    TimeScales,
    connects,
    recurrent_model,
    recurrent_weights,
    with_recurrent_weights,
)

SCALES = TimeScales(2.0, 8.0)
SETTINGS = LnpSettings(iterations=3, trials=0, num_steps=120, skip=20, num_exponents=20)


@pytest.fixture(scope="module")
def dense() -> Model:
    return recurrent_model(RecurrentSettings(10, 120, 3, clusters=(SCALES,)), 0)


def test_it_comes_to_the_wanted_size_and_only_takes_away(dense: Model) -> None:
    model, state = prune_recurrent(dense, SETTINGS)
    before, after = recurrent_weights(dense), recurrent_weights(model)
    assert model.populations[HIDDEN].size == 48
    assert 0.06 < np.count_nonzero(after) / np.count_nonzero(before) <= 0.1
    there = before[np.ix_(state.kept, state.kept)]
    assert np.array_equal(after[after != 0], there[after != 0])
    assert [e.neurons for e in state.log] == [120, 88, 65, 48]
    assert all(e.rate > 0 for e in state.log)


def test_neurons_that_fire_least_go_where_that_is_asked_for(dense: Model) -> None:
    settings = replace(SETTINGS, node_rule="rate", iterations=1)
    rates = drive(dense, settings).spikes.mean(axis=(0, 1))
    _, state = prune_recurrent(dense, settings)
    gone = np.setdiff1d(np.arange(120), state.kept)
    assert rates[gone].max() <= rates[state.kept].min()
    with pytest.raises(
        InputError, match="node_rule must be one of betweenness, rate, not 'degree'"
    ):
        LnpSettings(node_rule="degree")


def test_spectrum_stays_nearer_to_the_dense_one_than_with_random_pruning() -> None:
    def distance(rule: str, seed: int) -> float:
        model = recurrent_model(RecurrentSettings(10, 120, 3, clusters=(SCALES,)), seed)
        _, state = prune_recurrent(model, replace(SETTINGS, rule=rule, seed=seed))
        return state.log[-1].spectrum_distance

    noise, random = (np.mean([distance(r, s) for s in range(3)]) for r in ("noise", "random"))
    assert noise < 0.5 * random


def test_a_pruning_that_was_stopped_goes_on_exactly(dense: Model) -> None:
    seen = []
    whole, _ = prune_recurrent(dense, SETTINGS, after_iteration=seen.append)
    again, _ = prune_recurrent(dense, SETTINGS, state=seen[0])
    assert np.array_equal(recurrent_weights(whole), recurrent_weights(again))
    assert [e.number for e in seen[-1].log] == [0, 1, 2, 3]


def test_time_scales_are_optimized_at_the_end_toward_the_dense_spectrum(dense: Model) -> None:
    settings = replace(SETTINGS, trials=6)
    model, state = prune_recurrent(dense, settings, SCALES)
    assert not np.array_equal(
        model.populations[HIDDEN].decay, state.model.populations[HIDDEN].decay
    )
    assert np.array_equal(recurrent_weights(model), recurrent_weights(state.model))


@pytest.mark.parametrize("name", list(ablations(SETTINGS)))
def test_every_choice_can_be_changed_by_itself(dense: Model, name: str) -> None:
    settings = replace(ablations(SETTINGS)[name], iterations=min(2, SETTINGS.iterations))
    model, _ = prune_recurrent(dense, settings)
    assert model.populations[HIDDEN].size == 48


def test_silent_and_always_firing_networks_are_refused(dense: Model) -> None:
    def changed(factor: float, bias: float) -> Model:
        inputs, recurrent, output = dense.connections
        populations = list(dense.populations)
        populations[HIDDEN] = replace(populations[HIDDEN], bias=np.full(120, bias, np.float32))
        scaled = inputs.with_parameters(factor * np.asarray(inputs.parameters))
        off = recurrent.with_parameters(0 * np.asarray(recurrent.parameters))
        return Model(tuple(populations), (scaled, off, output), dense.readout)

    with pytest.raises(InputError, match="under noise, but none ever does: change input_gain"):
        begin(changed(0.0, 0.0), SETTINGS)
    with pytest.raises(InputError, match="under noise, but all do in all steps"):
        begin(changed(0.0, 5.0), SETTINGS)


def test_rate_model_that_would_run_away_gets_more_leak() -> None:
    rng = np.random.default_rng(0)
    calm, wild = 0.05 * rng.normal(size=(20, 20)), 2 * rng.normal(size=(20, 20))
    assert np.array_equal(stable(calm), calm - np.eye(20))
    assert np.linalg.eigvals(stable(wild)).real.max() == pytest.approx(-0.01)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"neurons_kept": 0.0}, "neurons_kept must be above 0 and at most 1, not 0.0"),
        ({"iterations": 101}, r"iterations must be in 1\.\.100, not 101"),
        ({"rule": "taste"}, "rule must be one of noise, lyapunov, .* not 'taste'"),
        ({"rescaling": 0.5}, "rescaling must be at least 1, not 0.5"),
        ({"restored": 0.9}, r"restored must be in 0\.\.0\.5, not 0.9"),
        ({"num_steps": 10}, r"num_steps must be in 22\.\.1000000, not 10"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, text) -> None:
    with pytest.raises(InputError, match=text):
        replace(SETTINGS, **change)


def test_a_graph_in_pieces_is_pruned_as_any_other(dense: Model) -> None:
    weights = recurrent_weights(dense)
    weights[:60, 60:] = weights[60:, :60] = 0
    model, state = prune_recurrent(with_recurrent_weights(dense, weights), SETTINGS)
    assert model.populations[HIDDEN].size == 48
    assert connects(model, np.arange(48))
    assert all(np.isfinite(e.largest_ipr) for e in state.log)


def test_a_size_that_cuts_inputs_from_outputs_is_refused() -> None:
    settings = RecurrentSettings(2, 60, 1, input_density=0.05)
    few = replace(SETTINGS, neurons_kept=0.02, synapses_kept=0.02, iterations=1, drive_rate=1.0)
    model = recurrent_model(replace(settings, input_gain=5.0), 0)
    with pytest.raises(InputError, match="a path must lead from inputs to outputs"):
        prune_recurrent(model, few)


def test_a_network_that_runs_away_is_still_pruned_to_size() -> None:
    wild = recurrent_model(RecurrentSettings(10, 60, 1, gain=20.0), 0)
    model, state = prune_recurrent(wild, replace(SETTINGS, iterations=1))
    assert model.populations[HIDDEN].size == 24
    assert state.log[0].largest_exponent > 0
