"""The reference of docs/egru.md: one operation after the other, in Python's own integers.

It is slow and meant to be read. Faster executors are compared with it, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    IntegerLayer,
    IntegerModel,
    Rows,
    sigmoid_table,
    tanh_table,
)

#: Unit and value.
Event = tuple[int, int]


def round_shift(value: int, bits: int) -> int:
    """``value`` / 2^bits, halves up."""
    return (value + (1 << (bits - 1))) >> bits


def saturated(value: int) -> int:
    """``value`` as int16, at its ends where it is beyond them."""
    return max(-(1 << 15), min((1 << 15) - 1, value))


def sigmoid(a: int) -> int:
    return int(sigmoid_table()[(a + SIGMOID_OFFSET) >> SIGMOID_SHIFT])


def tanh(a: int) -> int:
    held = max(-TANH_OFFSET, min(TANH_OFFSET - 1, a))
    return int(tanh_table()[(held + TANH_OFFSET) >> TANH_SHIFT])


def row_sums(rows: Rows, events: Iterable[Event]) -> list[int]:
    """Bias and scaled sum of each row over events."""
    heard = list(events)
    found = []
    for weights, multiplier, bias in zip(rows.weights, rows.multipliers, rows.bias, strict=True):
        total = sum(int(weights[unit]) * value for unit, value in heard)
        found.append(int(bias) + round_shift(total * int(multiplier), MULTIPLIER_BITS))
    return found


@dataclass
class LayerState:
    """``h`` of each unit, and the events of the last step."""

    h: list[int]
    sent: list[Event] = field(default_factory=list)


def step_layer(layer: IntegerLayer, arriving: list[int], state: LayerState) -> None:
    """One step of a layer; ``state`` becomes that after it."""
    units = layer.num_units
    back = row_sums(layer.recurrent, state.sent)
    sent: list[Event] = []
    for i in range(units):
        z_row, r_row, g_row = i, units + i, 2 * units + i
        z = sigmoid(saturated(arriving[z_row] + back[z_row]))
        r = sigmoid(saturated(arriving[r_row] + back[r_row]))
        g = tanh(saturated(arriving[g_row] + round_shift(r * back[g_row], STATE_BITS)))
        c = round_shift(z * state.h[i] + (STATE_ONE - z) * g, STATE_BITS)
        threshold = int(layer.thresholds[i])
        if c > threshold:
            value = round_shift(c, STATE_BITS - EVENT_BITS)
            sent.append((i, max(1, min(LARGEST_EVENT, value))))
            c -= threshold
        state.h[i] = c
    state.sent = sent


@dataclass
class Reader:
    """A model while it reads a text, token by token.

    states   of each layer
    """

    model: IntegerModel
    states: list[LayerState] = field(init=False)

    def __post_init__(self) -> None:
        self.states = [LayerState([0] * layer.num_units) for layer in self.model.layers]

    def read(self, token: int) -> list[int]:
        """Scores of the next token, after this one. Raises ``InputError`` for no known token."""
        if not 0 <= token < self.model.num_tokens:
            raise InputError(
                f"a token must be in 0..{self.model.num_tokens - 1}, not {token}: the model has "
                "another vocabulary"
            )
        arriving, below = [int(a) for a in self.model.table[token]], list[Event]()
        for layer, state in zip(self.model.layers, self.states, strict=True):
            if layer.inputs is not None:
                arriving = [saturated(a) for a in row_sums(layer.inputs, below)]
            step_layer(layer, arriving, state)
            below = state.sent
        return row_sums(self.model.scores, below)
