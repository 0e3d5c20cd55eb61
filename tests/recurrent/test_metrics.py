"""Errors of forecasts on cases that are known."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.event_windows import EventWindows
from edgesnn.recurrent.metrics import nrmse, operations_per_step, valid_time
from edgesnn.recurrent.networks import RecurrentSettings, recurrent_model
from edgesnn.train.dynamics import Dynamics


def test_the_mean_has_an_error_of_one_and_a_multiple_of_the_noise_its_own() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.normal(3, 2, (5000, 2))
    assert nrmse(np.broadcast_to(wanted.mean(axis=0), wanted.shape), wanted) == pytest.approx(1)
    assert nrmse(wanted, wanted) == 0
    noisy = wanted + rng.normal(0, 0.5, wanted.shape)
    assert nrmse(noisy, wanted) == pytest.approx(0.25, rel=0.03)
    # One number a step is the same as a column of them.
    assert nrmse(noisy[:, 0], wanted[:, 0]) == nrmse(noisy[:, :1], wanted[:, :1])


def test_steps_that_are_not_known_are_left_out() -> None:
    wanted = np.arange(10.0)
    gap = wanted.copy()
    gap[3] = np.nan
    assert nrmse(wanted + 1, gap) == pytest.approx(1 / np.std(np.delete(wanted, 3)))


def test_a_forecast_is_valid_until_it_is_wrong_by_the_limit() -> None:
    wanted = np.ones((100, 1))
    found = wanted + np.linspace(0, 1, 100)[:, None]
    assert valid_time(found, wanted, dt=0.1) == pytest.approx(0.1 * 40)
    assert valid_time(wanted, wanted, dt=0.1) == pytest.approx(10)
    found[5] = np.nan
    assert valid_time(found, wanted) == 5


def test_operations_are_spikes_times_the_synapses_that_are_left() -> None:
    settings = RecurrentSettings(6, 20, 2, neighbours=4, input_density=0.5, input_gain=3.0)
    model = recurrent_model(settings, 0)
    rasters = (np.random.default_rng(1).random((3, 25, 6)) < 0.4).astype(np.uint8)
    events = EventWindows.from_rasters(rasters)
    spikes = [s.numpy() for s in Dynamics(model).record(events).spikes]
    counted = 0
    for connection in model.connections:
        for window, step, source in np.argwhere(spikes[connection.source]):
            del window, step
            counted += np.count_nonzero(connection.parameters[source])
    assert counted > 1000
    assert operations_per_step(model, events) == pytest.approx(counted / 75)
