"""Recurrent networks before training: their graphs, their time constants, what may be cut away."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.number_format import DECAY_ONE
from edgesnn.recurrent.networks import (
    HIDDEN,
    RecurrentSettings,
    TimeScales,
    cluster_of,
    decay_of,
    keep_neurons,
    recurrent_model,
    recurrent_weights,
    small_world,
    with_recurrent_weights,
    with_time_constants,
)

SETTINGS = RecurrentSettings(5, 120, 2)
CLUSTERS = replace(SETTINGS, clusters=(TimeScales(4, 1), TimeScales(4, 5), TimeScales(None, 40)))


def test_graph_is_a_small_world() -> None:
    edges = small_world(SETTINGS, np.random.default_rng(0))
    ring = small_world(replace(SETTINGS, rewired=0.0), np.random.default_rng(0))
    anywhere = small_world(replace(SETTINGS, rewired=1.0), np.random.default_rng(0))
    small, regular, random = (
        nx.from_numpy_array((e | e.T).astype(int)) for e in (edges, ring, anywhere)
    )
    paths = [nx.average_shortest_path_length(g) for g in (small, regular, random)]
    triangles = [nx.average_clustering(g) for g in (small, regular, random)]
    assert paths[0] < 0.75 * paths[1]
    assert triangles[0] > 1.5 * triangles[2]
    assert not np.diag(edges).any()
    assert edges.sum(axis=1).min() >= 0.8 * SETTINGS.neighbours


def test_clusters_are_joined_by_few_edges_and_have_their_own_time_scales() -> None:
    clusters = cluster_of(CLUSTERS)
    model = recurrent_model(CLUSTERS, 0)
    edges = recurrent_weights(model) != 0
    inside = clusters[:, None] == clusters[None, :]
    assert 0.01 < edges[~inside].sum() / edges.sum() < 0.1
    decay = model.populations[HIDDEN].decay
    constants = [-1 / np.log(decay[clusters == k]) for k in range(3)]
    assert np.mean(constants[0]) == pytest.approx(4, rel=0.25)
    assert np.mean(constants[1]) == pytest.approx(20, rel=0.25)
    assert np.ptp(constants[2]) == 0


def test_decays_are_those_that_the_hardware_has() -> None:
    decay = recurrent_model(SETTINGS, 0).populations[HIDDEN].decay
    assert np.array_equal(decay * DECAY_ONE, np.rint(decay * DECAY_ONE))
    assert decay_of([1, 10]) == pytest.approx(np.exp([-1, -0.1]), abs=1 / 4096)


def test_recurrent_weights_have_the_wanted_gain_and_signs() -> None:
    weights = recurrent_weights(recurrent_model(replace(SETTINGS, inhibitory=0.2), 0))
    assert np.abs(np.linalg.eigvals(weights)).max() == pytest.approx(0.9, rel=1e-5)
    assert (weights < 0).sum() / (weights != 0).sum() == pytest.approx(0.2, abs=0.03)


def test_a_seed_gives_the_same_network_and_another_gives_another() -> None:
    one, same, other = (recurrent_weights(recurrent_model(SETTINGS, s)) for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_neurons_are_taken_out_with_all_that_they_are_joined_by() -> None:
    model = recurrent_model(SETTINGS, 0)
    kept = np.array([3, 50, 7, 119])
    small = keep_neurons(model, kept)
    order = np.sort(kept)
    assert np.array_equal(recurrent_weights(small), recurrent_weights(model)[np.ix_(order, order)])
    assert np.array_equal(small.populations[HIDDEN].decay, model.populations[HIDDEN].decay[order])
    for before, after in ((model.connections[0], small.connections[0]),):
        assert np.array_equal(after.parameters, before.parameters[:, order])
    assert np.array_equal(small.connections[2].parameters, model.connections[2].parameters[order])


def test_what_cuts_inputs_from_outputs_is_refused() -> None:
    model = recurrent_model(replace(SETTINGS, input_density=0.05), 0)
    reached = np.flatnonzero(np.any(model.connections[0].parameters, axis=0))
    lonely = np.setdiff1d(np.arange(120), reached)[:3]
    with pytest.raises(InputError, match="path must lead from inputs to outputs, .* through the 3"):
        keep_neurons(model, lonely)
    # A path may lead over several neurons.
    weights = np.zeros((120, 120))
    weights[reached[0], lonely[0]] = 1
    chain = with_recurrent_weights(model, weights)
    assert keep_neurons(chain, [reached[0], lonely[0]]).populations[HIDDEN].size == 2


def test_time_constants_can_be_exchanged() -> None:
    model = with_time_constants(recurrent_model(SETTINGS, 0), np.full(120, 10.0))
    assert set(model.populations[HIDDEN].decay) == set(decay_of([10.0]))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"num_neurons": 16}, "more neurons than neighbours, 16, but 16 neurons in 1 clusters"),
        ({"neighbours": 3}, "neighbours must be even and at least 2, not 3"),
        ({"rewired": 1.5}, r"rewired must be in 0..1, not 1.5"),
        ({"num_outputs": 0}, "num_outputs must be at least 1, not 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, text) -> None:
    with pytest.raises(InputError, match=text):
        replace(SETTINGS, **change)
    with pytest.raises(InputError, match="shape and scale must be above 0"):
        TimeScales(-1.0, 2.0)
