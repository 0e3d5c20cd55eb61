"""Covariance under noise next to a simulation of the noise, and of traces next to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.analysis.covariance import noise_covariance, trace_covariance
from edgesnn.errors import InputError


def test_noise_covariance_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(0)
    matrix = 0.4 * rng.normal(size=(4, 4)) - 1.5 * np.eye(4)
    dt, noise = 0.01, 0.7
    x = np.zeros((4000, 4))
    for _ in range(1500):
        x = x + dt * x @ matrix.T + noise * np.sqrt(dt) * rng.normal(size=x.shape)
    assert np.cov(x.T) == pytest.approx(noise_covariance(matrix, noise), abs=0.015)


def test_noise_covariance_solves_its_equation() -> None:
    matrix = np.array([[-1.0, 0.5], [-2.0, -0.3]])
    found = noise_covariance(matrix, 2.0)
    assert matrix @ found + found @ matrix.T == pytest.approx(-4 * np.eye(2))


def test_traces_are_filtered_spikes() -> None:
    spikes = (np.random.default_rng(1).random((2, 30, 3)) < 0.3).astype(float)
    traces = np.zeros((2, 30, 3))
    for t in range(30):
        traces[:, t] = 0.8 * traces[:, t - 1] * (t > 0) + 0.2 * spikes[:, t]
    expected = np.cov(traces[:, 10:].reshape(-1, 3).T)
    assert trace_covariance(spikes, 0.8, skip=10) == pytest.approx(expected)
    with pytest.raises(InputError, match="two time steps or more after the 29 that are skipped"):
        trace_covariance(spikes, skip=29)
