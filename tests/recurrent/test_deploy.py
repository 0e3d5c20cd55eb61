"""A pruned recurrent network as integers: what was pruned, its many decays, its values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.backends.gates import GatesBackend
from edgesnn.backends.simulated import ReferenceBackend
from edgesnn.compress.settings import CompressionSettings
from edgesnn.core_config import CoreConfig
from edgesnn.encoders import encoder_to_info
from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.number_format import DECAY_ONE
from edgesnn.recurrent.deploy import (
    compress_forecaster,
    forecast_error,
    model_error,
    network_values,
    values_of,
)
from edgesnn.recurrent.lnp import LnpSettings, prune_recurrent
from edgesnn.recurrent.networks import HIDDEN, RecurrentSettings, recurrent_model, recurrent_weights
from edgesnn.recurrent.readout import fit_readout
from edgesnn.recurrent.tasks import Forecast, ForecastData
from edgesnn.verification import compare, run_windows


def waves(count, _seed, _data):
    time = np.arange(count)
    return np.stack([np.sin(time / 4), np.sin(time / 7 + 1)], axis=1)


TASK = Forecast("waves", "", waves, 2, 2, 1.0, window_samples=40, skip=10, training=24, held_out=8)


@pytest.fixture(scope="module")
def data() -> ForecastData:
    return TASK.load()


@pytest.fixture(scope="module")
def pruned(data: ForecastData) -> Model:
    """A HRSNN of 120 neurons, of which LNP leaves 60, with a ridge read-out."""
    settings = RecurrentSettings(
        TASK.encoder.num_sources, 120, 2, neighbours=8, input_gain=2.0, readout_decay=0.8,
        window_steps=TASK.window_steps,
    )  # fmt: skip
    dense = recurrent_model(settings, 0, {"encoder": encoder_to_info(TASK.encoder)})
    how = LnpSettings(
        neurons_kept=0.5, synapses_kept=0.15, iterations=3, trials=0, num_steps=80, skip=10,
        num_exponents=10,
    )  # fmt: skip
    model, _ = prune_recurrent(dense, how)
    return fit_readout(model, data.training.events, data.training.targets, ridge=1e-3)


@pytest.fixture(scope="module")
def network(pruned: Model, data: ForecastData):
    return compress_forecaster(pruned, data.training)[0]


def test_what_was_pruned_stays_away_and_decays_are_those_of_the_model(pruned, network) -> None:
    recurrent = next(c for c in network.connections if c.source == c.target)
    codes = recurrent.synapses.to_dense()
    assert not np.any(codes[recurrent_weights(pruned) == 0])
    decay = pruned.populations[HIDDEN].decay
    assert np.array_equal(network.populations[HIDDEN].decay, decay * DECAY_ONE)
    assert len(np.unique(decay)) > 15


@pytest.mark.slow
def test_more_can_be_removed_of_what_is_left(pruned, data: ForecastData) -> None:
    plain = CompressionSettings(quantizer="nearest", match_rates=False, max_groups=1)
    sparse, _ = compress_forecaster(pruned, data.training, 0.3, plain)
    left = sum(int(np.count_nonzero(c.parameters)) for c in pruned.connections)
    assert sparse.num_synapses <= 0.7 * left + 1


def test_a_read_out_of_two_synapses_for_each_weight_says_what_it_means(
    pruned, network, data: ForecastData
) -> None:
    coarse = CompressionSettings(range="search", match_rates=False)
    rounded, _ = compress_forecaster(pruned, data.training, settings=coarse)
    readout = network.readout.population
    joined = [c for c in network.connections if c.target == readout]
    assert len(joined) == 2
    before, fine, after = (
        model_error(pruned, data.held_out),
        *(
            forecast_error(network_values(n, data.held_out.events), data.held_out)
            for n in (network, rounded)
        ),
    )
    assert fine < after
    assert fine < 1.05 * before


def test_integers_forecast_nearly_as_well_as_floating_point(pruned, network, data) -> None:
    before = model_error(pruned, data.held_out)
    after = forecast_error(network_values(network, data.held_out.events), data.held_out)
    assert before < 0.6
    assert after < 1.1 * before


@pytest.mark.slow
def test_reference_simulator_and_gates_give_the_same_bits(network, data) -> None:
    streams = list(data.held_out.events.streams())[:2]
    reference = ReferenceBackend()
    reference.load(network)
    expected = run_windows(reference, streams, record=True)
    simulated = network_values(network, data.held_out.events.select([0, 1]))
    assert np.array_equal(simulated, [values_of(network, r) for r in expected])
    gates = GatesBackend(
        CoreConfig(state_bits=network.state_bits, neurons=64, inputs=64, events=128)
    )
    agreement, _ = compare(expected, gates, network, streams)
    assert agreement.mismatches == 0, agreement.examples


def test_values_need_a_recorded_run_and_units(network, data: ForecastData) -> None:
    reference = ReferenceBackend()
    reference.load(network)
    silent = run_windows(reference, [data.held_out.events.stream(0)])[0]
    with pytest.raises(InputError, match="a run must be recorded"):
        values_of(network, silent)
    with pytest.raises(InputError, match="hold info\\['readout_units'\\]"):
        network_values(replace(network, info={}), data.held_out.events)


def test_share_to_remove_must_be_one(pruned, data: ForecastData) -> None:
    with pytest.raises(InputError, match="sparsity must be at least 0 and below 1, not 1"):
        compress_forecaster(pruned, data.training, sparsity=1)
