"""docs/egru.md compiled: of the units that sent only, the weights that are left.

Where few weights are left each is added by itself. Where many are, vectors of whole columns are
faster, zeros included: products of a weight and a value fit 16 bits, and so do sums of 16 of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
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

Int8 = npt.NDArray[np.int8]
Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
#: With more than this share of the weights left whole columns are faster.
WHOLE_COLUMNS = 0.03
#: Columns whose sums fit 16 bits: 16 * 7 * 255 is less than 2^15.
_TOGETHER = 16


class Columns(NamedTuple):
    """A matrix by source.

    starts          where the weights that are left of each source start [source + 1], and
    rows, weights   their rows and values, if few are left; else empty
    columns         int8 [source, row], zeros included, if many are left; else [0, row]
    multipliers, bias   [row]
    """

    starts: Int64
    rows: npt.NDArray[np.uint32]
    weights: Int8
    columns: Int8
    multipliers: Int32
    bias: Int32


class _Layer(NamedTuple):
    """``inputs`` of the first layer has no rows: what arrives is in the model's table."""

    inputs: Columns
    recurrent: Columns
    thresholds: Int16


class _State(NamedTuple):
    """``h``, and what was sent last: units and values, of which the first ``number[0]`` hold; there
    is room for one more, who may be written before it is known whether it sent."""

    h: Int16
    units: Int32
    values: Int32
    number: Int64


def by_source(rows: Rows) -> Columns:
    """A matrix by source, in the form that is faster."""
    columns = np.ascontiguousarray(rows.weights.T)
    sources, targets = np.nonzero(columns)
    whole = len(sources) > WHOLE_COLUMNS * columns.size
    return Columns(
        np.searchsorted(sources, np.arange(len(columns) + 1)).astype(np.int64),
        targets[: 0 if whole else None].astype(np.uint32),
        np.zeros(0, np.int8) if whole else columns[sources, targets],
        columns if whole else columns[:0],
        rows.multipliers.astype(np.int32),
        rows.bias.astype(np.int32),
    )


def _nothing(num_sources: int) -> Columns:
    """A matrix without rows."""
    empty = np.zeros(0, np.int32)
    return by_source(Rows(np.zeros((0, num_sources), np.int8), empty, empty))


class IntegerSimulator:
    """A model while it reads a text; :meth:`reset` forgets what was read.

    event_bits   of the values that units send. With fewer than docs/egru.md's 8 it is a model that
                 nothing else runs, to measure what they are worth

    Raises ``InputError`` unless those are 1 to 8.
    """

    def __init__(self, model: IntegerModel, event_bits: int = EVENT_BITS) -> None:
        if not 1 <= event_bits <= EVENT_BITS:
            raise InputError(f"event_bits must be in 1..{EVENT_BITS}, not {event_bits}")
        self.model, self._event_bits = model, event_bits
        self._layers = tuple(
            _Layer(
                _nothing(1) if layer.inputs is None else by_source(layer.inputs),
                by_source(layer.recurrent),
                np.asarray(layer.thresholds, np.int16),
            )
            for layer in model.layers
        )
        self._scores = by_source(model.scores)
        self._tables = sigmoid_table(), tanh_table()
        self.reset()

    def reset(self) -> None:
        """Nothing was read."""
        self._states = tuple(
            _State(
                np.zeros(layer.num_units, np.int16),
                np.zeros(layer.num_units + 1, np.int32),
                np.zeros(layer.num_units + 1, np.int32),
                np.zeros(1, np.int64),
            )
            for layer in self.model.layers
        )

    def read(self, tokens: npt.ArrayLike) -> Trace:
        """Read tokens one after the other; each call goes on where the last one ended.

        Scores take 4 bytes for each of them and each token of the vocabulary: read a long text in
        parts.

        Raises ``InputError`` if a token is not known.
        """
        ids = known_tokens(tokens, self.model.num_tokens)
        scores = np.empty((len(ids), self.model.num_tokens), np.int32)
        h = tuple(np.empty((len(ids), len(state.h)), np.int16) for state in self._states)
        events = np.empty((len(ids), len(h)), np.int64)
        operations = np.zeros(len(ids), np.int64)
        _read(
            ids, self.model.table, self._layers, self._scores, *self._tables, self._event_bits,
            self._states, scores, h, events, operations,
        )  # fmt: skip
        return Trace(scores, h, events, operations)


def _read(
    ids: Int64,
    table: Int16,
    layers: tuple[_Layer, ...],
    of_scores: Columns,
    sigmoid: Int16,
    tanh: Int16,
    event_bits: int,
    states: tuple[_State, ...],
    scores: Int32,
    h: tuple[Int16, ...],
    events: Int64,
    operations: Int64,
) -> None:
    for step in range(len(ids)):
        for place in range(len(layers)):
            layer, state = layers[place], states[place]
            arriving = np.empty(3 * len(layer.thresholds), np.int32)
            if place == 0:
                _copy(arriving, table[ids[step]])
            else:
                operations[step] += _sum(layer.inputs, states[place - 1], arriving)
                for row in range(len(arriving)):
                    arriving[row] = min(max(arriving[row], -(1 << 15)), (1 << 15) - 1)
            back = np.empty(3 * len(layer.thresholds), np.int32)
            operations[step] += _sum(layer.recurrent, state, back)
            _step(arriving, back, layer.thresholds, sigmoid, tanh, event_bits, state)
            events[step, place] = state.number[0]
            _copy(h[place][step], state.h)
        operations[step] += _sum(of_scores, states[len(states) - 1], scores[step])


def _copy(into: Any, found: Int16) -> None:
    """A loop becomes vectors, an assignment of slices does not."""
    for i in range(len(into)):
        into[i] = found[i]


def _sum(matrix: Columns, sent: _State, found: Int32) -> int:
    """Rows over what was sent; returns how many weights were added."""
    found[:] = 0
    added, count = 0, sent.number[0]
    for k in range(count):
        unit = sent.units[k]
        added += matrix.starts[unit + 1] - matrix.starts[unit]
    if len(matrix.columns):
        _add_columns(matrix.columns, sent.units[:count], sent.values[:count], found)
    else:
        for k in range(count):
            value, unit = sent.values[k], sent.units[k]
            for at in range(matrix.starts[unit], matrix.starts[unit + 1]):
                found[matrix.rows[at]] += matrix.weights[at] * value
    half = np.int64(1) << (MULTIPLIER_BITS - 1)
    for row in range(len(found)):
        product = np.int64(found[row]) * np.int64(matrix.multipliers[row])
        found[row] = matrix.bias[row] + ((product + half) >> MULTIPLIER_BITS)
    return added


def _add_columns(columns: Int8, units: Int32, values: Int32, found: Int32) -> None:
    """Four columns at once, in sums of 16 bits."""
    sums = np.empty(len(found), np.int16)
    for first in range(0, len(units), _TOGETHER):
        last = min(first + _TOGETHER, len(units))
        sums[:] = 0
        k = first
        while k + 4 <= last:
            a, b, c, d = (
                columns[units[k]],
                columns[units[k + 1]],
                columns[units[k + 2]],
                columns[units[k + 3]],
            )
            p, q = np.int16(values[k]), np.int16(values[k + 1])
            r, s = np.int16(values[k + 2]), np.int16(values[k + 3])
            for row in range(len(sums)):
                sums[row] += a[row] * p + b[row] * q + c[row] * r + d[row] * s
            k += 4
        while k < last:
            a, p = columns[units[k]], np.int16(values[k])
            for row in range(len(sums)):
                sums[row] += a[row] * p
            k += 1
        for row in range(len(sums)):
            found[row] += sums[row]


def _look_up(table: Int16, a: Int32, offset: int, shift: int) -> None:
    """Entries of a table take the place of the pre-activations ``a``."""
    least, most, zero = np.int32(-offset), np.int32(offset - 1), np.int32(offset)
    # Two passes, for the first one becomes vectors.
    for i in range(len(a)):
        a[i] = (min(max(a[i], least), most) + zero) >> np.int32(shift)
    for i in range(len(a)):
        a[i] = table[np.uint32(a[i])]


def _step(
    arriving: Int32,
    back: Int32,
    thresholds: Int16,
    sigmoid: Int16,
    tanh: Int16,
    event_bits: int,
    state: _State,
) -> None:
    """One step of a layer, one operation after the other for all units: they become vectors."""
    size, h = len(thresholds), state.h
    half = np.int32(1 << (STATE_BITS - 1))
    gates = arriving[: 2 * size] + back[: 2 * size]
    _look_up(sigmoid, gates, SIGMOID_OFFSET, SIGMOID_SHIFT)
    z, r = gates[:size], gates[size:]
    g = arriving[2 * size :]
    for i in range(size):
        g[i] += (np.int64(r[i]) * np.int64(back[2 * size + i]) + half) >> STATE_BITS
    _look_up(tanh, g, TANH_OFFSET, TANH_SHIFT)
    one, shift = np.int32(STATE_ONE), np.int32(STATE_BITS)
    for i in range(size):
        # Of numbers up to 2^14, so that 32 bits are enough.
        g[i] = (z[i] * np.int32(h[i]) + (one - z[i]) * g[i] + half) >> shift
    drop, keep = STATE_BITS - event_bits, EVENT_BITS - event_bits
    half_event, largest = 1 << (drop - 1), LARGEST_EVENT >> keep
    value = r  # which nobody needs any more; 0 if nothing is sent
    for i in range(size):
        sends = g[i] > thresholds[i]
        value[i] = min(max((g[i] + half_event) >> drop, 1), largest) << keep if sends else 0
        h[i] = g[i] - thresholds[i] if sends else g[i]
    count = 0
    for i in range(size):
        state.units[count], state.values[count] = i, value[i]
        count += value[i] != 0
    state.number[0] = count


_compile: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
_copy, _look_up, _add_columns = _compile(_copy), _compile(_look_up), _compile(_add_columns)
_sum, _step = _compile(_sum), _compile(_step)
_read = _compile(_read)
