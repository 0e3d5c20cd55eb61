"""docs/egru.md compiled: only the weights that are left of the units that sent are touched."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from edgesnn.language.integer_model import (
    EVENT_BITS,
    LARGEST_EVENT,
    MULTIPLIER_BITS,
    SIGMOID_OFFSET,
    SIGMOID_SHIFT,
    STATE_BITS,
    STATE_ONE,
    TANH_OFFSET,
    TANH_SHIFT,
    IntegerModel,
    Rows,
    sigmoid_table,
    tanh_table,
)
from edgesnn.language.trace import Trace, known_tokens

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
#: starts [source + 1], rows and weights by source, multipliers and bias by row.
Columns = tuple[Int64, Int32, npt.NDArray[np.int8], Int32, Int32]


def by_source(rows: Rows) -> Columns:
    """A matrix by columns, without its zeros."""
    columns = rows.weights.T
    sources, targets = np.nonzero(columns)
    starts = np.searchsorted(sources, np.arange(len(columns) + 1))
    return (
        starts.astype(np.int64),
        targets.astype(np.int32),
        columns[sources, targets],
        rows.multipliers.astype(np.int32),
        rows.bias.astype(np.int32),
    )


class IntegerSimulator:
    """A model while it reads a text; :meth:`reset` forgets what was read."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._layers = [
            (
                None if layer.inputs is None else by_source(layer.inputs),
                by_source(layer.recurrent),
                np.asarray(layer.thresholds, np.int16),
            )
            for layer in model.layers
        ]
        self._scores = by_source(model.scores)
        self._tables = sigmoid_table(), tanh_table()
        self.reset()

    def reset(self) -> None:
        """Nothing was read."""
        sizes = [layer.num_units for layer in self.model.layers]
        self._h = [np.zeros(size, np.int16) for size in sizes]
        # Units that sent, their values, and how many there are.
        self._units = [np.zeros(size, np.int32) for size in sizes]
        self._values = [np.zeros(size, np.int32) for size in sizes]
        self._counts = [0 for _ in sizes]

    def read(self, tokens: npt.ArrayLike) -> Trace:
        """Read tokens one after the other; each call goes on where the last one ended.

        Scores take 4 bytes for each of them and each token of the vocabulary: read a long text in
        parts.

        Raises ``InputError`` if a token is not known.
        """
        ids = known_tokens(tokens, self.model.num_tokens)
        scores = np.empty((len(ids), self.model.num_tokens), np.int32)
        h = tuple(np.empty((len(ids), len(state)), np.int16) for state in self._h)
        events = np.empty((len(ids), len(self._h)), np.int64)
        operations = np.zeros(len(ids), np.int64)
        for step, token in enumerate(ids):
            below = -1
            for place, (inputs, recurrent, thresholds) in enumerate(self._layers):
                if inputs is None:
                    arriving = self.model.table[token].astype(np.int32)
                else:
                    arriving = np.empty(3 * len(thresholds), np.int32)
                    operations[step] += self._sum(inputs, below, arriving)
                    np.clip(arriving, -(1 << 15), (1 << 15) - 1, out=arriving)
                back = np.empty(3 * len(thresholds), np.int32)
                operations[step] += self._sum(recurrent, place, back)
                self._counts[place] = _step(
                    arriving, back, thresholds, *self._tables,
                    self._h[place], self._units[place], self._values[place],
                )  # fmt: skip
                events[step, place] = self._counts[place]
                h[place][step] = self._h[place]
                below = place
            operations[step] += self._sum(self._scores, below, scores[step])
        return Trace(scores, h, events, operations)

    def _sum(self, columns: Columns, layer: int, found: Int32) -> int:
        """Rows over the last events of a layer; returns how many weights were added."""
        count = self._counts[layer]
        return int(_rows(*columns, self._units[layer][:count], self._values[layer][:count], found))


def _rows(
    starts: Int64,
    rows: Int32,
    weights: npt.NDArray[np.int8],
    multipliers: Int32,
    bias: Int32,
    units: Int32,
    values: Int32,
    found: Int32,
) -> int:
    found[:] = 0
    added = 0
    for k in range(len(units)):
        value = values[k]
        for at in range(starts[units[k]], starts[units[k] + 1]):
            found[rows[at]] += weights[at] * value
        added += starts[units[k] + 1] - starts[units[k]]
    half = np.int64(1) << (MULTIPLIER_BITS - 1)
    for row in range(len(found)):
        product = np.int64(found[row]) * np.int64(multipliers[row])
        found[row] = bias[row] + ((product + half) >> MULTIPLIER_BITS)
    return added


def _looked_up(table: Int16, a: int, offset: int, shift: int) -> int:
    held = min(max(a, -offset), offset - 1)
    return int(table[(held + offset) >> shift])


def _step(
    arriving: Int32,
    back: Int32,
    thresholds: Int16,
    sigmoid: Int16,
    tanh: Int16,
    h: Int16,
    units: Int32,
    values: Int32,
) -> int:
    size = len(thresholds)
    count = 0
    half, half_event = 1 << (STATE_BITS - 1), 1 << (STATE_BITS - EVENT_BITS - 1)
    for i in range(size):
        z = _looked_up(sigmoid, arriving[i] + back[i], SIGMOID_OFFSET, SIGMOID_SHIFT)
        r = _looked_up(sigmoid, arriving[size + i] + back[size + i], SIGMOID_OFFSET, SIGMOID_SHIFT)
        heard = (np.int64(r) * np.int64(back[2 * size + i]) + half) >> STATE_BITS
        g = _looked_up(tanh, arriving[2 * size + i] + heard, TANH_OFFSET, TANH_SHIFT)
        c = (np.int64(z) * h[i] + (STATE_ONE - np.int64(z)) * g + half) >> STATE_BITS
        if c > thresholds[i]:
            units[count] = i
            value = (c + half_event) >> (STATE_BITS - EVENT_BITS)
            values[count] = min(max(value, 1), LARGEST_EVENT)
            count += 1
            c -= thresholds[i]
        h[i] = c
    return count


_compile: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
_rows = _compile(_rows)
_looked_up = _compile(_looked_up)
_step = _compile(_step)
