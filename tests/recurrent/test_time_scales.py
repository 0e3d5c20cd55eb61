"""Time scales are found again by the spectrum that they leave."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.recurrent.networks import TimeScales
from edgesnn.recurrent.time_scales import optimize_time_scales, spectrum_distance


def test_spectra_of_different_lengths_are_compared_by_their_shape() -> None:
    long, short = np.linspace(-0.1, -1, 40), np.linspace(-0.1, -1, 10)
    assert spectrum_distance(short, long) == pytest.approx(0, abs=1e-12)
    assert spectrum_distance(short - 0.3, long) == pytest.approx(0.3)
    assert spectrum_distance(short[::-1], long) == pytest.approx(0, abs=1e-12)


def test_chaos_is_worse_than_its_distance() -> None:
    calm = np.array([-0.2, -0.2])
    assert spectrum_distance(calm + 0.5, calm) == pytest.approx(0.5 + 0.3)


def test_the_best_of_all_trials_is_found_and_a_seed_repeats_it() -> None:
    def loss(scales: TimeScales) -> float:
        return (np.log(scales.shape / 3)) ** 2 + (np.log(scales.shape * scales.scale / 20)) ** 2

    found, value = optimize_time_scales(loss, 60, 0, TimeScales(1.0, 4.0))
    assert found.shape == pytest.approx(3, rel=0.3)
    assert found.shape * found.scale == pytest.approx(20, rel=0.3)
    assert value == pytest.approx(loss(found))
    assert optimize_time_scales(loss, 60, 0, TimeScales(1.0, 4.0)) == (found, value)


def test_what_the_network_had_is_among_the_trials() -> None:
    tried = []
    optimize_time_scales(
        lambda s: float(len(tried) or tried.append(s) or 0), 3, 1, TimeScales(2, 8)
    )
    assert tried[0].shape == pytest.approx(2)
    assert tried[0].scale == pytest.approx(8)
