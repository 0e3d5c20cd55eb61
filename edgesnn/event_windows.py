"""Input events of many windows of one length, stored as events: what data sets are made of.

A window is what one decision is taken on. Dense counts of a data set would not fit a small
machine's memory (60,000 windows of 50 steps and 2,312 sources are 7 GB); its events do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.events import EventStream


@dataclass(frozen=True, eq=False)
class EventWindows:
    """The events of ``len(self)`` windows, in order of window and time step.

    num_steps    time steps of each window
    num_sources  sources of events
    step_start   int64 [windows * num_steps + 1]; events of step t of window w are
                 source_ids[step_start[w * num_steps + t]:step_start[w * num_steps + t + 1]]
    source_ids   uint16 [num_events]; several events of one source in one step add up

    Raises ``InputError`` if these do not fit together.
    """

    num_steps: int
    num_sources: int
    step_start: npt.NDArray[np.int64]
    source_ids: npt.NDArray[np.uint16]

    def __post_init__(self) -> None:
        starts = np.ascontiguousarray(self.step_start, np.int64)
        ids = np.ascontiguousarray(self.source_ids)
        if self.num_steps < 1 or not 1 <= self.num_sources <= 65536:
            raise InputError(
                "windows must have at least one time step and 1..65536 sources, "
                f"not {self.num_steps} and {self.num_sources}"
            )
        if not len(starts) or (len(starts) - 1) % self.num_steps:
            raise InputError(
                f"step_start must hold {self.num_steps} starts for each window and one end, "
                f"not {len(starts)} numbers"
            )
        if starts[0] != 0 or starts[-1] != len(ids) or np.any(starts[1:] < starts[:-1]):
            raise InputError(f"step_start must rise from 0 to {len(ids)} without going back")
        if len(ids) and int(ids.max()) >= self.num_sources:
            raise InputError(
                f"source ids must be in 0..{self.num_sources - 1}, not {int(ids.max())}"
            )
        object.__setattr__(self, "step_start", starts)
        object.__setattr__(self, "source_ids", ids.astype(np.uint16, copy=False))

    @classmethod
    def from_rasters(cls, rasters: npt.ArrayLike) -> EventWindows:
        """From event counts [window, time_step, source], integers >= 0."""
        counts = np.asarray(rasters)
        if counts.ndim != 3 or counts.dtype.kind not in "biu":
            raise InputError(
                "rasters must be integers [window, time_step, source], "
                f"not {counts.dtype} with {counts.ndim} dimensions"
            )
        windows, steps, sources = counts.shape
        flat = EventStream.from_raster(counts.reshape(windows * steps, sources))
        return cls(steps, sources, flat.step_start, flat.source_ids)

    @classmethod
    def from_streams(cls, streams: Iterable[EventStream], num_sources: int) -> EventWindows:
        """From streams of one length, one for each window."""
        streams = list(streams)
        lengths = sorted({stream.num_steps for stream in streams})
        if len(lengths) != 1:
            raise InputError(f"streams must have one length in steps, not {lengths}")
        counts = np.concatenate([np.diff(stream.step_start) for stream in streams])
        starts = np.concatenate(([0], np.cumsum(counts)))
        ids = np.concatenate([stream.source_ids for stream in streams])
        return cls(lengths[0], num_sources, starts, ids)

    def __len__(self) -> int:
        return (len(self.step_start) - 1) // self.num_steps

    @property
    def num_events(self) -> int:
        return len(self.source_ids)

    def stream(self, window: int) -> EventStream:
        """The events of one window."""
        starts = self.step_start[window * self.num_steps : (window + 1) * self.num_steps + 1]
        return EventStream(starts - starts[0], self.source_ids[starts[0] : starts[-1]])

    def streams(self) -> Iterator[EventStream]:
        """The events of each window."""
        return (self.stream(window) for window in range(len(self)))

    def select(self, windows: npt.ArrayLike) -> EventWindows:
        """The windows of these indices, in this order; indices may repeat."""
        chosen = np.asarray(windows, np.int64)
        counts = np.diff(self.step_start).reshape(-1, self.num_steps)[chosen].ravel()
        starts = np.concatenate(([0], np.cumsum(counts)))
        first = self.step_start[chosen * self.num_steps]
        lengths = self.step_start[(chosen + 1) * self.num_steps] - first
        before = np.cumsum(lengths) - lengths
        where = np.repeat(first - before, lengths) + np.arange(starts[-1])
        return EventWindows(self.num_steps, self.num_sources, starts, self.source_ids[where])

    def to_rasters(self) -> npt.NDArray[np.uint8]:
        """Event counts [window, time_step, source]; refuses counts above 255."""
        steps = len(self.step_start) - 1
        place = np.repeat(np.arange(steps) * self.num_sources, np.diff(self.step_start))
        counts = np.bincount(place + self.source_ids, minlength=steps * self.num_sources)
        if counts.size and counts.max() > 255:
            raise InputError(f"a source must send at most 255 events in a step, not {counts.max()}")
        shape = (len(self), self.num_steps, self.num_sources)
        return counts.astype(np.uint8).reshape(shape)


@dataclass(frozen=True, eq=False)
class LabelledEvents:
    """Events of windows and the right answers.

    events   of the windows
    labels   int64 [window], class of each, >= 0

    Raises ``InputError`` unless there is one label for each window.
    """

    events: EventWindows
    labels: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.shape != (len(self.events),) or labels.dtype.kind not in "iu":
            raise InputError(
                f"labels must be {len(self.events)} integers, one for each window, "
                f"not {labels.dtype} {list(labels.shape)}"
            )
        if labels.size and labels.min() < 0:
            raise InputError(f"labels must be 0 or above, not {labels.min()}")
        object.__setattr__(self, "labels", labels.astype(np.int64))

    @classmethod
    def of_one_class(cls, events: EventWindows) -> LabelledEvents:
        """Windows for those that look at events alone, as calibration does."""
        return cls(events, np.zeros(len(events), np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, windows: npt.ArrayLike) -> LabelledEvents:
        """The windows of these indices, in this order."""
        chosen = np.asarray(windows, np.int64)
        return LabelledEvents(self.events.select(chosen), self.labels[chosen])

    def per_class(self, count: int, seed: int) -> LabelledEvents:
        """At most ``count`` random windows of each class, in their order."""
        rng = np.random.default_rng(seed)
        chosen = [
            rng.permutation(np.flatnonzero(self.labels == label))[:count]
            for label in np.unique(self.labels)
        ]
        return self.select(np.sort(np.concatenate(chosen))) if chosen else self


@dataclass(frozen=True, eq=False)
class EventTargets:
    """Events of windows and the values that the read-out should have.

    events    of the windows
    targets   float32 [window, time_step, output]; NaN where nothing is asked for

    Raises ``InputError`` unless there is a step of targets for each step of events.
    """

    events: EventWindows
    targets: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        targets = np.asarray(self.targets)
        shape = (len(self.events), self.events.num_steps)
        if targets.ndim != 3 or targets.shape[:2] != shape or targets.dtype.kind != "f":
            raise InputError(
                f"targets must be real numbers [window, time_step, output], of {shape[0]} windows "
                f"and {shape[1]} steps, not {targets.dtype} {list(targets.shape)}"
            )
        if np.isinf(targets).any():
            raise InputError("targets must be finite, or NaN where nothing is asked for")
        object.__setattr__(self, "targets", targets.astype(np.float32))

    def __len__(self) -> int:
        return len(self.events)

    def select(self, windows: npt.ArrayLike) -> EventTargets:
        """The windows of these indices, in this order."""
        chosen = np.asarray(windows, np.int64)
        return EventTargets(self.events.select(chosen), self.targets[chosen])


@dataclass(frozen=True, eq=False)
class EventClasses:
    """Events of windows and the class that the read-out should name in each time step.

    events    of the windows
    targets   int64 [window, time_step]; -1 where nothing is asked for

    Raises ``InputError`` unless there is a class, or -1, for each step of events.
    """

    events: EventWindows
    targets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        targets = np.asarray(self.targets)
        shape = (len(self.events), self.events.num_steps)
        if targets.shape != shape or targets.dtype.kind not in "iu":
            raise InputError(
                f"classes must be integers [window, time_step], {list(shape)}, not "
                f"{targets.dtype} {list(targets.shape)}"
            )
        if targets.size and targets.min() < -1:
            raise InputError(f"classes must be at least 0, or -1 for none, not {targets.min()}")
        object.__setattr__(self, "targets", targets.astype(np.int64))

    def __len__(self) -> int:
        return len(self.events)

    def select(self, windows: npt.ArrayLike) -> EventClasses:
        """The windows of these indices, in this order."""
        chosen = np.asarray(windows, np.int64)
        return EventClasses(self.events.select(chosen), self.targets[chosen])
