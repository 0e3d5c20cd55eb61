"""Betweenness next to another library's, and which neurons go."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from edgesnn.recurrent.node_pruning import betweenness, least_active, least_between


@pytest.mark.parametrize("seed", range(5))
def test_betweenness_is_that_of_networkx(seed: int) -> None:
    edges = np.random.default_rng(seed).random((25, 25)) < 0.02 + 0.04 * seed
    np.fill_diagonal(edges, False)
    graph = nx.from_numpy_array(edges.astype(int), create_using=nx.DiGraph)
    wanted = nx.betweenness_centrality(graph)
    assert betweenness(edges) == pytest.approx([wanted[n] for n in range(25)])


def test_the_bridge_between_two_groups_stays() -> None:
    edges = np.zeros((9, 9), bool)
    edges[:4, :4] = edges[5:, 5:] = True
    edges[3, 4] = edges[4, 5] = edges[5, 4] = edges[4, 3] = True
    np.fill_diagonal(edges, False)
    gone = least_between(edges, 6)
    assert np.array_equal(gone, [0, 1, 2, 6, 7, 8])


def test_of_neurons_between_nothing_those_of_fewest_edges_go() -> None:
    edges = np.zeros((4, 4), bool)
    edges[0, 1] = edges[0, 2] = True
    assert np.array_equal(least_between(edges, 1), [3])
    assert np.array_equal(least_between(edges, 0), [])


def test_neurons_that_fire_least_go_and_on_a_tie_the_first() -> None:
    spikes = np.zeros((2, 3, 4))
    spikes[:, 0, 1] = spikes[0, :, 3] = 1
    assert np.array_equal(least_active(spikes, 1), [0])
    assert np.array_equal(least_active(spikes, 3), [0, 1, 2])
    assert np.array_equal(least_active(spikes, 0), [])
