"""A validation part, split off the training data by class, or at the end of a series."""

from __future__ import annotations

import numpy as np

from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents
from edgesnn.train.objective import TrainingData


def split_validation(
    data: TrainingData, share: float, seed: int
) -> tuple[TrainingData, TrainingData]:
    """(training, validation): ``share`` of each class, rounded, goes to the validation part.

    The same seed gives the same split. Windows with values have no class: of them the last ones
    go, for neighbours in a series are much alike. Raises ``InputError`` if a part would be empty.
    """
    apart = np.zeros(len(data), bool)
    if isinstance(data, LabelledEvents):
        rng = np.random.default_rng(seed)
        for label in np.unique(data.labels):
            members = rng.permutation(np.flatnonzero(data.labels == label))
            apart[members[: round(share * len(members))]] = True
    else:
        apart[len(data) - round(share * len(data)) :] = True
    if not apart.any() or apart.all():
        raise InputError(
            f"training data must be enough to keep {share:g} of each class apart for validation, "
            f"and {len(data)} windows are not"
        )
    return data.select(np.flatnonzero(~apart)), data.select(np.flatnonzero(apart))
