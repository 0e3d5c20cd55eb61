"""How good a forecast is, and what it costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics

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


def operations_per_step(model: Model, events: EventWindows) -> float:
    """Synaptic operations of a time step: each spike, or input event, times the synapses that are
    left of its source, mean over all steps of all windows."""
    spikes = Dynamics(model).record(events).spikes
    means = [s.double().mean(dim=(0, 1)).numpy() for s in spikes]
    left = [(c.source, (c.expand(c.parameters) != 0).sum(axis=1)) for c in model.connections]
    return float(sum(means[source] @ fan_out for source, fan_out in left))
