"""Representations of populations: those of the reference, and of a model with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.analysis.cka import LayerCka, cka, compare
from edgesnn.analysis.module_features import model_grams
from edgesnn.analysis.population_features import Signal, network_grams
from edgesnn.errors import InputError
from edgesnn.reference import simulate
from tests.compress.models import events
from tests.compress.test_measure import exact_network

MODEL, NETWORK, _ = exact_network()
EVENTS = events(MODEL.num_inputs)


def recorded(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and ``v`` of a population [window, step, neuron], by the reference."""
    runs = [simulate(NETWORK, stream) for stream in EVENTS.streams()]
    where = NETWORK.neuron_slice(index)
    spikes = np.stack([run.spikes[:, where] for run in runs]).astype(float)
    values = np.stack([run.values[:, where] for run in runs if run.values is not None])
    return spikes, values.astype(float)


def traces(spikes: np.ndarray, decay: float) -> np.ndarray:
    kernel = decay ** np.subtract.outer(np.arange(12.0), np.arange(12.0)) * np.tri(12)
    return np.einsum("ts,wsn->wtn", kernel, spikes)


@pytest.mark.parametrize("signal", Signal)
def test_layers_of_a_network_are_compared_by_what_the_reference_does(signal: Signal) -> None:
    found = compare(network_grams(NETWORK, EVENTS, signal=signal, batch_size=30))
    assert found.rows == found.columns == ("hidden", "output")
    spikes, v = recorded(1)
    hidden = {Signal.SPIKES: spikes, Signal.TRACES: traces(spikes, 0.5), Signal.V: v}[signal]
    assert found.values[0, 1] == pytest.approx(cka(hidden, recorded(2)[1]))


@pytest.mark.parametrize("signal", Signal)
def test_a_model_and_the_network_of_the_same_numbers_are_the_same(signal: Signal) -> None:
    found = compare(
        model_grams(MODEL, EVENTS, signal=signal, batch_size=10),
        network_grams(NETWORK, EVENTS, signal=signal, batch_size=10),
    )
    assert list(found.twins().values()) == pytest.approx([1, 1])
    alone = compare(network_grams(NETWORK, EVENTS, signal=signal, batch_size=10))
    assert found.values == pytest.approx(alone.values)


def test_steps_of_a_population_are_compared_with_each_other() -> None:
    found = compare(network_grams(NETWORK, EVENTS, ["hidden"], by_step=True))
    assert found.rows == tuple(f"hidden @ {step}" for step in range(12))
    spikes = recorded(1)[0]
    assert found.values[3, 8] == pytest.approx(cka(spikes[:, 3], spikes[:, 8]))
    assert np.diag(found.values) == pytest.approx(np.ones(12))
    of_model = compare(model_grams(MODEL, EVENTS, ["hidden"], by_step=True))
    assert of_model.values == pytest.approx(found.values)


def test_a_population_that_never_fires_is_like_nothing() -> None:
    silent = EVENTS.from_rasters(np.zeros((8, 12, MODEL.num_inputs), np.uint8))
    found: LayerCka = compare(network_grams(NETWORK, silent))
    assert np.isnan(found.values).all()


def test_unknown_populations_and_too_few_windows_are_refused() -> None:
    for grams in (network_grams(NETWORK, EVENTS, ["hiden"]), model_grams(MODEL, EVENTS, ["hiden"])):
        with pytest.raises(InputError, match="must be one of hidden, output, not 'hiden'"):
            next(grams)
    with pytest.raises(InputError, match="must be 4 or more, not 3 and 256"):
        next(network_grams(NETWORK, EVENTS.select([0, 1, 2])))
