"""What pruning and quantization need to know about activity, gathered on sample inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.trainer import WINDOWS_AT_ONCE


@dataclass(frozen=True, eq=False)
class Calibration:
    """Activity of a model on sample inputs, one array for each population.

    source_rates     events per time step of each source or neuron
    lowest, highest  extremes of ``v`` of each neuron; 0 for inputs
    """

    source_rates: tuple[npt.NDArray[np.float32], ...]
    lowest: tuple[npt.NDArray[np.float32], ...]
    highest: tuple[npt.NDArray[np.float32], ...]


def calibrate(model: Model, events: EventWindows) -> Calibration:
    """Run windows of events and gather.

    Raises ``InputError`` if there are none, or if they do not fit the model.
    """
    if not len(events) or events.num_sources != model.num_inputs:
        raise InputError(
            f"calibration needs at least one window of {model.num_inputs} sources, "
            f"not {len(events)} of {events.num_sources}"
        )
    counts = [np.zeros(p.size) for p in model.populations]
    lowest = [np.zeros(p.size, np.float32) for p in model.populations]
    highest = [np.zeros(p.size, np.float32) for p in model.populations]
    dynamics = Dynamics(model)
    for first in range(0, len(events), WINDOWS_AT_ONCE):
        chosen = np.arange(first, min(first + WINDOWS_AT_ONCE, len(events)))
        run = dynamics.record(events.select(chosen))
        for i, spikes in enumerate(run.spikes):
            counts[i] += spikes.sum((0, 1)).numpy() / events.num_steps
            values = run.values[i]
            if values is not None:
                lowest[i] = np.minimum(lowest[i], values.amin((0, 1)).numpy())
                highest[i] = np.maximum(highest[i], values.amax((0, 1)).numpy())
    rates = tuple((count / len(events)).astype(np.float32) for count in counts)
    return Calibration(rates, tuple(lowest), tuple(highest))
