"""How far a compressed network is from its model: membranes, spike trains, representations."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt
import torch

from edgesnn.analysis.cka import FEWEST_INPUTS, cka
from edgesnn.analysis.spike_trains import filtered
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import Network
from edgesnn.simulator import Simulator
from edgesnn.train.dynamics import Dynamics

Values = npt.NDArray[np.float64]
#: So many windows are compared step by step.
COMPARED_WINDOWS = 100


@dataclass(frozen=True)
class PopulationDistance:
    """Distance of one population of the network from that of the model, on the same windows.

    membrane_error    squared difference of ``v`` over all steps, relative to the model's
    van_rossum_error  squared Van Rossum distance of the spike trains, relative to the model's
                      trains against silence; None for a read-out that cannot fire
    cka               of the spikes in every step (``v`` of a read-out that cannot fire), by
                      :func:`edgesnn.analysis.cka.cka`: 1 for the same representation up to rotation
                      and scale; None for fewer windows than that needs, and where one of the two is
                      the same in every window
    """

    membrane_error: float
    van_rossum_error: float | None
    cka: float | None


def distances(
    model: Model, network: Network, units: tuple[Values | None, ...], events: EventWindows
) -> dict[int, PopulationDistance]:
    """For each population of neurons its distance, on the first ``COMPARED_WINDOWS`` windows.

    units   of :class:`edgesnn.compress.to_integers.IntegerNetwork`
    """
    chosen = events.select(np.arange(min(COMPARED_WINDOWS, len(events))))
    with torch.no_grad():
        expected = Dynamics(model).record(chosen)
    simulator = Simulator(network)
    names = [p.name for p in network.neurons]
    runs = [simulator.record(stream, names)[0] for stream in chosen.streams()]
    result = {}
    for index, p in enumerate(model.populations):
        unit = units[index]
        if not isinstance(p, ModelPopulation) or unit is None:
            continue
        records = [run[p.name] for run in runs]
        wanted_v = expected.values[index]
        assert wanted_v is not None
        v = np.stack([record.values for record in records]) * unit
        membrane = _relative(v, wanted_v.double().numpy())
        spikes = np.stack([record.spikes for record in records]).astype(np.float64)
        wanted = expected.spikes[index].double().numpy()
        trains = None
        if p.spiking:
            decay = p.decay.astype(np.float64)
            trains = _relative(filtered(spikes, decay), filtered(wanted, decay))
            alike = _alike(spikes, wanted)
        else:
            alike = _alike(v, wanted_v.double().numpy())
        result[index] = PopulationDistance(membrane, trains, alike)
    return result


def _alike(found: Values, wanted: Values) -> float | None:
    """CKA of representations [window, step, neuron]; None where there is none."""
    if len(found) < FEWEST_INPUTS:
        return None
    alike = cka(found, wanted)
    return None if isnan(alike) else alike


def _relative(found: Values, wanted: Values) -> float:
    """Squared distance, relative to ``wanted``; 0 or 1 where that is 0 everywhere."""
    size = float((wanted**2).sum())
    missed = float(((found - wanted) ** 2).sum())
    if size == 0:
        return float(missed > 0)
    return missed / size
