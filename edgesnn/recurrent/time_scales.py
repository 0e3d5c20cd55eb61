"""LNP, step IV: time constants by which the pruned network's spectrum is that of the dense one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import optuna

from edgesnn.recurrent.networks import TimeScales

Values = npt.NDArray[np.float64]
#: Bounds of the search: shape, and mean time constant in steps.
SHAPES = (0.5, 8.0)
MEANS = (1.5, 64.0)


def spectrum_distance(found: Values, wanted: Values) -> float:
    """How far two Lyapunov spectra of any lengths are from each other.

    Mean difference of the sorted exponents, the shorter spectrum interpolated to the longer, and
    on top of that the largest found exponent where it is above 0: chaos.
    """
    longer = max(len(found), len(wanted))
    places = np.linspace(0, 1, longer)
    one, other = (
        np.interp(places, np.linspace(0, 1, len(s)), np.sort(s)[::-1]) for s in (found, wanted)
    )
    return float(np.abs(one - other).mean() + max(0.0, float(found.max())))


def optimize_time_scales(
    loss: Callable[[TimeScales], float], trials: int, seed: int, start: TimeScales
) -> tuple[TimeScales, float]:
    """The gamma distribution with the smallest ``loss`` of ``trials``, and that loss.

    Bayesian optimization, asked and told one at a time; ``start`` is the first trial. Source:
    Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE).
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    if start.shape is not None:
        mean = float(np.clip(start.shape * start.scale, *MEANS))
        study.enqueue_trial({"shape": float(np.clip(start.shape, *SHAPES)), "mean": mean})
    for _ in range(trials):
        trial = study.ask()
        shape = trial.suggest_float("shape", *SHAPES, log=True)
        mean = trial.suggest_float("mean", *MEANS, log=True)
        study.tell(trial, loss(TimeScales(shape, mean / shape)))
    best = study.best_params
    return TimeScales(best["shape"], best["mean"] / best["shape"]), float(study.best_value)
