"""Pruning without noise, exponents or centrality: what LNP stands next to at equal size.

Neurons go first, then synapses among those that stay, each down to a number: at random, by the size
of weights, or by how often neurons fire.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.networks import (
    HIDDEN,
    keep_neurons,
    recurrent_weights,
    with_recurrent_weights,
)
from edgesnn.train.dynamics import Dynamics

Values = npt.NDArray[np.float64]
BASELINES = ("random", "magnitude", "activity")


def prune_to_size(
    model: Model,
    method: str,
    num_neurons: int,
    num_synapses: int,
    events: EventWindows | None = None,
    seed: int = 0,
) -> Model:
    """``model`` with so many recurrent neurons, and at most so many synapses among them.

    method   "random"; "magnitude": neurons by the sum of the sizes of their recurrent weights,
             synapses by their own; "activity": neurons by how often they fire, synapses by that of
             their source times the size of the weight
    events   windows of the task, for "activity"

    Raises ``InputError`` for an unknown method, numbers that are not in the network, or a size that
    cuts inputs from outputs.
    """
    weights = recurrent_weights(model)
    if method not in BASELINES:
        raise InputError(f"a method must be one of {', '.join(BASELINES)}, not {method!r}")
    if not 1 <= num_neurons <= len(weights) or num_synapses < 0:
        raise InputError(
            f"there must be 1..{len(weights)} neurons and 0 synapses or more, not {num_neurons} "
            f"and {num_synapses}"
        )
    rng = np.random.default_rng(seed)
    size = np.abs(weights)
    if method == "random":
        of_neurons, of_synapses = rng.random(len(weights)), rng.random(weights.shape)
    elif method == "magnitude":
        of_neurons, of_synapses = size.sum(axis=0) + size.sum(axis=1), size
    else:
        if events is None:
            raise InputError("pruning by activity must be given events, windows of the task")
        of_neurons = firing_rates(model, events)
        of_synapses = of_neurons[:, np.newaxis] * size
    stay = np.sort(np.argsort(-of_neurons, kind="stable")[:num_neurons])
    weights, of_synapses = weights[np.ix_(stay, stay)], of_synapses[np.ix_(stay, stay)]
    present = np.flatnonzero(weights)
    gone = present[np.argsort(-of_synapses.ravel()[present], kind="stable")[num_synapses:]]
    weights.ravel()[gone] = 0
    # Synapses first, so that what is left is known to lead from inputs to outputs.
    whole = np.zeros((len(of_neurons), len(of_neurons)))
    whole[np.ix_(stay, stay)] = weights
    return keep_neurons(with_recurrent_weights(model, whole), stay)


def firing_rates(model: Model, events: EventWindows) -> Values:
    """Spikes of each recurrent neuron in a time step, float64 [neurons]."""
    spikes = Dynamics(model).record(events).spikes[HIDDEN]
    rates: Values = spikes.double().mean(dim=(0, 1)).numpy()
    return rates
