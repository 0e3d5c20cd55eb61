"""Pruned weights as compressed sparse rows, one row for each source.

A row lists the targets of one source in ascending order; only weights that are not zero are
stored. So memory and time follow the number of synapses that are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.number_format import WEIGHT_CODE


@dataclass(frozen=True, eq=False)
class Synapses:
    """The synapses of one connection.

    row_start    int32 [num_sources + 1], ascending, from 0 to the number of synapses
    targets      uint16 [num_synapses], ascending within a row, no repeats
    weights      int8 [num_synapses], codes -8..7, never 0
    num_targets  size of the target population

    Arrays are copied and frozen. Raises ``ValueError`` if they do not form such rows.
    """

    row_start: npt.NDArray[np.int32]
    targets: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.int8]
    num_targets: int

    def __post_init__(self) -> None:
        row_start = np.asarray(self.row_start, dtype=np.int64)
        targets = np.asarray(self.targets, dtype=np.int64)
        weights = np.asarray(self.weights, dtype=np.int64)
        if row_start.ndim != 1 or targets.ndim != 1 or weights.ndim != 1:
            raise ValueError("row_start, targets and weights must have one dimension")
        if not 1 <= self.num_targets <= 1 << 16:
            raise ValueError(f"num_targets must be in 1..65536, not {self.num_targets}")
        if len(targets) != len(weights):
            raise ValueError(
                f"targets and weights must have one length, not {len(targets)} and {len(weights)}"
            )
        if len(row_start) < 2 or row_start[0] != 0 or row_start[-1] != len(targets):
            raise ValueError(f"row_start must go from 0 to {len(targets)}")
        if np.any(np.diff(row_start) < 0):
            raise ValueError("row_start must not decrease")
        if len(targets):
            if targets.min() < 0 or targets.max() >= self.num_targets:
                raise ValueError(f"targets must be in 0..{self.num_targets - 1}")
            if weights.min() < WEIGHT_CODE.minimum or weights.max() > WEIGHT_CODE.maximum:
                raise ValueError(f"weights must be in {WEIGHT_CODE.minimum}..{WEIGHT_CODE.maximum}")
            if np.any(weights == 0):
                raise ValueError("a stored weight must not be 0")
            rises = np.diff(targets) > 0
            starts = row_start[1:-1]
            rises[starts[(starts > 0) & (starts < len(targets))] - 1] = True
            if not rises.all():
                raise ValueError("targets must rise within a row")
        for name, values, dtype in (
            ("row_start", row_start, np.int32),
            ("targets", targets, np.uint16),
            ("weights", weights, np.int8),
        ):
            frozen = values.astype(dtype)
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)

    @classmethod
    def from_dense(cls, weights: npt.ArrayLike) -> Synapses:
        """From ``weights[source, target]`` (integer codes); zeros are left out."""
        dense = np.asarray(weights)
        if dense.ndim != 2 or not np.issubdtype(dense.dtype, np.integer):
            raise ValueError(
                f"weights must be a matrix of integers [source, target], "
                f"not {dense.dtype} with {dense.ndim} dimensions"
            )
        sources, targets = np.nonzero(dense)
        row_start = np.concatenate(([0], np.cumsum(np.bincount(sources, minlength=len(dense)))))
        return cls(row_start, targets.astype(np.uint16), dense[sources, targets], dense.shape[1])

    def to_dense(self) -> npt.NDArray[np.int8]:
        """``weights[source, target]``, int8, with the zeros."""
        dense = np.zeros((self.num_sources, self.num_targets), np.int8)
        sources = np.repeat(np.arange(self.num_sources), np.diff(self.row_start))
        dense[sources, self.targets] = self.weights
        return dense

    @property
    def num_sources(self) -> int:
        return len(self.row_start) - 1

    @property
    def num_synapses(self) -> int:
        return len(self.targets)

    @property
    def density(self) -> float:
        """Share of the dense matrix that is stored."""
        return self.num_synapses / (self.num_sources * self.num_targets)

    def fan_out(self, source: int) -> Iterator[tuple[int, int]]:
        """(target, weight code) of one source, in order."""
        row = slice(int(self.row_start[source]), int(self.row_start[source + 1]))
        return zip(self.targets[row].tolist(), self.weights[row].tolist(), strict=True)
