"""The counts of an event camera, or of any sensor that sends events itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import Codes, State, at_least_one, checked
from edgesnn.events import EventStream
from edgesnn.network import MAX_EVENTS_PER_SOURCE


@dataclass(frozen=True)
class EventEncoder:
    """The sensor sends events itself: a sample is how many each source sent in a time step.

    channels    sources, and numbers in one sample
    max_events  what one source sends beyond this in one time step is left out, 1..15
    """

    kind: ClassVar[str] = "event"
    channels: int
    max_events: int = 1

    def __post_init__(self) -> None:
        at_least_one(channels=self.channels, max_events=self.max_events)
        if self.max_events > MAX_EVENTS_PER_SOURCE:
            raise ValueError(
                f"max_events must be in 1..{MAX_EVENTS_PER_SOURCE}, not {self.max_events}"
            )

    @property
    def num_sources(self) -> int:
        return self.channels

    @property
    def steps_per_sample(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        """floor(value + 1/2), clamped to 0..max_events."""
        values = checked(samples, self.channels, None)
        return np.clip(np.floor(values + 0.5), 0, self.max_events).astype(np.int64)

    def initial_state(self) -> State:
        return None

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        counts = self.quantize(checked(sample, self.channels, 1))
        return EventStream.from_raster(counts[np.newaxis]), state

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        return self.quantize(checked(windows, self.channels, 3)).astype(np.uint8)
