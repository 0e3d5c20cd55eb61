"""``compress``: calibrate, prune, tune, quantize, to integers; and the report of what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgesnn.compress.calibrate import Calibration, calibrate
from edgesnn.compress.prune import Mask, apply_masks, prune
from edgesnn.compress.quantize import QuantizedWeights, quantize
from edgesnn.compress.report import (
    CompressionReport,
    LayerReport,
    PopulationReport,
    StageReport,
)
from edgesnn.compress.to_integers import to_integers
from edgesnn.compress.tune import tune
from edgesnn.encoders import encoder_from_info
from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import EventLimit, Network
from edgesnn.number_format import STATE_BITS
from edgesnn.samples import accuracy
from edgesnn.simulator import BatchResult, Simulator
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import decisions

#: Called with the name of the step that starts, or with "tune 3/20" within it.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class CompressionSettings:
    """How to compress.

    sparsity         share of weights to remove, 0 <= sparsity < 1
    pruner           name in ``PRUNERS``
    quantizer        name in ``QUANTIZERS``
    tune_epochs      epochs of training with fixed masks; 0 for none
    tune_rate        learning rate of that training
    state_bits       width of the state word: 16, 18 or 24
    seed             of the training
    """

    sparsity: float = 0.8
    pruner: str = "activity"
    quantizer: str = "nearest"
    tune_epochs: int = 40
    tune_rate: float = 1e-2
    state_bits: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tune_epochs < 0 or not self.tune_rate > 0:
            raise InputError("tune_epochs must be at least 0 and tune_rate above 0")
        if self.state_bits not in STATE_BITS:
            raise InputError(f"state_bits must be one of {STATE_BITS}, not {self.state_bits}")


class _Stages:
    """Collects accuracy and time after each step."""

    def __init__(self, evaluation: LabelledEvents | None, progress: Progress | None) -> None:
        self.evaluation = evaluation
        self.progress = progress
        self.stages: list[StageReport] = []
        self.since = time.perf_counter()

    def begin(self, name: str) -> None:
        if self.progress is not None:
            self.progress(name)

    def end(self, name: str, decide: Callable[[LabelledEvents], npt.NDArray[np.int64]]) -> None:
        seconds = time.perf_counter() - self.since
        right = None
        if self.evaluation is not None:
            right = accuracy(decide(self.evaluation), self.evaluation.labels)
        self.stages.append(StageReport(name, right, seconds))
        self.since = time.perf_counter()

    def end_model(self, name: str, model: Model) -> None:
        self.end(name, lambda data: decisions(model, data.events))


def _layers(
    model: Model, quantized: tuple[QuantizedWeights, ...], network: Network
) -> tuple[LayerReport, ...]:
    shifts = {(c.source, c.target): c.weight_shift for c in network.connections}
    layers = []
    for c, q in zip(model.connections, quantized, strict=True):
        left = int(np.count_nonzero(q.codes))
        size = float(np.linalg.norm(c.weights)) or 1.0
        layers.append(
            LayerReport(
                name=model.name_of(c),
                weights=c.weights.size,
                synapses=left,
                sparsity=1 - left / c.weights.size,
                weight_error=float(np.linalg.norm(c.weights - q.values())) / size,
                weight_shift=shifts[c.source, c.target],
            )
        )
    return tuple(layers)


def _populations(
    model: Model, calibration: Calibration, network: Network, result: BatchResult
) -> tuple[PopulationReport, ...]:
    spikes = result.spike_counts.sum(axis=0) / result.counters.steps
    reports = []
    for index, p in enumerate(model.populations):
        if isinstance(p, ModelPopulation):
            reports.append(
                PopulationReport(
                    name=p.name,
                    size=p.size,
                    membrane_bits=network.populations[index].membrane_bits,  # type: ignore[union-attr]
                    float_rate=float(calibration.source_rates[index].mean()),
                    network_rate=float(spikes[network.neuron_slice(index)].mean()),
                )
            )
    return tuple(reports)


def compress(
    model: Model,
    samples: LabelledEvents,
    settings: CompressionSettings = CompressionSettings(),
    evaluation: LabelledEvents | None = None,
    progress: Progress | None = None,
) -> tuple[Network, CompressionReport]:
    """Compress ``model`` with the help of training samples.

    samples      calibrate and tune; training data, never those of the evaluation
    evaluation   only measured on, for the report; decides nothing

    Raises ``InputError`` for settings that cannot work and ``DesignRuleError`` if the result
    cannot be made safe against overflow.
    """
    stages = _Stages(evaluation, progress)
    stages.begin("calibrate")
    calibration = calibrate(model, samples.events)
    stages.end_model("float", model)

    stages.begin("prune")
    masks: tuple[Mask, ...] = prune(model, calibration, settings.sparsity, settings.pruner)
    pruned = apply_masks(model, masks)
    stages.end_model("pruned", pruned)

    if settings.tune_epochs:
        stages.begin("tune")
        training = TrainingSettings(
            epochs=settings.tune_epochs, learning_rate=settings.tune_rate, seed=settings.seed
        )
        pruned = tune(
            pruned,
            masks,
            samples,
            training,
            settings.quantizer,
            lambda epoch: stages.begin(f"tune {epoch.done}/{epoch.total}"),
        )
        stages.end_model("tuned", pruned)

    stages.begin("quantize")
    quantized = quantize(pruned, settings.quantizer)
    rounded = pruned.with_weights(tuple(q.values() for q in quantized))
    stages.end_model("4-bit", rounded)

    stages.begin("to integers")
    encoder = encoder_from_info(model.info)
    final_calibration = calibrate(rounded, samples.events)
    network = to_integers(
        rounded,
        quantized,
        final_calibration,
        EventLimit(value=encoder.max_events),
        settings.state_bits,
    )
    simulator = Simulator(network)
    stages.end("integer", lambda data: simulator.run_batch(list(data.events.streams())).decisions)
    if evaluation is not None:
        measured = {s.name: s.accuracy for s in stages.stages if s.name in ("float", "integer")}
        accuracies = {**measured, "samples": len(evaluation.labels)}
        network = replace(network, info={**network.info, "accuracy": accuracies})
    total = sum(c.weights.size for c in model.connections)
    report = CompressionReport(
        sparsity=1 - network.num_synapses / total,
        num_synapses=network.num_synapses,
        tuned_epochs=settings.tune_epochs,
        layers=_layers(pruned, quantized, network),
        populations=_populations(
            model, calibration, network, simulator.run_batch(list(samples.events.streams()))
        ),
        stages=tuple(stages.stages),
    )
    return network, report
