"""Events when a value has moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import MAX_CODE, Codes, State, at_least_one, checked
from edgesnn.events import EventStream
from edgesnn.network import MAX_EVENTS_PER_SOURCE


@dataclass(frozen=True)
class DeltaEncoder:
    """Send on delta: a channel sends when its value has moved by a threshold.

    Each channel has a level. While the code is at least ``threshold`` above the level, the channel
    sends an up event and the level rises by ``threshold``; likewise down. The first sample of a
    window sets the levels and sends nothing. What ``max_events`` holds back is sent later.

    channels    numbers in one sample; source c is "channel c up", channels + c is "channel c down"
    resolution  value of one code: code = floor(value / resolution + 1/2), clamped to +-2^30
    threshold   in codes
    max_events  most events of one source in one time step, 1..15
    """

    kind: ClassVar[str] = "delta"
    channels: int
    resolution: float = 1.0
    threshold: int = 1
    max_events: int = MAX_EVENTS_PER_SOURCE

    def __post_init__(self) -> None:
        at_least_one(channels=self.channels, threshold=self.threshold, max_events=self.max_events)
        if not (np.isfinite(self.resolution) and self.resolution > 0):
            raise ValueError(f"resolution must be above 0, not {self.resolution}")
        if self.max_events > MAX_EVENTS_PER_SOURCE:
            raise ValueError(
                f"max_events must be in 1..{MAX_EVENTS_PER_SOURCE}, not {self.max_events}"
            )

    @property
    def num_sources(self) -> int:
        return 2 * self.channels

    @property
    def steps_per_sample(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        values = checked(samples, self.channels, None)
        with np.errstate(over="ignore"):
            scaled = np.floor(values / self.resolution + 0.5)
        return np.clip(scaled, -MAX_CODE, MAX_CODE).astype(np.int64)

    def initial_state(self) -> State:
        return None

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(checked(sample, self.channels, 1))
        if state is None:
            return EventStream.from_steps([[]]), codes
        level = state.copy()
        sources: list[int] = []
        for channel, code in enumerate(codes.tolist()):
            for direction, first in ((1, 0), (-1, self.channels)):
                for _ in range(self.max_events):
                    if direction * (code - int(level[channel])) < self.threshold:
                        break
                    level[channel] += direction * self.threshold
                    sources.append(first + channel)
        return EventStream.from_steps([sources]), level

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(checked(windows, self.channels, 3))
        counts = np.zeros((*codes.shape[:2], self.num_sources), np.uint8)
        if not codes.shape[1]:
            return counts
        level = codes[:, 0].copy()
        for t in range(1, codes.shape[1]):
            change = codes[:, t] - level
            events = np.minimum(np.abs(change) // self.threshold, self.max_events)
            level += np.sign(change) * events * self.threshold
            counts[:, t, : self.channels] = np.where(change > 0, events, 0)
            counts[:, t, self.channels :] = np.where(change < 0, events, 0)
        return counts
