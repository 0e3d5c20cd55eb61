"""Whether the modes of a network spread over all its units or sit on a few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def inverse_participation(vectors: npt.NDArray[np.number]) -> Values:
    """For each column of [size, vectors] the sum of the fourth powers of its normed entries.

    1 / size if it spreads evenly, 1 if it sits on one unit. Complex entries count by their size.
    """
    shares = np.abs(vectors) ** 2
    shares = shares / shares.sum(axis=0)
    found: Values = (shares**2).sum(axis=0)
    return found
