"""Spike trains as signals that can be compared and added up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def filtered(spikes: Values, decay: Values) -> Values:
    """Spike trains [..., step, neuron] through an exponential filter of each neuron's own decay.

    Source: van Rossum 2001, "A novel spike distance".
    """
    trace = np.array(spikes, np.float64)
    for t in range(1, trace.shape[-2]):
        trace[..., t, :] += trace[..., t - 1, :] * decay
    return trace
