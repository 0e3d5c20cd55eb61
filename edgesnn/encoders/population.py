"""Events of a group of units for each channel, each of which prefers a value of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import MAX_CODE, Codes, State, at_least_one, checked, in_range
from edgesnn.events import EventStream


@dataclass(frozen=True)
class PopulationEncoder:
    """Population coding: each channel has ``units`` sources with triangular tuning curves.

    Unit k prefers the code ``k * spacing``. Its response to a code is ``reach`` less the distance
    from there, and 0 where that is negative. In each time step an accumulator of the unit grows by
    its response; when it comes to ``reach``, the unit sends one event and the accumulator drops by
    ``reach``. So a unit sends in every step at the code that it prefers, and never from ``reach``
    codes away on. With ``reach`` equal to ``spacing`` two units at most respond, and the responses
    of all add up to ``reach``.

    channels          numbers in one sample; source c * units + k is unit k of channel c
    units             of each channel, 2 or more
    low, high         the values that the first and the last unit prefer; what lies outside is taken
                      as the nearest of them
    spacing           codes from unit to unit; code = floor((value - low) / (high - low)
                      * (units - 1) * spacing + 1/2), clamped to 0..(units - 1) * spacing
    reach             codes from what a unit prefers to where it falls silent
    start             accumulators at the start of a window, 0..reach - 1
    steps_per_sample  time steps for which one sample is held
    """

    kind: ClassVar[str] = "population"
    channels: int
    units: int = 8
    low: float = 0.0
    high: float = 1.0
    spacing: int = 128
    reach: int = 128
    start: int = 0
    steps_per_sample: int = 1

    def __post_init__(self) -> None:
        at_least_one(channels=self.channels, steps_per_sample=self.steps_per_sample)
        in_range(2, 1 << 15, units=self.units)
        in_range(1, MAX_CODE // (self.units - 1), spacing=self.spacing)
        in_range(1, MAX_CODE, reach=self.reach)
        in_range(0, self.reach - 1, start=self.start)
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")

    @property
    def num_sources(self) -> int:
        return self.channels * self.units

    @property
    def max_events(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        values = checked(samples, self.channels, None)
        last = (self.units - 1) * self.spacing
        # What lies far outside must not become an infinity on the way.
        inside = np.clip(values, self.low, self.high)
        scaled = (inside - self.low) / (self.high - self.low) * last
        codes: Codes = np.clip(np.floor(scaled + 0.5), 0, last).astype(np.int64)
        return codes

    def responses(self, codes: Codes) -> Codes:
        """How strongly each unit responds: [..., num_sources] to codes [..., channels]."""
        preferred = self.spacing * np.arange(self.units)
        away = np.abs(codes[..., np.newaxis] - preferred)
        found: Codes = np.maximum(self.reach - away, 0)
        return found.reshape(*codes.shape[:-1], self.num_sources)

    def initial_state(self) -> State:
        """Accumulators int64 [num_sources]."""
        return np.full(self.num_sources, self.start, np.int64)

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        growth = self.responses(self.quantize(checked(sample, self.channels, 1)))
        accumulators = self.initial_state() if state is None else state.copy()
        assert accumulators is not None
        steps = []
        for _ in range(self.steps_per_sample):
            accumulators += growth
            sending = np.flatnonzero(accumulators >= self.reach)
            accumulators[sending] -= self.reach
            steps.append(sending)
        return EventStream.from_steps(steps), accumulators

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        growth = self.responses(self.quantize(checked(windows, self.channels, 3)))
        held = np.repeat(growth, self.steps_per_sample, axis=1)
        # Events up to a step are the whole multiples of reach in the sum so far.
        so_far = (self.start + np.cumsum(held, axis=1)) // self.reach
        return np.diff(so_far, axis=1, prepend=0).astype(np.uint8)
