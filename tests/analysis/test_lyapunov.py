"""Lyapunov exponents against published and exact values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.analysis.dynamical_systems import henon, logistic, lorenz, mackey_glass, roessler
from edgesnn.analysis.lyapunov import VANISHED, lyapunov_spectrum
from edgesnn.errors import InputError


def cloud(system, count, skip=2000):
    """States on the attractor, [count, size]."""
    rng = np.random.default_rng(0)
    states = np.array(system.start) + 0.1 * rng.random((count, len(system.start)))
    for _ in range(skip):
        states = system.step(states)
    return states


def test_lorenz_has_its_published_exponents() -> None:
    flow = lorenz()
    found = lyapunov_spectrum(flow.jacobians(cloud(flow, 200), 3000), 3, skip=500, dt=flow.dt)
    # Source: Sprott 2003, "Chaos and Time-Series Analysis", table of flows.
    assert found.exponents == pytest.approx([0.906, 0.0, -14.572], rel=0.01, abs=0.009)
    # Volumes shrink at the same rate everywhere.
    assert found.exponents.sum() == pytest.approx(-(10 + 1 + 8 / 3), rel=1e-4)


def test_roessler_is_weakly_chaotic_and_volumes_shrink_as_its_divergence_says() -> None:
    flow = roessler(dt=0.05)
    states = cloud(flow, 100)
    found = lyapunov_spectrum(flow.jacobians(states, 3000), 3, skip=1000, dt=flow.dt)
    # Source: Sprott 2003: 0.0714, 0, -5.3943. The first one takes very long to settle.
    assert 0.055 < found.exponents[0] < 0.085
    assert abs(found.exponents[1]) < 0.01
    seen = flow.trajectory(3000, start=states)[1000:]
    assert found.exponents.sum() == pytest.approx(np.mean(0.2 + seen[..., 0] - 5.7), rel=3e-3)


def test_henon_has_its_published_exponents() -> None:
    found = lyapunov_spectrum(henon().jacobians(cloud(henon(), 100), 3000), 2, skip=100)
    assert found.exponents == pytest.approx([0.41922, -1.62319], rel=0.01)
    assert found.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-9)


def test_logistic_map_has_the_exponent_ln_2() -> None:
    found = lyapunov_spectrum(logistic().jacobians(cloud(logistic(), 200), 2000), 1, skip=10)
    assert found.exponents == pytest.approx([np.log(2)], rel=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_linear_system_has_the_logarithms_of_its_eigenvalues(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    # Moduli apart from each other, so that the frame settles; axes that are not orthogonal.
    values = 0.6 ** np.arange(size) * rng.choice([-1, 1], size) * 1.3
    axes = np.eye(size) + 0.3 * rng.normal(size=(size, size)) / np.sqrt(size)
    matrix = axes @ np.diag(values) @ np.linalg.inv(axes)
    found = lyapunov_spectrum([matrix] * 400, size, skip=200)
    assert found.exponents == pytest.approx(np.log(np.abs(values)), abs=1e-6)


def test_fewer_exponents_are_the_largest_of_all() -> None:
    rng = np.random.default_rng(1)
    matrices = [rng.normal(size=(12, 12)) / 4 for _ in range(2000)]
    all_of_them = lyapunov_spectrum(matrices, 12, skip=50)
    few = lyapunov_spectrum(matrices, 12, 4, skip=50)
    assert few.exponents == pytest.approx(all_of_them.exponents[:4], abs=1e-9)


def test_exponents_of_units_add_up_to_those_of_the_system() -> None:
    rng = np.random.default_rng(2)
    matrices = [rng.normal(size=(9, 9)) / 3 for _ in range(300)]
    found = lyapunov_spectrum(matrices, 9, skip=20)
    assert found.of_units.sum() == pytest.approx(found.exponents.sum())


def test_units_that_do_not_meet_have_their_own_exponents() -> None:
    factors = np.array([0.9, 0.5, 0.1])
    found = lyapunov_spectrum([np.diag(factors)] * 300, 3, skip=200)
    assert found.of_units == pytest.approx(np.log(factors), abs=1e-6)


def test_direction_that_vanishes_has_a_finite_exponent() -> None:
    found = lyapunov_spectrum([np.diag([0.5, 0.0])] * 10, 2, skip=2)
    assert found.exponents == pytest.approx([np.log(0.5), np.log(VANISHED)])


def test_bad_input_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="num_exponents must be in 1..3, not 4"):
        lyapunov_spectrum([np.eye(3)], 3, 4)
    with pytest.raises(InputError, match="there must be steps after the 5 that are skipped"):
        lyapunov_spectrum([np.eye(3)] * 5, 3, skip=5)
    with pytest.raises(InputError, match="finite numbers, but that of step 1 does not: .* smaller"):
        lyapunov_spectrum([np.eye(2), np.full((2, 2), np.inf)], 2)


def test_mackey_glass_does_not_depend_on_the_step_of_integration() -> None:
    coarse, fine = mackey_glass(60, skip=0, parts=10), mackey_glass(60, skip=0, parts=80)
    assert np.abs(coarse - fine).max() < 5e-5
    series = mackey_glass(2000)
    assert 0.2 < series.min() < 0.5
    assert 1.2 < series.max() < 1.5
    with pytest.raises(
        ValueError, match=r"tau must be a multiple of step / parts, 0.05, not 17.03"
    ):
        mackey_glass(10, tau=17.03)
