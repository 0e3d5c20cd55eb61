"""Events at a rate that is proportional to the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import MAX_CODE, Codes, State, at_least_one, checked
from edgesnn.events import EventStream


@dataclass(frozen=True)
class RateEncoder:
    """Each channel sends events at a rate that is proportional to its value.

    Deterministic error diffusion: in each time step an accumulator grows by the code of the
    channel; when it reaches ``full_scale``, the channel sends one event and the accumulator drops
    by ``full_scale``. Over T steps that are code * T / full_scale events, rounded as ``start``
    says: 0 rounds down, full_scale // 2 to the nearest.

    channels          numbers in one sample; source c is channel c
    low, high         the value that never sends, and the one that sends in every step
    full_scale        the largest code; code = floor((value - low) / (high - low) * full_scale
                      + 1/2), clamped to 0..full_scale
    start             accumulators at the start of a window, 0..full_scale - 1
    steps_per_sample  time steps for which one sample is held
    """

    kind: ClassVar[str] = "rate"
    channels: int
    low: float = 0.0
    high: float = 1.0
    full_scale: int = 256
    start: int = 0
    steps_per_sample: int = 1

    def __post_init__(self) -> None:
        at_least_one(
            channels=self.channels,
            full_scale=self.full_scale,
            steps_per_sample=self.steps_per_sample,
        )
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")
        if not 0 <= self.start < self.full_scale <= MAX_CODE:
            raise ValueError(
                f"start must be in 0..full_scale - 1 and full_scale at most {MAX_CODE}, "
                f"not {self.start} and {self.full_scale}"
            )

    @property
    def num_sources(self) -> int:
        return self.channels

    @property
    def max_events(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        values = checked(samples, self.channels, None)
        scaled = (values - self.low) / (self.high - self.low) * self.full_scale
        return np.clip(np.floor(scaled + 0.5), 0, self.full_scale).astype(np.int64)

    def initial_state(self) -> State:
        return np.full(self.channels, self.start, np.int64)

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(checked(sample, self.channels, 1))
        accumulators = self.initial_state() if state is None else state.copy()
        assert accumulators is not None
        steps = []
        for _ in range(self.steps_per_sample):
            accumulators += codes
            sending = np.flatnonzero(accumulators >= self.full_scale)
            accumulators[sending] -= self.full_scale
            steps.append(sending)
        return EventStream.from_steps(steps), accumulators

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(checked(windows, self.channels, 3))
        held = np.repeat(codes, self.steps_per_sample, axis=1)
        # Events up to a step are the whole multiples of full_scale in the sum so far.
        so_far = (self.start + np.cumsum(held, axis=1)) // self.full_scale
        return np.diff(so_far, axis=1, prepend=0).astype(np.uint8)
