"""How good a forecast is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
#: A forecast is valid until its error is this part of the size of what is forecast.
VALID_ERROR = 0.4


def nrmse(found: Values, wanted: Values) -> float:
    """Root mean square error over the standard deviation of what is wanted; both [time, ...].

    Coordinates count together: 1 is as good as their mean. Steps where either is NaN are left out.
    """
    found, wanted = found.reshape(len(found), -1), wanted.reshape(len(wanted), -1)
    known = np.isfinite(found).all(axis=1) & np.isfinite(wanted).all(axis=1)
    error = ((found[known] - wanted[known]) ** 2).sum(axis=1).mean()
    spread = ((wanted[known] - wanted[known].mean(axis=0)) ** 2).sum(axis=1).mean()
    return float(np.sqrt(error / spread))


def valid_time(found: Values, wanted: Values, dt: float = 1.0) -> float:
    """Time until a free-running forecast is wrong by ``VALID_ERROR``; all of it if it never is.

    The error of a step is relative to the root mean square of ``wanted`` [time, coordinates].
    """
    error = np.sqrt(((found - wanted) ** 2).sum(axis=1) / (wanted**2).sum(axis=1).mean())
    wrong = np.flatnonzero(~(error <= VALID_ERROR))
    return dt * float(wrong[0] if len(wrong) else len(wanted))
