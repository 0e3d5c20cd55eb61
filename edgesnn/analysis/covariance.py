"""How units move together when noise drives them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_continuous_lyapunov

from edgesnn.analysis.spike_trains import filtered
from edgesnn.errors import InputError

Values = npt.NDArray[np.float64]


def noise_covariance(matrix: Values, noise: float = 1.0) -> Values:
    """Stationary covariance C of dx/dt = A x + white noise of that standard deviation.

    matrix   A [size, size]; entry [i, j] is what j does to i

    Solves the continuous Lyapunov equation A C + C A^T + noise^2 I = 0. Time: size^3.
    Raises ``InputError`` if A is not stable, so that there is no stationary state.
    """
    largest = float(np.linalg.eigvals(matrix).real.max())
    if largest >= 0:
        raise InputError(
            "the matrix must be stable, with every eigenvalue left of 0, but one has the real part "
            f"{largest:.3g}: make weights smaller, or leaks larger"
        )
    found: Values = solve_continuous_lyapunov(matrix, -(noise**2) * np.eye(len(matrix)))
    return (found + found.T) / 2


def trace_covariance(spikes: npt.ArrayLike, decay: float = 0.95, skip: int = 0) -> Values:
    """Covariance [neurons, neurons] of low-pass filtered spikes.

    spikes   [..., time_step, neuron]; the trace is ``decay * trace + (1 - decay) * spike``
    skip     steps at the start of every run that do not count
    """
    train = np.asarray(spikes, np.float64)
    if train.shape[-2] < skip + 2:
        raise InputError(f"there must be two time steps or more after the {skip} that are skipped")
    traces = (1 - decay) * filtered(train, np.array(decay))[..., skip:, :]
    flat = traces.reshape(-1, train.shape[-1])
    flat -= flat.mean(axis=0)
    found: Values = flat.T @ flat / (len(flat) - 1)
    return found
