"""Trained networks as integers: what they lose, and what they cost the core."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.compress.pipeline import DEFAULTS, compress
from edgesnn.compress.report import CompressionReport
from edgesnn.compress.settings import CompressionSettings
from edgesnn.core_config import CoreConfig
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recurrent.deploy import (
    FORECASTER,
    compress_forecaster,
    forecast_error,
    model_error,
    network_values,
    num_weights,
    share_removed,
)
from edgesnn.recurrent.tasks import ForecastData
from edgesnn.samples import accuracy
from edgesnn.simulator import Simulator
from edgesnn.train.trainer import decisions
from edgesnn.verification import compare, run_windows

#: Windows whose every bit is compared between reference and simulator.
COMPARED = 2
CORE = CoreConfig(lanes=2, state_bits=24)


@dataclass(frozen=True)
class Deployed:
    """One trained network as integers of 4 bits, on the held-out windows.

    name     what it was, and what SBC took away of it
    trained  NRMSE, or accuracy in per cent, in floating point
    value    the same of the integers
    """

    task: str
    name: str
    seed: int
    trained: float
    value: float
    bits_per_synapse: float
    synapses: int
    sops_per_step: float
    cycles_per_step: float
    mismatches: int


@dataclass(frozen=True)
class Way:
    """How a trained network becomes integers.

    network    which of those that are compared
    sparsity   share of what is left of its weights that SBC removes as well
    settings   of the compressor
    """

    name: str
    network: str
    sparsity: float
    settings: CompressionSettings


#: Of a classifier that SBC prunes further: it is trained on through the rounding.
TUNED = CompressionSettings(fine_tune_epochs=40, fine_tune_rate=3e-3)


def forecasting_ways(models: dict[str, Model]) -> list[Way]:
    """Of networks before training; read-outs have weights of 8 bits unless they are named."""
    plain = Way("LNP, read-out of 4 bits", "LNP", 0.0, replace(FORECASTER, readout_bits=None))
    return [*_common_ways(models, FORECASTER), plain]


def deciding_ways(models: dict[str, Model]) -> list[Way]:
    """Likewise; one of them is trained on."""
    tuned = Way("LNP, half of it by SBC, trained on", "LNP", 0.5, TUNED)
    return [*_common_ways(models, DEFAULTS), tuned]


def _common_ways(models: dict[str, Model], settings: CompressionSettings) -> list[Way]:
    left = num_weights(models["LNP"]) / num_weights(models["dense"])
    return [
        Way("LNP", "LNP", 0.0, settings),
        Way("LNP, half of it by SBC", "LNP", 0.5, settings),
        Way("dense, SBC to LNP's synapses", "dense", 1 - left, settings),
    ]


def forecasting_integers(
    way: Way, model: Model, data: ForecastData, task: str, seed: int
) -> Deployed:
    """A trained forecaster through the compressor, compared bit for bit."""
    network, report = compress_forecaster(model, data.training, way.sparsity, way.settings)
    held_out = data.held_out
    found = forecast_error(network_values(network, held_out.events), held_out)
    before = model_error(model, held_out)
    return _deployed(way.name, task, seed, (before, found), network, report, held_out.events)


def deciding_integers(
    way: Way, model: Model, data: tuple[LabelledEvents, LabelledEvents], task: str, seed: int
) -> Deployed:
    """A trained classifier likewise; ``data`` are the training part and what is held out."""
    training, held_out = data
    settings = replace(way.settings, sparsity=share_removed(model, way.sparsity))
    network, report = compress(model, training, settings)
    decided = Simulator(network).run_batch(list(held_out.events.streams())).decisions
    scores = (decisions(model, held_out.events), decided)
    before, after = (100 * accuracy(found, held_out.labels) for found in scores)
    return _deployed(way.name, task, seed, (before, after), network, report, held_out.events)


def _deployed(
    name: str,
    task: str,
    seed: int,
    scores: tuple[float, float],
    network: Network,
    report: CompressionReport,
    events: EventWindows,
) -> Deployed:
    """The row of a network whose scores in floating point and in integers are known."""
    streams = list(events.streams())
    reference = ReferenceBackend()
    reference.load(network)
    expected = run_windows(reference, streams[:COMPARED], record=True)
    agreed, _ = compare(expected, SimulatorBackend(), network, streams[:COMPARED], record=True)
    batch = Simulator(network, CORE).run_batch(streams)
    steps = len(streams) * events.num_steps
    row = Deployed(
        task,
        name,
        seed,
        *scores,
        report.bits_per_synapse,
        network.num_synapses,
        float(batch.sops.sum()) / steps,
        float(batch.cycles.sum()) / steps,
        agreed.mismatches,
    )
    print(row, flush=True)
    return row
