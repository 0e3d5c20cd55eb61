"""Distances against formulas written another way, and against values known from theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.analysis.spike_trains import filtered
from edgesnn.compress.measure import COMPARED_WINDOWS, distances
from edgesnn.connections import ModelConnection
from edgesnn.model import Model
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network
from edgesnn.reference import simulate
from edgesnn.synapses import Synapses
from tests.analysis.test_cka import slow_cka
from tests.compress.models import events, model_of, population

SHIFT = 11


def exact_network() -> tuple[Model, Network, tuple[np.ndarray | None, ...]]:
    """A model whose numbers are all multiples of 1/16, and the same network in units of that."""
    rng = np.random.default_rng(5)
    codes = [rng.integers(-5, 8, (20, 16)), rng.integers(-7, 8, (16, 4))]
    model = model_of(
        20,
        [population("hidden", 16, 0.5), population("output", 4, 1.0, spiking=False)],
        [ModelConnection(0, 1, codes[0] / 16), ModelConnection(1, 2, codes[1] / 16)],
    )
    # Finer than the smallest half that decays leave, so that truncation never shows.
    network = Network(
        (
            InputPopulation("input", 20),
            LifPopulation("hidden", [16 << SHIFT] * 16, [2048] * 16, [0] * 16, membrane_bits=23),
            LifPopulation("output", [0] * 4, [4096] * 4, [0] * 4, spiking=False, membrane_bits=23),
        ),
        tuple(
            Connection(i, i + 1, Synapses.from_dense(c), weight_shift=SHIFT)
            for i, c in enumerate(codes)
        ),
        model.readout,
        state_bits=24,
    )
    unit = np.full(16, 2.0 ** -(4 + SHIFT))
    return model, network, (None, unit, unit[:4])


def van_rossum_by_double_sum(one: np.ndarray, other: np.ndarray, decay: float, steps: int) -> float:
    """Squared distance of two trains of one neuron, from the times of their spikes alone.

    A spike at s and one at t overlap in all steps from the later one to the end:
    the sum of decay**(k - s) * decay**(k - t) over k.
    """

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return sum(decay ** (2 * k - s - t) for s in a for t in b for k in range(max(s, t), steps))

    return overlap(one, one) - 2 * overlap(one, other) + overlap(other, other)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.875, 1.0])
def test_van_rossum_distance_is_that_of_its_double_sum_over_spikes(decay: float) -> None:
    rng = np.random.default_rng(3)
    one, other = (rng.random((2, 25, 1)) < 0.3).astype(np.float64)
    by_filter = ((filtered(one, np.array([decay])) - filtered(other, np.array([decay]))) ** 2).sum()
    times = [np.flatnonzero(train[:, 0]) for train in (one, other)]
    assert by_filter == pytest.approx(van_rossum_by_double_sum(*times, decay, 25))


def test_filter_is_a_convolution_for_every_neuron_and_window() -> None:
    rng = np.random.default_rng(0)
    spikes = (rng.random((3, 30, 4)) < 0.2).astype(np.float64)
    decay = np.array([0.0, 0.5, 0.9, 1.0])
    before = spikes.copy()
    trace = filtered(spikes, decay)
    for window in range(3):
        for neuron in range(4):
            kernel = decay[neuron] ** np.arange(30)
            expected = np.convolve(spikes[window, :, neuron], kernel)[:30]
            assert np.allclose(trace[window, :, neuron], expected)
    assert np.array_equal(spikes, before)


def test_network_of_the_same_numbers_is_at_no_distance() -> None:
    model, network, units = exact_network()
    found = distances(model, network, units, events(model.num_inputs))
    assert list(found) == [1, 2]
    assert found[1].membrane_error == pytest.approx(0, abs=1e-9)
    assert found[1].van_rossum_error == 0
    assert found[2].van_rossum_error is None
    assert found[2].membrane_error == pytest.approx(0, abs=1e-9)
    assert [d.cka for d in found.values()] == [pytest.approx(1), pytest.approx(1)]


def test_distances_are_those_of_the_reference_window_by_window() -> None:
    model, network, units = exact_network()
    hidden = network.populations[1]
    assert isinstance(hidden, LifPopulation)
    lazy = replace(hidden, threshold=hidden.threshold * 2)
    other = replace(network, populations=(network.populations[0], lazy, network.populations[2]))
    samples = events(model.num_inputs)

    def trains_and_v(net: Network) -> tuple[np.ndarray, np.ndarray]:
        runs = [simulate(net, stream) for stream in samples.streams()]
        where = net.neuron_slice(1)
        return (
            np.stack([run.spikes[:, where] for run in runs]).astype(float),
            np.stack([run.values[:, where] for run in runs if run.values is not None]) * units[1],
        )

    wanted, wanted_v = trains_and_v(network)
    got, got_v = trains_and_v(other)
    kernel = 0.5 ** np.subtract.outer(np.arange(12), np.arange(12)) * np.tri(12)
    found = distances(model, other, units, samples)[1]
    assert found.cka == pytest.approx(slow_cka([(wanted.reshape(30, -1), got.reshape(30, -1))]))
    wanted, got = (np.einsum("ts,wsn->wtn", kernel, s) for s in (wanted, got))
    assert found.van_rossum_error == pytest.approx(((got - wanted) ** 2).sum() / (wanted**2).sum())
    expected = ((got_v - wanted_v) ** 2).sum() / (wanted_v**2).sum()
    assert found.membrane_error == pytest.approx(expected)


def test_model_that_never_fires_is_told_from_a_network_that_does() -> None:
    model, network, units = exact_network()
    silent = replace(model.populations[1], threshold=np.full(model.populations[1].size, 1e6))
    never = replace(model, populations=(model.populations[0], silent, model.populations[2]))
    found = distances(never, network, units, events(model.num_inputs))
    assert found[1].van_rossum_error == 1
    assert found[1].cka is None


def test_too_few_windows_have_no_cka() -> None:
    model, network, units = exact_network()
    found = distances(model, network, units, events(model.num_inputs, windows=3))
    assert [d.cka for d in found.values()] == [None, None]


def test_a_network_is_measured_on_a_bounded_number_of_windows() -> None:
    model, network, units = exact_network()
    many = events(model.num_inputs, windows=COMPARED_WINDOWS + 20)
    few = many.select(np.arange(COMPARED_WINDOWS))
    assert distances(model, network, units, many) == distances(model, network, units, few)
