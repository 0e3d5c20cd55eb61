"""What encoders share whose channels each have a level that follows the code, event by event."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import MAX_CODE, Codes, State, at_least_one, checked, in_range
from edgesnn.events import EventStream
from edgesnn.network import MAX_EVENTS_PER_SOURCE


class MovingLevel(ABC):
    """Up and down events of channels whose level moves by ``_spacing`` with each event.

    A channel sends an event in a direction when its code is away from its level in that direction
    by at least ``_first_up`` or ``_first_down`` codes; ``hysteresis`` codes more if its last event
    of this window was in the other direction. The level moves with the event, and the rule is
    applied again, up to ``max_events`` times in a time step; the rest waits for the next sample.
    """

    channels: int
    resolution: float
    max_events: int
    hysteresis: int

    def __post_init__(self) -> None:
        at_least_one(channels=self.channels, max_events=self.max_events)
        if not (np.isfinite(self.resolution) and self.resolution > 0):
            raise ValueError(f"resolution must be above 0, not {self.resolution}")
        if self.max_events > MAX_EVENTS_PER_SOURCE:
            raise ValueError(
                f"max_events must be in 1..{MAX_EVENTS_PER_SOURCE}, not {self.max_events}"
            )
        in_range(0, MAX_CODE, hysteresis=self.hysteresis)

    @property
    @abstractmethod
    def _spacing(self) -> int:
        """Codes between neighbouring levels."""

    @property
    def _first_up(self) -> int:
        return self._spacing

    @property
    def _first_down(self) -> int:
        return self._spacing

    def _first_level(self, codes: Codes) -> Codes:
        """Levels after the first sample of a window."""
        return codes

    @property
    def num_sources(self) -> int:
        return 2 * self.channels

    @property
    def steps_per_sample(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        """floor(value / resolution + 1/2), clamped to +-2^30."""
        values = checked(samples, self.channels, None)
        with np.errstate(over="ignore"):
            scaled = np.floor(values / self.resolution + 0.5)
        return np.clip(scaled, -MAX_CODE, MAX_CODE).astype(np.int64)

    def initial_state(self) -> State:
        """None; after the first sample int64 [2, channels]: levels, and directions of the last
        events (1 up, -1 down, 0 none yet)."""
        return None

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(checked(sample, self.channels, 1))
        if state is None:
            first = np.stack([self._first_level(codes), np.zeros_like(codes)])
            return EventStream.from_steps([[]]), first
        level, last = new = state.copy()
        sources: list[int] = []
        for direction, first_source, distance in (
            (1, 0, self._first_up),
            (-1, self.channels, self._first_down),
        ):
            for channel, code in enumerate(codes.tolist()):
                for _ in range(self.max_events):
                    turns = int(last[channel]) == -direction
                    needed = distance + (self.hysteresis if turns else 0)
                    if direction * (code - int(level[channel])) < needed:
                        break
                    level[channel] += direction * self._spacing
                    last[channel] = direction
                    sources.append(first_source + channel)
        return EventStream.from_steps([sources]), new

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(checked(windows, self.channels, 3))
        counts = np.zeros((*codes.shape[:2], self.num_sources), np.uint8)
        if not codes.shape[1]:
            return counts
        level = self._first_level(codes[:, 0]).copy()
        last = np.zeros_like(level)
        for t in range(1, codes.shape[1]):
            direction = np.where(codes[:, t] > level, 1, -1)
            distance = np.abs(codes[:, t] - level)
            first = np.where(direction > 0, self._first_up, self._first_down)
            sends = distance >= first + self.hysteresis * (last == -direction)
            # Hysteresis delays the first event of a turn; those behind it come at their distance.
            events = np.minimum((distance - first) // self._spacing + 1, self.max_events) * sends
            level += direction * events * self._spacing
            last = np.where(sends, direction, last)
            counts[:, t, : self.channels] = np.where(direction > 0, events, 0)
            counts[:, t, self.channels :] = np.where(direction < 0, events, 0)
        return counts
