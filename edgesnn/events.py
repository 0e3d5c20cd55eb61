"""Input spikes as address-events, grouped by time step.

An event is (``time_step``, ``source_id``); several events of one source in one step add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import EventLimitError, InputError
from edgesnn.network import EventLimitForm, Network


@dataclass(frozen=True, eq=False)
class EventStream:
    """The input events of consecutive time steps.

    step_start   int64 [num_steps + 1]; events of step t are source_ids[step_start[t]:...[t + 1]]
    source_ids   uint16 [num_events], in order of arrival within a step
    """

    step_start: npt.NDArray[np.int64]
    source_ids: npt.NDArray[np.uint16]

    @classmethod
    def from_steps(cls, steps: Iterable[npt.ArrayLike]) -> EventStream:
        """From one list of source ids for each time step."""
        lists = [np.asarray(s, dtype=np.int64).reshape(-1) for s in steps]
        ids = np.concatenate(lists) if lists else np.zeros(0, np.int64)
        if len(ids) and (ids.min() < 0 or ids.max() > 65535):
            raise InputError("source ids must be in 0..65535")
        starts = np.concatenate(([0], np.cumsum([len(s) for s in lists]))).astype(np.int64)
        return cls(starts, ids.astype(np.uint16))

    @classmethod
    def from_raster(cls, raster: npt.ArrayLike) -> EventStream:
        """From ``raster[time_step, source_id]``: the number of events, integer, >= 0."""
        counts = np.asarray(raster)
        if counts.ndim != 2 or counts.dtype.kind not in "biu":
            raise InputError(
                f"a raster must be a matrix of integers [time_step, source_id], "
                f"not {counts.dtype} with {counts.ndim} dimensions"
            )
        if counts.size and counts.min() < 0:
            raise InputError("a raster must not hold negative counts")
        if counts.shape[1] > 65536:
            raise InputError(f"a raster must have at most 65536 sources, not {counts.shape[1]}")
        steps, sources = np.nonzero(counts)
        repeats = counts[steps, sources].astype(np.int64)
        starts = np.concatenate(([0], np.cumsum(counts.sum(axis=1, dtype=np.int64))))
        return cls(starts, np.repeat(sources, repeats).astype(np.uint16))

    def to_raster(self, num_sources: int) -> npt.NDArray[np.int32]:
        """``raster[time_step, source_id]`` of event counts, int32."""
        raster = np.zeros((self.num_steps, num_sources), np.int32)
        steps = np.repeat(np.arange(self.num_steps), np.diff(self.step_start))
        np.add.at(raster, (steps, self.source_ids), 1)
        return raster

    @property
    def num_steps(self) -> int:
        return len(self.step_start) - 1

    @property
    def num_events(self) -> int:
        return len(self.source_ids)

    def __iter__(self) -> Iterator[npt.NDArray[np.uint16]]:
        for first, last in zip(self.step_start[:-1], self.step_start[1:], strict=True):
            yield self.source_ids[first:last]


def check_events(network: Network, stream: EventStream) -> None:
    """Refuse events that no source sends, and steps with more events than the network allows.

    Raises ``InputError`` or ``EventLimitError``; the text names the time step and the excess.
    """
    ids = stream.source_ids
    if len(ids) and int(ids.max()) >= network.num_inputs:
        raise InputError(f"source ids must be in 0..{network.num_inputs - 1}, not {int(ids.max())}")
    limit = network.event_limit
    if limit.form is EventLimitForm.LIMITED:
        per_step = np.diff(stream.step_start)
        if len(per_step) and per_step.max() > limit.value:
            worst = int(per_step.argmax())
            raise EventLimitError(
                f"time step {worst} must carry at most {limit.value} events, "
                f"not {int(per_step[worst])}"
            )
        return
    steps = np.repeat(np.arange(stream.num_steps), np.diff(stream.step_start))
    keys = steps * max(network.num_inputs, 1) + ids
    if np.any(keys[1:] < keys[:-1]):  # mostly they are in order
        keys.sort()
    if not np.any(keys[limit.value :] == keys[: -limit.value]):
        return
    unique, counts = np.unique(keys, return_counts=True)
    worst = int(counts.argmax())
    step, source = divmod(int(unique[worst]), network.num_inputs)
    raise EventLimitError(
        f"source {source} must send at most {limit.value} events in a time step, "
        f"not {int(counts[worst])} in step {step}"
    )
