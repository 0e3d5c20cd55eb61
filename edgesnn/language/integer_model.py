"""A language model of EGRU layers in integers: what docs/egru.md says, as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

Integers = npt.NDArray[np.integer[Any]]
STATE_BITS, ACTIVATION_BITS, EVENT_BITS, MULTIPLIER_BITS = 14, 11, 8, 16
STATE_ONE, ACTIVATION_ONE = 1 << STATE_BITS, 1 << ACTIVATION_BITS
LARGEST_EVENT, LARGEST_WEIGHT = (1 << EVENT_BITS) - 1, 7
#: Of a row, before and after its multiplier, so that two of them fit 32 bits.
LARGEST_SUM = 1 << 30
TABLE_SIZE = 4096
#: Bits of an argument that its table does not look at, and what is added before.
SIGMOID_SHIFT, SIGMOID_OFFSET = 4, 1 << 15
TANH_SHIFT, TANH_OFFSET = 3, 1 << 14


@cache
def sigmoid_table() -> npt.NDArray[np.int16]:
    """int16 [4096], of pre-activations from -16 to 16."""
    x = _middles(SIGMOID_SHIFT, SIGMOID_OFFSET)
    return np.round(STATE_ONE / (1 + np.exp(-x))).astype(np.int16)


@cache
def tanh_table() -> npt.NDArray[np.int16]:
    """int16 [4096], of pre-activations from -8 to 8."""
    return np.round(STATE_ONE * np.tanh(_middles(TANH_SHIFT, TANH_OFFSET))).astype(np.int16)


def _middles(shift: int, offset: int) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = (
        (np.arange(TABLE_SIZE) + 0.5) * (1 << shift) - offset
    ) / ACTIVATION_ONE
    return found


@dataclass(frozen=True, eq=False)
class Rows:
    """A matrix of 4-bit weights whose rows have a multiplier and a bias each.

    weights      int8 [row, source], -7..7
    multipliers  int32 [row], at least 0
    bias         int32 [row], in units of pre-activations
    """

    weights: npt.NDArray[np.int8]
    multipliers: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        rows = self.weights.shape[:1]
        if self.weights.ndim != 2 or self.multipliers.shape != rows or self.bias.shape != rows:
            raise InputError(
                "rows must have weights [row, source], a multiplier and a bias each, not "
                f"{self.weights.shape}, {self.multipliers.shape} and {self.bias.shape}"
            )
        weights, bias = np.abs(self.weights.astype(np.int64)), np.abs(self.bias.astype(np.int64))
        if weights.size and weights.max() > LARGEST_WEIGHT:
            raise InputError(f"weights must be in -{LARGEST_WEIGHT}..{LARGEST_WEIGHT}")
        if self.multipliers.size and self.multipliers.min() < 0:
            raise InputError("multipliers must be at least 0")
        sums = weights.sum(axis=1) * LARGEST_EVENT
        # In steps, for the product of a sum and a multiplier may need more than 64 bits.
        scaled = (sums / (1 << MULTIPLIER_BITS)) * self.multipliers + bias
        if sums.size and (sums.max() > LARGEST_SUM or scaled.max() > LARGEST_SUM):
            row = int(np.argmax(np.maximum(sums, scaled)))
            raise InputError(
                f"sums of rows must stay within 2^30, but row {row} can reach "
                f"{max(float(sums[row]), float(scaled[row])):.3g}: take smaller weights or fewer"
            )


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer: rows of z, then r, then g.

    inputs      from the layer below; None in the first layer
    recurrent   from itself
    thresholds  int16 [unit], 0..2^14
    """

    inputs: Rows | None
    recurrent: Rows
    thresholds: npt.NDArray[np.int16]

    def __post_init__(self) -> None:
        units = len(self.thresholds)
        if self.recurrent.weights.shape != (3 * units, units):
            raise InputError(
                f"recurrent weights must be [{3 * units}, {units}] for {units} units, not "
                f"{list(self.recurrent.weights.shape)}"
            )
        if self.inputs is not None and len(self.inputs.weights) != 3 * units:
            raise InputError(
                f"input weights must have {3 * units} rows, not {len(self.inputs.weights)}"
            )
        if units and not 0 <= self.thresholds.min() <= self.thresholds.max() <= STATE_ONE:
            raise InputError(f"thresholds must be in 0..{STATE_ONE}")

    @property
    def num_units(self) -> int:
        return len(self.thresholds)


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A whole model.

    table    int16 [token, row of the first layer]: what arrives there with a token
    layers   from the first to the last
    scores   rows of tokens, from the last layer
    """

    table: npt.NDArray[np.int16]
    layers: tuple[IntegerLayer, ...]
    scores: Rows

    def __post_init__(self) -> None:
        if not self.layers or self.layers[0].inputs is not None:
            raise InputError("a model must have layers, and its first one no input weights")
        for below, layer in zip(self.layers, self.layers[1:], strict=False):
            if layer.inputs is None or layer.inputs.weights.shape[1] != below.num_units:
                raise InputError(
                    f"every layer but the first must have input weights from the "
                    f"{below.num_units} units below it"
                )
        wanted = (len(self.scores.weights), 3 * self.layers[0].num_units)
        if self.table.shape != wanted:
            raise InputError(f"the table must be {list(wanted)}, not {list(self.table.shape)}")
        if self.scores.weights.shape[1] != self.layers[-1].num_units:
            raise InputError(
                f"scores must come from the {self.layers[-1].num_units} units of the last layer"
            )

    @property
    def num_tokens(self) -> int:
        return len(self.table)
