"""``compress``: collect, allocate, prune, quantize, to integers, match rates; and the report.

Every step is a pure function of its own module and can be used without this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from edgesnn import placement
from edgesnn.compress.allocate import allocate
from edgesnn.compress.fine_tune import fine_tune
from edgesnn.compress.grid import Grid
from edgesnn.compress.match_rates import Target, match_rates
from edgesnn.compress.prune import find_pruner, prune, pruned_model
from edgesnn.compress.quantize import connections_of, find_quantizer, quantize, quantized_model
from edgesnn.compress.refit import ReadoutFit, under_the_same_mask, with_fitted_readout
from edgesnn.compress.report import CompressionReport, StageReport
from edgesnn.compress.settings import CompressionSettings
from edgesnn.compress.statistics import Statistics, collect
from edgesnn.compress.summary import layer_reports, population_reports, shortages
from edgesnn.compress.to_integers import IntegerNetwork, to_integers
from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.encoders import encoder_from_info
from edgesnn.errors import InputError
from edgesnn.event_windows import EventTargets, EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.network import EventLimit, Network, ReadoutRule
from edgesnn.samples import accuracy
from edgesnn.simulator import Simulator
from edgesnn.train.objective import TrainingData
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.threads import torch_threads
from edgesnn.train.trainer import check_labels, decisions

DEFAULTS = CompressionSettings()
#: Windows in a step of fine-tuning, at most, and steps in an epoch, at least, if there are so many.
BATCH_SIZE, BATCHES = 64, 10
#: Called with the name of the step that starts, or with "fine-tune 3/20" within it.
Progress = Callable[[str], None]


class _Stages:
    """Collects accuracy and time after each step."""

    def __init__(
        self, evaluation: LabelledEvents | None, progress: Progress | None, threads: int
    ) -> None:
        self.evaluation = evaluation
        self.threads = threads
        self.progress = progress
        self.stages: list[StageReport] = []
        self.since = time.perf_counter()

    def begin(self, name: str) -> None:
        if self.progress is not None:
            self.progress(name)

    def end(self, name: str, decide: Callable[[EventWindows], npt.NDArray[np.int64]]) -> None:
        seconds = time.perf_counter() - self.since
        right = None
        if self.evaluation is not None:
            right = accuracy(decide(self.evaluation.events), self.evaluation.labels)
        self.stages.append(StageReport(name, right, seconds))
        self.since = time.perf_counter()

    def end_model(self, name: str, model: Model) -> None:
        self.end(name, lambda events: decisions(model, events, self.threads))


def compress(
    model: Model,
    samples: LabelledEvents,
    settings: CompressionSettings = DEFAULTS,
    evaluation: LabelledEvents | None = None,
    progress: Progress | None = None,
    cores: Mapping[str, CoreConfig] | None = None,
    training: TrainingData | None = None,
    refit: ReadoutFit | None = None,
) -> tuple[Network, CompressionReport]:
    """Compress ``model`` with the help of training samples.

    samples      calibrate; training data, never those of the evaluation
    evaluation   only measured on, for the report; decides nothing
    cores        of boards by name: the report says which of them the network fits
    training     for fine-tuning, with labels or with values; None: the samples. Nothing else looks
                 at labels.
    refit        fits the read-out anew, to what all other layers do as codes

    Raises ``InputError`` for settings that cannot work and samples that do not fit the model,
    before the first step; ``DesignRuleError`` if no weight_shift is safe against overflow.
    """
    if evaluation is not None and not len(evaluation):
        raise InputError("evaluation samples must be one window or more, not 0: leave them out")
    _check_windows(model, samples.events, "calibration")
    if len(samples) and not samples.events.num_events:
        raise InputError(
            "calibration windows must hold events, not none at all: check the encoder of the model "
            "and the units of the samples"
        )
    if evaluation is not None:
        _check_windows(model, evaluation.events, "evaluation")
        check_labels(model, evaluation, "evaluation labels")
    if training is not None:
        _check_windows(model, training.events, "training")
    tuned_on = samples if training is None else training
    if isinstance(tuned_on, LabelledEvents) and (training is not None or settings.fine_tune_epochs):
        check_labels(model, tuned_on, "training labels")
    with torch_threads(settings.threads):
        stages = _Stages(evaluation, progress, settings.threads)
        return _compress(model, samples, settings, stages, cores or {}, tuned_on, refit)


def _compress(
    model: Model,
    samples: LabelledEvents,
    settings: CompressionSettings,
    stages: _Stages,
    cores: Mapping[str, CoreConfig],
    training: TrainingData,
    refit: ReadoutFit | None,
) -> tuple[Network, CompressionReport]:
    names = [model.name_of(c) for c in model.connections]
    kept = allocate(
        [c.parameters for c in model.connections],
        settings.sparsity,
        settings.allocation,
        names,
        settings.lamps_exponent,
    )
    event_limit = EventLimit(value=encoder_from_info(model.info).max_events)
    grid = Grid(settings.bits, settings.granularity, settings.range)
    stages.begin("collect")
    statistics = collect(model, samples.events, _objectives(settings), settings.max_groups)
    stages.end_model("float", model)

    stages.begin("prune")
    pruned = prune(
        model,
        statistics,
        kept,
        settings.pruner,
        settings.bias_correction,
        settings.max_sops,
    )
    stages.end_model("pruned", pruned_model(model, pruned))

    stages.begin("quantize")
    on_codes = partial(
        quantize,
        method=settings.quantizer,
        grid=grid,
        order=settings.order,
        bias=settings.bias_correction,
        values=isinstance(training, EventTargets),
        readout_bits=settings.readout_bits,
    )
    quantized = on_codes(model, statistics, pruned)
    stages.end_model(f"{settings.bits}-bit", quantized_model(model, quantized))

    if settings.fine_tune_epochs:
        how = TrainingSettings(
            epochs=settings.fine_tune_epochs,
            batch_size=min(BATCH_SIZE, max(len(training) // BATCHES, 1)),
            learning_rate=settings.fine_tune_rate,
            threads=settings.threads,
            seed=settings.seed,
        )

        quantized = fine_tune(
            model,
            pruned,
            quantized,
            training,
            how,
            lambda epoch: stages.begin(f"fine-tune {epoch.done}/{epoch.total}"),
        )
        stages.end_model("fine-tuned", quantized_model(model, quantized))

    fitted = model
    if refit is not None:
        stages.begin("fit read-out")
        fitted, others_on_codes = with_fitted_readout(model, quantized, refit)
        heard = collect(others_on_codes, samples.events, _objectives(settings), settings.max_groups)
        for i, layer in enumerate(pruned):
            if layer.layer.target == model.readout.population:
                alone = replace(heard, layers=heard.layers[i : i + 1])
                mine = [under_the_same_mask(fitted, layer)]
                quantized[i : i + 1] = on_codes(fitted, alone, mine)
        stages.end_model("fitted", quantized_model(fitted, quantized))

    stages.begin("to integers")
    rounded = quantized_model(fitted, quantized)
    of_rounded = collect(rounded, samples.events, objectives=())
    found = to_integers(
        rounded,
        connections_of(quantized),
        of_rounded,
        event_limit,
        settings.state_bits,
    )
    network = _with_units(found, model.readout.population)
    stages.end("integer", lambda events: _decisions(network, events, settings.threads))
    before = after = None
    if settings.match_rates:
        stages.begin("match rates")
        # What was trained or fitted after the rounding is what the network should be like.
        trained = settings.fine_tune_epochs or refit is not None
        like, activity = (rounded, of_rounded) if trained else (model, statistics)
        target = Target(
            activity.rates,
            decisions(like, samples.events, settings.threads),
            _mean_accumulators(model, activity, found),
        )
        network, before, after = match_rates(network, samples.events, target, settings.threads)
        matched = network
        stages.end("matched", lambda events: _decisions(matched, events, settings.threads))
    network = _with_accuracy(network, stages)
    measured_on = samples if stages.evaluation is None else stages.evaluation
    batch = Simulator(network).run_batch(list(measured_on.events.streams()), settings.threads)
    placed = placement.place(network, lanes=1)
    windows = len(measured_on)
    report = CompressionReport(
        sparsity=1 - sum(int((q.codes != 0).sum()) for q in quantized) / _parameters(model),
        num_synapses=network.num_synapses,
        bits_per_synapse=placed.synapse_words[0] * WORD_BITS / max(network.num_synapses, 1),
        state_bits=network.state_bits,
        fine_tune_epochs=settings.fine_tune_epochs,
        rate_error_before=before.rate_error if before else None,
        rate_error_after=after.rate_error if after else None,
        agreement_before=before.agreement if before else None,
        agreement_after=after.agreement if after else None,
        spikes_per_inference=float(batch.spike_counts.sum()) / windows,
        sops_per_inference=float(batch.sops.sum()) / windows,
        settings=asdict(settings),
        layers=layer_reports(model, quantized, placed),
        populations=population_reports(
            model,
            statistics,
            replace(found, network=network),
            samples.events,
            settings.threads,
        ),
        stages=tuple(stages.stages),
        boards=shortages(network, cores),
    )
    return network, report


def _check_windows(model: Model, events: EventWindows, what: str) -> None:
    """Raise ``InputError`` unless windows are as long as those that the read-out decides on."""
    steps = model.readout.window_steps
    if events.num_steps != steps:
        raise InputError(
            f"{what} windows must have {steps} time steps, the read-out's window, "
            f"not {events.num_steps}: cut them as for training"
        )


def _objectives(settings: CompressionSettings) -> tuple[str, ...]:
    """The Hessians that pruner and quantizer need."""
    pruner = find_pruner(settings.pruner).objective if settings.sparsity else None
    names = {pruner, find_quantizer(settings.quantizer).objective}
    return tuple(sorted(name for name in names if name is not None))


def _parameters(model: Model) -> int:
    return sum(c.parameters.size for c in model.connections)


def _decisions(network: Network, events: EventWindows, threads: int) -> npt.NDArray[np.int64]:
    return Simulator(network).run_batch(list(events.streams()), threads).decisions


def _with_units(found: IntegerNetwork, readout: int) -> Network:
    """What 1 in the membrane of each read-out neuron means in the model travels with the network:
    where values are read out, not decisions, they are multiplied with it."""
    units = found.units[readout]
    assert units is not None  # a read-out is neurons
    return replace(found.network, info={**found.network.info, "readout_units": units.tolist()})


def _with_accuracy(network: Network, stages: _Stages) -> Network:
    """The measured accuracies travel with the network."""
    if stages.evaluation is None:
        return network
    measured = {s.name: s.accuracy for s in stages.stages}
    accuracies = {
        "float": measured["float"],
        "integer": measured.get("matched", measured["integer"]),
        "samples": len(stages.evaluation),
    }
    return replace(network, info={**network.info, "accuracy": accuracies})


def _mean_accumulators(
    model: Model, statistics: Statistics, found: IntegerNetwork
) -> npt.NDArray[np.float64] | None:
    """Mean accumulators of the float model's read-out, in units of the network's membranes."""
    unit = found.units[model.readout.population]
    if unit is None or model.readout.rule is ReadoutRule.SPIKE_COUNT:
        return None
    means = statistics.mean_v[model.readout.population]
    steps = model.readout.window_steps
    return means * steps / unit if model.readout.rule is ReadoutRule.MEMBRANE_SUM else None
