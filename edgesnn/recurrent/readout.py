"""The read-out alone, by ridge regression: what a reservoir is trained by.

The read-out's ``v`` is the sum of the weights of all spikes so far, each with a power of its decay.
So it is linear in spikes that are filtered by that decay, and its best weights are a linear solve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgesnn.analysis.spike_trains import filtered
from edgesnn.errors import InputError
from edgesnn.event_windows import EventTargets, EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.recurrent.networks import HIDDEN, OUTPUT
from edgesnn.train.dynamics import Dynamics

Values = npt.NDArray[np.float64]


def readout_values(model: Model, events: EventWindows) -> Values:
    """``v`` of the read-out after each step, float64 [windows, time_step, output]."""
    values = Dynamics(model).record(events).values[OUTPUT]
    assert values is not None
    return values.double().numpy()


def fit_readout(
    model: Model, events: EventWindows, targets: Values, ridge: float = 1e-4, skip: int = 0
) -> Model:
    """The model with the read-out weights and biases whose ``v`` is nearest to the targets.

    targets   float64 [windows, time_step, output]; NaN where a step has none
    ridge     penalty on the squared weights, as a part of the mean power of the filtered spikes
    skip      steps at the start of each window that do not count

    Outputs may have decays of their own. Raises ``InputError`` if shapes do not fit, no step
    counts, or outputs fire.
    """
    readout = _readout(model)
    shape = (len(events), events.num_steps, readout.size)
    if targets.shape != shape:
        raise InputError(
            f"targets must have a value for each window, step and output, {shape}, not "
            f"{targets.shape}"
        )
    wanted = targets[:, skip:].reshape(-1, readout.size)
    known = np.isfinite(wanted).all(axis=1)
    if not known.any():
        raise InputError(f"there must be steps with targets after the {skip} that are skipped")
    spikes = Dynamics(model).record(events).spikes[HIDDEN].double().numpy()
    # Biases act in every step, also in those before a window's targets.
    arriving = np.concatenate([spikes, np.ones((*spikes.shape[:2], 1))], axis=2)
    solved = np.empty((arriving.shape[2], readout.size))
    for decay in np.unique(readout.decay):
        features = filtered(arriving, np.array(float(decay)))[:, skip:]
        rows = features.reshape(-1, features.shape[2])[known]
        same = readout.decay == decay
        solved[:, same] = _regression(rows, wanted[known][:, same], ridge)
    populations = list(model.populations)
    populations[OUTPUT] = replace(readout, bias=solved[-1].astype(np.float32))
    connections = tuple(
        c.with_parameters(solved[:-1]) if c.target == OUTPUT else c for c in model.connections
    )
    return Model(tuple(populations), connections, model.readout, model.info)


def _regression(rows: Values, wanted: Values, ridge: float) -> Values:
    """Best weights [column, output] of ``rows``, of which the last column is not penalised."""
    power = rows.T @ rows
    penalty = np.full(len(power), ridge * np.trace(power[:-1, :-1]) / max(len(power) - 1, 1))
    penalty[-1] = 0.0
    # A neuron that never fires has a column of zeros: its weight is 0, by the least solution.
    found = np.linalg.lstsq(power + np.diag(penalty), rows.T @ wanted, rcond=None)[0]
    return np.asarray(found, np.float64)


def fit_to(data: EventTargets) -> Callable[[Model], Model]:
    """:func:`fit_readout` to these values, for whoever holds the model later."""
    targets = data.targets.astype(np.float64)
    return lambda model: fit_readout(model, data.events, targets)


def _readout(model: Model) -> ModelPopulation:
    readout = model.populations[OUTPUT]
    assert isinstance(readout, ModelPopulation)
    if readout.spiking:
        raise InputError("outputs must not fire to be fitted by regression, but they do")
    return readout
