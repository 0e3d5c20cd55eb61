"""A language model that goes on with a text, whatever executes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from edgesnn.errors import InputError
from edgesnn.language.corpus import Ids
from edgesnn.language.integer_model import ACTIVATION_ONE
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.model import LanguageModel, LayerState

Scores = npt.NDArray[np.float64]


class Reader(Protocol):
    """Reads tokens, each call going on where the last one ended."""

    def read(self, tokens: npt.ArrayLike) -> Scores:
        """Scores of what comes next, float64 [step, token]: logarithms of probabilities, but for
        what all tokens of a step have in common."""


class FloatReader:
    """A model in floating point."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model.eval()
        self._states: list[LayerState] | None = None

    def read(self, tokens: npt.ArrayLike) -> Scores:
        """See :class:`Reader`."""
        with torch.no_grad():
            said = self.model(torch.as_tensor(np.asarray(tokens, np.int64))[:, None], self._states)
        self._states = said.states
        scores: Scores = said.scores[:, 0].double().numpy()
        return scores


class IntegerReader:
    """A model in integers, in the simulator."""

    def __init__(self, simulator: IntegerSimulator) -> None:
        self.simulator = simulator

    def read(self, tokens: npt.ArrayLike) -> Scores:
        """See :class:`Reader`."""
        return self.simulator.read(tokens).scores / ACTIVATION_ONE


def generate(
    reader: Reader,
    prompt: Sequence[int] | Ids,
    count: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[int]:
    """What follows a prompt: ``count`` tokens.

    temperature   0: always the likeliest token, of equal ones the lowest number; else the scores
                  are divided by it and a token is drawn

    Raises ``InputError`` for an empty prompt, a negative count or temperature.
    """
    if not len(prompt):
        raise InputError("a prompt must hold at least one token to go on from")
    if count < 0 or not temperature >= 0:
        raise InputError(f"count and temperature must be at least 0, not {count} and {temperature}")
    rng = np.random.default_rng(seed)
    scores = reader.read(prompt)[-1]
    found: list[int] = []
    while len(found) < count:
        token = int(np.argmax(scores))
        if temperature:
            weights = np.exp((scores - scores.max()) / temperature)
            token = int(rng.choice(len(scores), p=weights / weights.sum()))
        found.append(token)
        scores = reader.read([token])[-1]
    return found
