"""Trained networks as integers: what they lose, and what they cost the core."""

from __future__ import annotations

from dataclasses import dataclass

from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport
from edgesnn.compress.settings import CompressionSettings
from edgesnn.core_config import CoreConfig
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recurrent.deploy import (
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


def to_deploy(models: dict[str, Model]) -> list[tuple[str, str, float]]:
    """What becomes integers: its name, the network that it was, and the share that SBC removes."""
    left = num_weights(models["LNP"]) / num_weights(models["dense"])
    return [
        ("LNP", "LNP", 0.0),
        ("LNP, half of it by SBC", "LNP", 0.5),
        ("dense, SBC to LNP's synapses", "dense", 1 - left),
    ]


def forecasting_integers(
    name: str,
    model: Model,
    sparsity: float,
    data: ForecastData,
    task: str,
    seed: int,
) -> Deployed:
    """A trained forecaster through the compressor, compared bit for bit."""
    network, report = compress_forecaster(model, data.training, sparsity)
    held_out = data.held_out
    found = forecast_error(network_values(network, held_out.events), held_out)
    before = model_error(model, held_out)
    return _deployed(name, task, seed, (before, found), network, report, held_out.events)


def deciding_integers(
    name: str,
    model: Model,
    sparsity: float,
    data: tuple[LabelledEvents, LabelledEvents],
    task: str,
    seed: int,
) -> Deployed:
    """A trained classifier likewise; ``data`` are the training part and what is held out."""
    training, held_out = data
    removed = share_removed(model, sparsity)
    network, report = compress(model, training, CompressionSettings(sparsity=removed))
    decided = Simulator(network).run_batch(list(held_out.events.streams())).decisions
    scores = (decisions(model, held_out.events), decided)
    before, after = (100 * accuracy(found, held_out.labels) for found in scores)
    return _deployed(name, task, seed, (before, after), network, report, held_out.events)


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
