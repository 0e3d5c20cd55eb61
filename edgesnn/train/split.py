"""A validation part, split off the training data by class."""

from __future__ import annotations

import numpy as np

from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents


def split_validation(
    data: LabelledEvents, share: float, seed: int
) -> tuple[LabelledEvents, LabelledEvents]:
    """(training, validation): ``share`` of each class, rounded, goes to the validation part.

    The same seed gives the same split. Raises ``InputError`` if a part would be empty.
    """
    rng = np.random.default_rng(seed)
    apart = np.zeros(len(data), bool)
    for label in np.unique(data.labels):
        members = rng.permutation(np.flatnonzero(data.labels == label))
        apart[members[: round(share * len(members))]] = True
    if not apart.any() or apart.all():
        raise InputError(
            f"training data must be enough to keep {share:g} of each class apart for validation, "
            f"and {len(data)} windows are not"
        )
    return data.select(np.flatnonzero(~apart)), data.select(np.flatnonzero(apart))
