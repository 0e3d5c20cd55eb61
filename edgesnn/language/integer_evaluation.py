"""How well a model in integers guesses a text, and what that costs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgesnn.errors import InputError
from edgesnn.language.corpus import Ids
from edgesnn.language.integer_model import ACTIVATION_ONE, EVENT_BITS, IntegerModel
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.training import Evaluated, losses

#: Tokens that are read at once: scores of all tokens of the vocabulary for each of them.
_PART = 256


@dataclass(frozen=True)
class IntegerEvaluated(Evaluated):
    """Of a text.

    operations   weights that were added for each token, those of scores included
    """

    operations: float


def evaluate_integers(
    model: IntegerModel, ids: Ids, event_bits: int = EVENT_BITS
) -> IntegerEvaluated:
    """Read a text from its start to its end, in the simulator with events of so many bits.

    Raises ``InputError`` if it has not two tokens.
    """
    if len(ids) < 2:
        raise InputError(f"a text must have at least 2 tokens to be guessed, not {len(ids)}")
    simulator = IntegerSimulator(model, event_bits)
    loss, operations = 0.0, 0
    events = np.zeros(len(model.layers))
    for first in range(0, len(ids) - 1, _PART):
        read = ids[first : first + _PART]
        after = ids[first + 1 : first + 1 + _PART]
        said = simulator.read(read[: len(after)])
        scores = said.scores / ACTIVATION_ONE
        loss += float(losses(scores, after).sum())
        events += said.events.sum(axis=0)
        operations += int(said.operations.sum())
    steps = len(ids) - 1
    activity = [float(e) / steps / la.num_units for e, la in zip(events, model.layers, strict=True)]
    return IntegerEvaluated(loss / steps, tuple(activity), operations / steps)
