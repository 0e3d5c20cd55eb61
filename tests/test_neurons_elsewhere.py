"""Currents and delays against recurrences in floats and closed forms, written here by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.events import EventStream
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network, Readout
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.reference import simulate
from edgesnn.synapses import Synapses

#: Units of a membrane in one unit of the floats.
SCALE = 2.0**14


def one_layer(weights: np.ndarray, synaptic_decay: float, **fields) -> Network:
    """Inputs to current-based neurons of 24 bits; weights in units of 2**14."""
    size = weights.shape[1]
    neurons = LifPopulation(
        "cells",
        **fields,
        bias=np.zeros(size, int),
        synaptic_decay=np.full(size, round(4096 * synaptic_decay)),
        membrane_bits=23,
        current_bits=21,
    )
    synapses = Synapses.from_dense(weights)
    return Network(
        (InputPopulation("in", len(weights)), neurons),
        (Connection(0, 1, synapses, weight_shift=14),),
        Readout(1),
        24,
    )


def task(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, a raster, and thresholds that random sums do not meet exactly."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-7, 8, (20, 12))
    raster = (rng.random((200, 20)) < 0.08).astype(int)
    return weights, raster, rng.integers(12, 25, 12) + 0.37


@pytest.mark.parametrize("seed", range(5))
def test_spikes_are_those_of_the_second_order_neuron_of_snntorch(seed):
    """``Synaptic``: syn = alpha syn + x; mem = beta mem + syn - reset, which is one step late."""
    weights, raster, threshold = task(seed)
    alpha, beta = 3000 / 4096, 3700 / 4096
    syn = mem = spikes = np.zeros(12)
    expected = []
    for row in raster:
        syn = alpha * syn + row @ weights
        mem = beta * mem + syn - spikes * threshold
        spikes = (mem > threshold).astype(float)
        expected.append(spikes > 0)
    network = one_layer(
        weights,
        alpha,
        threshold=np.round(SCALE * threshold).astype(int),
        decay=np.full(12, round(4096 * beta)),
        strict=True,
        reset_order=ResetOrder.AFTER_DECAY,
    )
    result = simulate(network, EventStream.from_raster(raster))
    assert np.sum(expected) > 100
    assert np.array_equal(result.spikes, expected)


@pytest.mark.parametrize("seed", range(5))
def test_spikes_are_those_of_the_neuron_of_norse_one_step_earlier(seed):
    """``LIFCell``: the membrane moves by the current of the step before, which then takes events.

    Its events act one step late, so ours come one step later.
    """
    weights, raster, threshold = task(seed)
    leak, fade = 396 / 4096, 1100 / 4096
    # Norse scales the current by dt / tau; here that factor is in the threshold.
    v = i = np.zeros(12)
    expected = []
    for row in raster:
        v = v + leak * (i / leak - v)
        i = i - fade * i
        spikes = v > threshold
        v = np.where(spikes, 0, v)
        i = i + row @ weights
        expected.append(spikes)
    network = one_layer(
        weights,
        1 - fade,
        threshold=np.round(SCALE * threshold).astype(int),
        decay=np.full(12, round(4096 * (1 - leak))),
        strict=True,
        reset_mode=ResetMode.TO_ZERO,
    )
    late = np.vstack([np.zeros((1, 20), int), raster[:-1]])
    result = simulate(network, EventStream.from_raster(late))
    assert np.sum(expected) > 100
    assert np.array_equal(result.spikes, expected)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.9), (0.9, 0.5), (0.95, 0.95), (0.0, 0.8)])
def test_answer_to_one_event_is_the_difference_of_exponentials(alpha, beta):
    network = one_layer(
        np.array([[7]]), alpha, threshold=[0], decay=[round(4096 * beta)], spiking=False
    )
    result = simulate(network, EventStream.from_steps([[0]] + [[]] * 30))
    t = np.arange(31)
    a, b = round(4096 * alpha) / 4096, round(4096 * beta) / 4096
    if a == b:
        expected = 7 * SCALE * (t + 1) * a**t
    else:
        expected = 7 * SCALE * (b ** (t + 1) - a ** (t + 1)) / (b - a)
    # Each step takes less than 1 from the membrane and less than 1 from the current.
    lost = expected - result.values[:, 0]
    assert np.all(lost > -1e-6)
    assert np.all(lost < 1 / (1 - b) + 1 / (1 - a) / (1 - b))


def chain(delay: int, recurrent_delay: int | None) -> Network:
    """One input through a relay that fires at once, to a counter that never fires."""
    relay = LifPopulation("relay", [1], [0], [0], membrane_bits=8)
    counter = LifPopulation("counter", [0], [0], [0], spiking=False, membrane_bits=8)
    one = Synapses.from_dense(np.array([[1]]))
    connections = [Connection(0, 1, one), Connection(1, 2, one, delay=delay)]
    if recurrent_delay is not None:
        connections.append(Connection(1, 1, one, delay=recurrent_delay))
    return Network((InputPopulation("in", 1), relay, counter), tuple(connections), Readout(2))


@given(st.integers(0, 15), st.lists(st.booleans(), min_size=1, max_size=50))
def test_feed_forward_spike_arrives_so_many_steps_later(delay, train):
    stream = EventStream.from_steps([[0] if on else [] for on in train])
    result = simulate(chain(delay, None), stream)
    shifted = ([False] * delay + train)[: len(train)]
    assert result.values[:, 1].tolist() == [int(on) for on in shifted]


@given(st.integers(0, 15))
def test_recurrent_spike_comes_back_one_step_after_its_delay(delay):
    result = simulate(chain(0, delay), EventStream.from_steps([[0]] + [[]] * 60))
    assert np.flatnonzero(result.spikes[:, 0]).tolist() == list(range(0, 61, delay + 1))


@given(st.integers(0, 15), st.integers(0, 15))
def test_two_connections_of_one_pair_keep_their_own_delays(first, second):
    network = chain(first, None)
    one = Synapses.from_dense(np.array([[1]]))
    both = Network(
        network.populations,
        (*network.connections, Connection(1, 2, one, 1, delay=second)),
        network.readout,
    )
    result = simulate(both, EventStream.from_steps([[0]] + [[]] * 20))
    expected = np.zeros(21)
    expected[first] += 1
    expected[second] += 2
    assert result.values[:, 1].tolist() == expected.tolist()
