"""Errors of forecasts on cases that are known."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.recurrent.metrics import nrmse, valid_time


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
