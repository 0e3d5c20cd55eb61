"""Networks that are fed with their own forecasts."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.recurrent.free_run import free_run, mean_valid_time
from edgesnn.recurrent.networks import RecurrentSettings, recurrent_model
from edgesnn.recurrent.readout import fit_readout, readout_values
from edgesnn.recurrent.tasks import Forecast
from edgesnn.samples import Samples


def wave(count, _seed, _data):
    return np.sin(np.arange(count) / 3)[:, np.newaxis]


TASK = Forecast("wave", "", wave, 1, 3, 0.5, window_samples=40, skip=10, training=30, held_out=8)


@pytest.fixture(scope="module")
def model():
    data = TASK.load()
    settings = RecurrentSettings(
        TASK.encoder.num_sources, 100, 1, input_gain=3.0, readout_decay=0.8,
        window_steps=TASK.window_steps,
    )  # fmt: skip
    ready = recurrent_model(settings, 0)
    return fit_readout(ready, data.training.events, data.training.targets, ridge=1e-3)


def test_first_forecasts_are_those_of_true_samples_and_later_ones_are_fed_back(model) -> None:
    known = TASK.held_out_samples(3, 30)
    found = free_run(model, TASK, known, 7)
    assert found.shape == (3, 7, 1)
    # One sample after the other, each from a run of its own.
    seen = known
    for count in range(7):
        heard = seen[:, : seen.shape[1] - TASK.horizon + 1]
        events = Samples(heard.astype(np.float32)).events(TASK.encoder)
        said = readout_values(model, events)[:, -1]
        assert found[:, count] == pytest.approx(said, abs=1e-5)
        seen = np.concatenate([seen, said[:, np.newaxis]], axis=1)


def test_a_network_that_learned_a_wave_stays_with_it_longer_than_one_that_did_not(model) -> None:
    samples = TASK.held_out_samples(4, 60)
    learned = mean_valid_time(model, TASK, samples, 30)
    zero = model.connections[-1].with_parameters(0 * model.connections[-1].parameters)
    other = type(model)(
        model.populations, (*model.connections[:-1], zero), model.readout, model.info
    )
    assert learned > 3
    assert mean_valid_time(other, TASK, samples, 30) < 1.5


def test_stretches_of_the_held_out_part_are_evenly_apart_and_after_training() -> None:
    whole = TASK.series()[31 * 40 :]
    found = TASK.held_out_samples(3, 50)
    assert found[0] == pytest.approx(whole[:50])
    assert found[-1] == pytest.approx(whole[-50:])
    with pytest.raises(InputError, match="must have at most 323 samples, not 400"):
        TASK.held_out_samples(3, 400)


def test_fewer_known_samples_than_the_network_looks_ahead_are_refused(model) -> None:
    with pytest.raises(InputError, match="at least 3 samples must be known"):
        free_run(model, TASK, np.zeros((1, 2, 1)), 4)
