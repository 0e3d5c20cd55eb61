"""Series to forecast: what is asked, what is held out, and that the series are what they are said
to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from edgesnn.analysis.dynamical_systems import lorenz
from edgesnn.errors import InputError
from edgesnn.recurrent.metrics import nrmse
from edgesnn.recurrent.tasks import FORECASTS, Forecast, find_forecast, forecast_of, forecaster


def counting(count: int, seed: int, _data: Path | None) -> np.ndarray:
    """Sample number k is k, in two coordinates of different size."""
    rising = seed + np.arange(count, dtype=np.float64)
    return np.stack([rising, -10 * rising], axis=1)


SMALL = Forecast(
    "counting", "", counting, 2, 3, 1.0, window_samples=5, skip=2, training=4, held_out=2
)


def test_after_each_sample_the_one_of_the_horizon_is_asked_for() -> None:
    training, held_out = SMALL.load()
    series = SMALL.series()
    asked = held_out.targets.reshape(2, 5, 2, 2)
    assert np.isnan(asked[:, :2]).all()
    assert np.isnan(asked[:, :, 0]).all()
    # Windows 0..3 train, window 4 is left out, so the first held-out sample is number 25.
    later = series[25 + 3 : 25 + 3 + 10].reshape(2, 5, 2)
    assert asked[:, 2:, 1] == pytest.approx(later[:, 2:])
    assert training.targets.shape == (4, 10, 2)


def test_events_are_those_of_the_encoder() -> None:
    _, held_out = SMALL.load()
    windows = SMALL.series()[25:35].reshape(2, 5, 2)
    assert np.array_equal(held_out.events.to_rasters(), SMALL.encoder.encode_windows(windows))


def test_series_are_standardized_by_the_training_part_alone() -> None:
    series = SMALL.series()
    assert series[:20].mean(axis=0) == pytest.approx(0)
    assert series[:20].std(axis=0) == pytest.approx(1)
    assert (abs(series.mean(axis=0)) > 0.5).all()


def test_forecast_that_nothing_changes_is_as_wrong_as_by_the_metric() -> None:
    series = SMALL.series()[25:]
    assert SMALL.persistence() == pytest.approx(nrmse(series[:-3], series[3:]))


def test_lorenz_series_is_that_of_another_integrator_until_chaos_parts_them() -> None:
    task = replace(FORECASTS["lorenz"], window_samples=10, training=2, held_out=1)
    found = task.source(40, 0, None)
    flow = lorenz(dt=0.001)
    other = flow.trajectory(2000, start=found[0])[::50]
    assert found[:40] == pytest.approx(other[:40], abs=0.05)
    assert not np.allclose(task.source(40, 1, None), found)


def test_real_series_is_a_heart_of_ninety_samples_a_second(tmp_path: Path) -> None:
    beats = np.zeros(30_000)
    beats[::360] = 800
    np.asarray(beats + 1024, "<i2").tofile(tmp_path / "100.i16")
    (tmp_path / "mitbih").mkdir()
    (tmp_path / "100.i16").rename(tmp_path / "mitbih/100.i16")
    found = FORECASTS["ecg"].source(200, 0, tmp_path)
    assert np.flatnonzero(found[:, 0]).tolist() == [0, 90, 180]
    assert found.max() == 1.0  # a quarter of 4 mV


def test_real_series_is_the_drive_end_of_a_bearing(tmp_path: Path) -> None:
    series = np.random.default_rng(0).normal(size=(500, 1))
    (tmp_path / "cwru_bearing").mkdir()
    savemat(tmp_path / "cwru_bearing/105_0.mat", {"X105_DE_time": series, "X105_FE_time": -series})
    found = FORECASTS["bearing"].source(200, 0, tmp_path)
    assert found == pytest.approx(series[:200])
    assert FORECASTS["bearing"].source(200, 1, tmp_path) == pytest.approx(series[100:300])


def test_series_that_is_too_short_and_unknown_tasks_are_refused() -> None:
    short = replace(SMALL, source=lambda count, _s, _d: counting(count - 1, 0, None))
    with pytest.raises(InputError, match="the series of counting must hold 38 finite samples"):
        short.series()
    with pytest.raises(InputError, match="a task must be one of lorenz, .*, not 'weather'"):
        find_forecast("weather")


def test_held_out_windows_as_samples_give_the_held_out_events() -> None:
    _, held_out = SMALL.load()
    again = SMALL.recordings().events(SMALL.encoder)
    assert np.array_equal(again.to_rasters(), held_out.events.to_rasters())


def test_a_model_tells_what_it_forecasts() -> None:
    model = forecaster(FORECASTS["roessler"], 40, 3)
    assert forecast_of(model.info) == (FORECASTS["roessler"], 3)
    with pytest.raises(InputError, match="a task must be one of lorenz, .*, not ''"):
        forecast_of({"recipe": "digits"})
