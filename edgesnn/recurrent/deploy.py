"""A recurrent network that forecasts, as the network of integers that devices run.

The compressor is that of all models; what is added is how its read-out is read: as values.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport
from edgesnn.compress.settings import CompressionSettings
from edgesnn.errors import InputError
from edgesnn.event_windows import EventTargets, EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recurrent.metrics import nrmse
from edgesnn.recurrent.readout import fit_to, readout_values
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator

Values = npt.NDArray[np.float64]
#: Scales are searched for, and weights of the read-out have 8 bits, as it has few large weights,
#: and small ones that count; rates are left as they are, as it was fitted to them.
FORECASTER = CompressionSettings(range="search", match_rates=False, readout_bits=8)


def compress_forecaster(
    model: Model,
    training: EventTargets,
    sparsity: float = 0.0,
    settings: CompressionSettings = FORECASTER,
) -> tuple[Network, CompressionReport]:
    """The network of integers: pruned and rounded by SBC, weights of the read-out to 8 bits.

    The read-out is fitted to the training values once more when all else is codes.

    training   windows of the training part; fine-tuning, if settings ask for it, learns its values
    sparsity   share of the weights that are left to remove as well, 0 <= sparsity < 1
    settings   other settings of the compressor; its sparsity is set here

    What was pruned before stays away: removed weights cost nothing, so they go first.
    """
    removed = share_removed(model, sparsity)
    unlabelled = LabelledEvents.of_one_class(training.events)
    return compress(
        model,
        unlabelled,
        replace(settings, sparsity=removed),
        training=training,
        refit=fit_to(training),
    )


def share_removed(model: Model, sparsity: float) -> float:
    """Share of all weights that is 0 when this share of those that are not 0 goes, too.

    Raises ``InputError`` unless 0 <= sparsity < 1.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"sparsity must be at least 0 and below 1, not {sparsity}")
    total = sum(c.parameters.size for c in model.connections)
    return 1 - (1 - sparsity) * num_weights(model) / total


def num_weights(model: Model) -> int:
    """Weights of all connections that are not 0."""
    return sum(int(np.count_nonzero(c.parameters)) for c in model.connections)


def values_of(network: Network, result: RunResult) -> Values:
    """``v`` of the read-out in each step of a recorded run, as the model would say it.

    float64 [time_step, output]. Raises ``InputError`` if the run was not recorded or the network
    does not tell its units.
    """
    units = network.info.get("readout_units")
    if units is None or result.values is None:
        raise InputError(
            "a run must be recorded, and the network hold info['readout_units'], as the compressor "
            "writes it, to read out values"
        )
    found = result.values[:, network.neuron_slice(network.readout.population)]
    return found.astype(np.float64) * np.asarray(units, np.float64)


def network_values(network: Network, events: EventWindows) -> Values:
    """:func:`values_of` windows in the simulator, float64 [window, time_step, output]."""
    simulator = Simulator(network)
    return np.stack(
        [values_of(network, simulator.run(s, record=True)[0]) for s in events.streams()]
    )


def forecast_error(found: Values, data: EventTargets) -> float:
    """NRMSE of what was read out [window, time_step, output], where something is asked for."""
    return nrmse(
        found.reshape(-1, found.shape[2]),
        data.targets.astype(np.float64).reshape(-1, found.shape[2]),
    )


def model_error(model: Model, data: EventTargets) -> float:
    """NRMSE of the model in floating point."""
    return forecast_error(readout_values(model, data.events), data)
