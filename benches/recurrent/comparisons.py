"""LNP's networks next to dense ones and to those of other methods, as means over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benches.recurrent.deployed import Deployed
from benches.recurrent.measure import CLASSIFICATIONS, LATE_STAGE, TRAINED_STAGE, Score
from edgesnn.recurrent.baselines import BASELINES

#: Worse than dense, at most: NRMSE in per cent, accuracy in points.
MOST_WORSE_PERCENT, MOST_POINTS = 5, 1
#: The same of integers after that.
MOST_DEPLOYED_PERCENT, MOST_DEPLOYED_POINTS = 10, 1.5


def values(rows: Iterable[Score], task: str, name: str, stage: str) -> np.ndarray:
    """Of each seed."""
    return np.array([r.value for r in rows if (r.task, r.name, r.stage) == (task, name, stage)])


def is_decision(task: str) -> bool:
    """Whether the score is accuracy in per cent; else it is NRMSE."""
    return task in CLASSIFICATIONS


def change(
    rows: Sequence[Score], task: str, name: str = "LNP", stage: str = TRAINED_STAGE
) -> float:
    """From the dense network's to that of ``name``, mean over seeds: NRMSE in per cent of the dense
    one's, accuracy in points."""
    dense, other = values(rows, task, "dense", stage), values(rows, task, name, stage)
    return float((other - dense if is_decision(task) else 100 * (other / dense - 1)).mean())


def deployed_changes(rows: Iterable[Deployed]) -> list[float]:
    """From floating point to integers, likewise, of each network."""
    return [
        d.value - d.trained if is_decision(d.task) else 100 * (d.value / d.trained - 1)
        for d in rows
    ]


def is_kept(rows: Sequence[Score], task: str) -> bool:
    """Whether LNP's networks, trained whole, are as good as was asked for."""
    lost = change(rows, task)
    return lost >= -MOST_POINTS if is_decision(task) else lost <= MOST_WORSE_PERCENT


def ahead(rows: Sequence[Score], task: str, stage: str, name: str = "LNP") -> bool:
    """Whether LNP's mean is better than that of every other pruning, after the same training."""
    return all(better(rows, task, name, rival, stage) for rival in BASELINES)


def better(rows: Sequence[Score], task: str, one: str, other: str, stage: str) -> bool:
    """Whether the mean of ``one`` is better, after the same training."""
    sign = 1 if is_decision(task) else -1
    means = [values(rows, task, name, stage).mean() for name in (one, other)]
    return bool(sign * (means[0] - means[1]) > 0)


def ahead_of_late(rows: Sequence[Score], task: str) -> bool:
    """Whether LNP, trained, is better on a series than a trained network pruned by activity."""
    late = values(rows, task, "activity", LATE_STAGE)
    return bool(values(rows, task, "LNP", TRAINED_STAGE).mean() < late.mean())


def best_of_others(rows: Sequence[Score], task: str) -> str | None:
    """The best other pruning, trained alike; None if there is none."""
    sign = -1 if is_decision(task) else 1
    found = {n: values(rows, task, n, TRAINED_STAGE) for n in BASELINES}
    known = {n: sign * v.mean() for n, v in found.items() if len(v)}
    return min(known, key=lambda n: known[n]) if known else None
