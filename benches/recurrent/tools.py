"""The tools by themselves: exponents of a known flow, slow modes of a clustered linear network."""

from __future__ import annotations

import numpy as np

from edgesnn.analysis.covariance import noise_covariance
from edgesnn.analysis.dynamical_systems import lorenz
from edgesnn.analysis.lyapunov import lyapunov_spectrum
from edgesnn.recurrent.noise_pruning import keep_scores
from tests.analysis.test_lyapunov import cloud
from tests.recurrent.test_noise_pruning import clustered, sampled, slow_mode_error

#: Source: Sprott 2003, "Chaos and Time-Series Analysis".
PUBLISHED = np.array([0.906, 0.0, -14.572])
SHARE = 0.2


def lorenz_error_percent() -> float:
    """The largest error of the two exponents that are not 0, in per cent of them."""
    flow = lorenz()
    found = lyapunov_spectrum(flow.jacobians(cloud(flow, 200), 3000), 3, skip=500, dt=flow.dt)
    away = np.abs(found.exponents - PUBLISHED)[[0, 2]] / np.abs(PUBLISHED[[0, 2]])
    return 100 * float(away.max())


def slow_mode_errors(seeds: int) -> dict[str, float]:
    """Mean relative error of the ten slowest modes at a fifth of the edges, by rule."""
    errors: dict[str, list[float]] = {"noise": [], "magnitude": [], "uniform": []}
    for seed in range(seeds):
        matrix = clustered(seed)
        off = matrix * ~np.eye(len(matrix), dtype=bool)
        scores = (keep_scores(off, noise_covariance(matrix)), np.abs(off), (off != 0).astype(float))
        for name, score in zip(errors, scores, strict=True):
            pruned = sampled(matrix, score, SHARE, np.random.default_rng(seed))
            errors[name].append(slow_mode_error(matrix, pruned))
    return {name: float(np.mean(values)) for name, values in errors.items()}


def errors(seeds: int) -> dict[str, float]:
    """Both."""
    return {"lorenz_error_percent": lorenz_error_percent(), **slow_mode_errors(seeds)}
