"""The networks that are compared: dense and pruned, heterogeneous and homogeneous."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.baselines import BASELINES, prune_to_size
from edgesnn.recurrent.lnp import LnpSettings, prune_recurrent
from edgesnn.recurrent.networks import TimeScales, recurrent_weights
from edgesnn.recurrent.tasks import FORECASTS, SCALES, Forecast, forecaster

#: 57 % of the neurons go, and so many synapses that every baseline can come to the same number.
PRUNING = LnpSettings(neurons_kept=0.43, synapses_kept=0.15)
#: All neurons alike, with the mean of the others' time constants.
HOMOGENEOUS = TimeScales(None, SCALES.scale * (SCALES.shape or 1.0))


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    seeds        of networks, of the series and of pruning, from 0 on
    neurons      of the dense network
    sizes        of the timing
    """

    seeds: int = 5
    neurons: int = 400
    sizes: tuple[int, ...] = (100, 200, 400, 1000)

    def settings(self, seed: int) -> LnpSettings:
        return replace(PRUNING, seed=seed)


def size_of(model: Model) -> tuple[int, int]:
    """Recurrent neurons, and synapses among them."""
    weights = recurrent_weights(model)
    return len(weights), int(np.count_nonzero(weights))


@cache
def dense_and_pruned(task_name: str, plan: Plan, seed: int) -> tuple[Model, Model]:
    """The dense network of a task and what LNP leaves of it, which several parts look at."""
    dense = forecaster(FORECASTS[task_name], plan.neurons, seed)
    return dense, prune_recurrent(dense, plan.settings(seed), SCALES)[0]


def compared(
    task: Forecast, plan: Plan, seed: int, events: EventWindows
) -> Iterator[tuple[str, Model]]:
    """Networks by name; those that are pruned have one size.

    events   of the training part, which activity pruning looks at
    """
    dense, pruned = dense_and_pruned(task.name, plan, seed)
    yield "dense", dense
    yield "LNP", pruned
    for method in BASELINES:
        yield method, prune_to_size(dense, method, *size_of(pruned), events, seed)
    alike = forecaster(task, plan.neurons, seed, HOMOGENEOUS)
    yield "dense, homogeneous", alike
    same = replace(plan.settings(seed), trials=0)
    yield "LNP, homogeneous", prune_recurrent(alike, same)[0]
