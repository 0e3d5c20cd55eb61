"""What an executor of an integer language model tells of a text that it has read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened with each token.

    scores      int32 [step, token], of the next token
    h           int16 [step, unit] of each layer, after the step
    events      int64 [step, layer], units that sent
    operations  int64 [step], weights that were added, of scores too
    """

    scores: npt.NDArray[np.int32]
    h: tuple[npt.NDArray[np.int16], ...]
    events: npt.NDArray[np.int64]
    operations: npt.NDArray[np.int64]


def known_tokens(tokens: npt.ArrayLike, num_tokens: int) -> npt.NDArray[np.int64]:
    """Tokens as int64 [step]. Raises ``InputError`` if one is not in a vocabulary of that size."""
    ids = np.asarray(tokens, np.int64).ravel()
    if ids.size and not 0 <= ids.min() <= ids.max() < num_tokens:
        raise InputError(
            f"tokens must be in 0..{num_tokens - 1}, not {ids.min()}..{ids.max()}: "
            "the model has another vocabulary"
        )
    return ids
