"""The networks that are compared: dense and pruned, heterogeneous and homogeneous."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.baselines import BASELINES, prune_to_size
from edgesnn.recurrent.lnp import LnpSettings, prune_recurrent
from edgesnn.recurrent.networks import TimeScales, recurrent_weights
from edgesnn.recurrent.tasks import SCALES
from edgesnn.recurrent.training import TRAINING

#: 57 % of the neurons go, and so many synapses that every baseline can come to the same number.
PRUNING = LnpSettings(neurons_kept=0.43, synapses_kept=0.15)
#: LNP with the neurons that fire least under noise gone in place of step II, and without step IV.
VARIANT = "LNP by rate"
#: All neurons alike, with the mean of the others' time constants.
HOMOGENEOUS = TimeScales(None, SCALES.scale * (SCALES.shape or 1.0))


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    seeds     of networks, of the series and of pruning, from 0 on
    neurons   of the dense network
    epochs    of training, where networks are trained whole
    sizes     of the timing
    """

    seeds: int = 5
    neurons: int = 400
    epochs: int = TRAINING.epochs
    sizes: tuple[int, ...] = (100, 200, 400, 1000, 2000)

    def settings(self, seed: int) -> LnpSettings:
        return replace(PRUNING, seed=seed)


def size_of(model: Model) -> tuple[int, int]:
    """Recurrent neurons, and synapses among them."""
    weights = recurrent_weights(model)
    return len(weights), int(np.count_nonzero(weights))


def pruned_alike(
    dense: Model, size: tuple[int, int], events: EventWindows, seed: int
) -> Iterator[tuple[str, Model]]:
    """``dense`` pruned to a size by every other method; ``events`` of the training part."""
    for method in BASELINES:
        yield method, prune_to_size(dense, method, *size, events, seed)


def compared(
    dense: Model, alike: Model | None, plan: Plan, seed: int, events: EventWindows
) -> dict[str, Model]:
    """Networks by name; those that are pruned have one number of neurons, and those of the other
    methods LNP's number of synapses.

    alike    a dense network with one time constant for all, or None
    """
    pruned = prune_recurrent(dense, plan.settings(seed), SCALES)[0]
    found = {"dense": dense, "LNP": pruned}
    active = replace(plan.settings(seed), node_rule="rate", trials=0)
    found[VARIANT] = prune_recurrent(dense, active)[0]
    found.update(pruned_alike(dense, size_of(pruned), events, seed))
    if alike is not None:
        same = replace(plan.settings(seed), trials=0)
        found["dense, homogeneous"] = alike
        found["LNP, homogeneous"] = prune_recurrent(alike, same)[0]
    return found
