"""What the report says, counted another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgesnn import placement
from edgesnn.compress.pipeline import compress
from edgesnn.compress.summary import picture_data, shortages
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DoesNotFit
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import InputPopulation, LifPopulation
from edgesnn.simulator import Simulator
from edgesnn.train.dynamics import Dynamics
from tests.compress.models import convolutional, feed_forward, recurrent
from tests.compress.whole import labelled, made, settings

MODELS = [feed_forward, recurrent, convolutional]


def operations_by_loop(model: Model, spikes: list[np.ndarray]) -> dict[str, float]:
    """Synaptic operations into each population in a window: every spike, source by source."""
    found = {p.name: 0 for p in model.populations}
    for c in model.connections:
        weights = c.weights
        for source in range(len(weights)):
            fan_out = sum(bool(w) for w in weights[source])
            found[model.populations[c.target].name] += int(spikes[c.source][:, :, source].sum()) * (
                fan_out
            )
    return {name: count / len(spikes[0]) for name, count in found.items()}


@pytest.mark.parametrize("make", MODELS)
def test_work_of_the_model_is_that_of_every_single_spike(make: Callable[[], Model]) -> None:
    model = made(make)
    data = labelled(model)
    _, report = compress(model, data, settings())
    spikes = [s.numpy() for s in Dynamics(model).record(data.events).spikes]
    expected = operations_by_loop(model, spikes)
    for p in report.populations:
        assert p.float_sops == pytest.approx(expected[p.name])
        index = [q.name for q in model.populations].index(p.name)
        assert p.float_spikes == pytest.approx(spikes[index].sum() / len(data))
        assert p.float_rate * p.size * 12 == pytest.approx(p.float_spikes, rel=1e-6)


@pytest.mark.parametrize("make", [feed_forward, convolutional])
def test_work_of_a_network_without_loops_is_what_the_simulator_counts(
    make: Callable[[], Model],
) -> None:
    model = made(make)
    _, report = compress(model, labelled(model), settings())
    assert sum(p.network_sops for p in report.populations) == pytest.approx(
        report.sops_per_inference
    )
    assert sum(p.network_spikes for p in report.populations) == pytest.approx(
        report.spikes_per_inference
    )


def test_a_loop_counts_the_spikes_of_the_last_step_too() -> None:
    model = made(recurrent)
    data = labelled(model)
    network, report = compress(model, data, settings())
    counted = sum(p.network_sops for p in report.populations)
    (loop,) = [c for c in network.connections if c.source == c.target]
    fan_out = np.diff(loop.synapses.row_start)
    hidden = network.neuron_slice(1)
    runs = [Simulator(network).run(stream)[0] for stream in data.events.streams()]
    late = sum(float(run.spikes[-1, hidden] @ fan_out) for run in runs) / len(data)
    assert counted == pytest.approx(report.sops_per_inference + late)


@pytest.mark.parametrize("readout_bits", [None, 8])
@pytest.mark.parametrize("make", MODELS)
def test_bits_are_those_of_the_memory_image(
    make: Callable[[], Model], readout_bits: int | None
) -> None:
    model = made(make)
    chosen = replace(settings(), readout_bits=readout_bits)
    network, report = compress(model, labelled(model), chosen)
    assert sum(layer.synapses for layer in report.layers) == network.num_synapses
    placed = placement.place(network, 1)
    words = report.bits_per_synapse * report.num_synapses / 16
    assert words == pytest.approx(placed.synapse_words[0])
    parts = sum(layer.bits_per_synapse * layer.synapses for layer in report.layers) / 16
    row_starts = sum(c.synapses.num_sources for c in network.connections)
    # The image keeps 256 words for row starts even where there are fewer.
    assert parts == pytest.approx(words - max(256 - row_starts, 0))
    assert all(layer.bits_per_synapse > layer.entropy_bits for layer in report.layers)


def test_connections_are_found_whatever_order_the_network_keeps_them_in() -> None:
    model = made(recurrent)
    data = labelled(model)
    network, report = compress(model, data, settings())
    assert [layer.name for layer in report.layers] == [
        "input -> hidden", "hidden -> output", "hidden -> hidden",
    ]  # fmt: skip
    by_ends = {(c.source, c.target): c for c in network.connections}
    assert list(by_ends) != [(c.source, c.target) for c in model.connections]
    pictures = picture_data(model, network, data.events)
    for c, layer, codes in zip(model.connections, report.layers, pictures.codes, strict=True):
        found = by_ends[c.source, c.target]
        assert layer.synapses == layer.kept == found.synapses.num_synapses
        assert layer.weight_shift == found.weight_shift
        assert codes.name == layer.name
        assert np.array_equal(codes.values, found.synapses.weights)


def test_weight_error_is_relative_to_the_weights() -> None:
    model = made(feed_forward)
    how = settings(0.5, pruner="magnitude", quantizer="nearest", allocation="uniform")
    _, report = compress(model, labelled(model), how)
    weights = model.connections[0].weights
    smallest = np.sort(np.abs(weights).ravel())[: weights.size // 2]
    by_pruning = np.linalg.norm(smallest) / np.linalg.norm(weights)
    assert report.layers[0].weight_error == pytest.approx(by_pruning, rel=0.15)
    assert report.layers[0].weight_norm == pytest.approx(np.linalg.norm(weights))


def test_pictures_show_every_neuron_of_the_populations_that_fire() -> None:
    model = made(feed_forward)
    data = labelled(model)
    network, report = compress(model, data, settings())
    pictures = picture_data(model, network, data.events)
    (rates,) = pictures.rates
    spikes = Dynamics(model).record(data.events).spikes[1].numpy()
    assert np.allclose(rates.model, spikes.mean(axis=(0, 1)))
    batch = Simulator(network).run_batch(list(data.events.streams()))
    fired = batch.spike_counts[:, network.neuron_slice(1)].sum(axis=0)
    assert np.allclose(rates.network, fired / (12 * len(data)))
    assert rates.network.mean() == pytest.approx(report.populations[0].network_rate)
    (thresholds,) = pictures.thresholds
    hidden = network.populations[1]
    assert isinstance(hidden, LifPopulation)
    assert thresholds.name == rates.name == "hidden"
    assert np.array_equal(thresholds.values, hidden.threshold)


def test_boards_say_what_is_short_as_the_check_of_a_board_does() -> None:
    model = made(feed_forward)
    network, _ = compress(model, labelled(model), settings())
    cores = {"roomy": CoreConfig(), "tiny": CoreConfig(inputs=16, neurons=16)}
    found = shortages(network, cores)
    assert found == {"roomy": [], "tiny": ["neurons: 20 of 16", "inputs: 20 of 16"]}
    with pytest.raises(DoesNotFit) as refused:
        placement.check_fits(placement.place(network, 1), cores["tiny"])
    assert len(refused.value.violations) == 2


def test_groups_of_merged_decays_are_told() -> None:
    model = made(feed_forward, decay=np.linspace(0.5, 0.95, 16))
    _, merged = compress(model, labelled(model), settings(max_groups=4))
    _, own = compress(model, labelled(model), settings(max_groups=16))
    _, none = compress(model, labelled(model), settings(pruner="magnitude", quantizer="nearest"))
    assert [r.populations[0].exact_decays for r in (merged, own, none)] == [False, True, None]
    assert isinstance(model.populations[0], InputPopulation)
    assert isinstance(model.populations[1], ModelPopulation)
    assert [p.name for p in own.populations] == ["hidden", "output"]
