"""Accuracy before and after compression: one row for each model and way to compress."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benches.compression.fine_weights import fine_network
from benches.compression.models import (
    PER_CLASS,
    Trained,
    percent_right,
    percent_right_in_integers,
    trained,
)
from edgesnn.compress.allocate import allocate
from edgesnn.compress.pipeline import compress
from edgesnn.compress.prune import find_pruner, prune, pruned_model
from edgesnn.compress.settings import CompressionSettings
from edgesnn.compress.statistics import collect
from edgesnn.encoders import encoder_from_info
from edgesnn.network import EventLimit
from edgesnn.recipes.imu_digits import NUM_FOLDS
from edgesnn.recipes.saccade_mnist import load_real_recordings

#: Pruner and the quantizer of the same kind.
METHODS = {
    "sbc": "sbc-descent",
    "obc": "obc-descent",
    "activity": "nearest",
    "magnitude": "nearest",
}


@dataclass(frozen=True)
class Accuracies:
    """Of one model, in per cent of ``samples``; ``integer`` is that of the integer simulator."""

    name: str
    recipe: str
    seed: int
    float_accuracy: float
    pruned: float
    integer: float
    samples: int

    @property
    def loss(self) -> float:
        return self.float_accuracy - self.integer


@dataclass(frozen=True)
class Row(Accuracies):
    """One compression."""

    sparsity: float
    state_bits: int
    bits_per_synapse: float
    operations: float
    rate_error_before: float | None
    rate_error_after: float | None
    seconds: float


def compressed(
    found: Trained, name: str, recipe: str, seed: int, per_class: int = PER_CLASS, **settings: Any
) -> Row:
    """Compress with ``settings`` and measure on the held-out samples."""
    chosen = CompressionSettings(seed=seed, **settings)
    calibration = found.calibration(per_class, seed)
    began = time.perf_counter()
    _, report = compress(found.model, calibration, chosen, found.data.held_out)
    wall = time.perf_counter() - began
    right = {s.name: 100 * s.accuracy for s in report.stages if s.accuracy is not None}
    row = Row(
        name=name,
        recipe=recipe,
        seed=seed,
        float_accuracy=right["float"],
        pruned=right["pruned"],
        integer=right.get("matched", right["integer"]),
        sparsity=report.sparsity,
        state_bits=report.state_bits,
        bits_per_synapse=report.bits_per_synapse,
        operations=report.sops_per_inference,
        rate_error_before=report.rate_error_before,
        rate_error_after=report.rate_error_after,
        seconds=sum(s.seconds for s in report.stages),
        samples=len(found.data.held_out),
    )
    print(f"{name} {recipe} {seed}: {row.integer:.2f} ({row.loss:+.2f}), {wall:.0f} s", flush=True)
    return row


def floats(folder: Path, seeds: tuple[int, ...]) -> dict[str, list[float]]:
    """Accuracy of the float models, one number for each seed; folds are pooled."""
    result: dict[str, list[float]] = {}
    for recipe in ("digits", "mnist-rate", "saccade-mnist", "fsdd"):
        result[recipe] = [trained(folder, recipe, seed).accuracy for seed in seeds]
    real = load_real_recordings()
    result["saccade-mnist on real N-MNIST"] = [
        percent_right(trained(folder, "saccade-mnist", seed).model, real) for seed in seeds
    ]
    result["imu-digits"] = [
        float(np.mean([trained(folder, fold, seed).accuracy for fold in folds()])) for seed in seeds
    ]
    for name, values in result.items():
        print(name, values, flush=True)
    return result


def folds() -> list[str]:
    """The recipes of the cross-validation; their held-out parts are of one size."""
    return ["imu-digits", *(f"imu-digits-{fold}" for fold in range(1, NUM_FOLDS))]


def saccade_rows(folder: Path, seeds: tuple[int, ...]) -> list[Row]:
    """The table of pruning and rounding on saccade-mnist."""
    ways: dict[str, dict[str, Any]] = {}
    for bits in (4, 3):
        for quantizer in ("sbc-descent", "sbc", "obc", "nearest"):
            ways[f"{bits} bit, {quantizer}"] = {
                "sparsity": 0.0, "bits": bits, "quantizer": quantizer
            }  # fmt: skip
    for share in (0.9, 0.97):
        for pruner, quantizer in METHODS.items():
            ways[f"{100 * share:.0f} % and 4 bit, {pruner}"] = {
                "sparsity": share, "pruner": pruner, "quantizer": quantizer
            }  # fmt: skip
    rows = []
    for seed in seeds:
        found = trained(folder, "saccade-mnist", seed)
        rows += [
            compressed(found, name, "saccade-mnist", seed, **way) for name, way in ways.items()
        ]
    return rows


def alone_rows(folder: Path, seeds: tuple[int, ...]) -> list[Accuracies]:
    """97 % pruned as ``compress`` does, not rounded to 4 bits: ``integer`` has 8-bit weights."""
    rows = []
    for seed in seeds:
        found = trained(folder, "saccade-mnist", seed)
        rows += [pruned_alone(found, pruner, seed) for pruner in METHODS]
    return rows


def pruned_alone(found: Trained, pruner: str, seed: int) -> Accuracies:
    """Of saccade-mnist, by one method."""
    model, held_out = found.model, found.data.held_out
    settings = CompressionSettings(sparsity=0.97, pruner=pruner)
    events = found.calibration(PER_CLASS, seed).events
    objective = find_pruner(pruner).objective
    statistics = collect(model, events, () if objective is None else (objective,))
    kept = allocate(
        [c.parameters for c in model.connections],
        settings.sparsity,
        settings.allocation,
        exponent=settings.lamps_exponent,
    )
    pruned = prune(model, statistics, kept, pruner, settings.bias_correction)
    limit = EventLimit(value=encoder_from_info(model.info).max_events)
    row = Accuracies(
        name=f"97 %, {pruner}",
        recipe="saccade-mnist",
        seed=seed,
        float_accuracy=found.accuracy,
        pruned=percent_right(pruned_model(model, pruned), held_out),
        integer=percent_right_in_integers(fine_network(model, pruned, events, limit), held_out),
        samples=len(held_out),
    )
    print(row, flush=True)
    return row


def recurrent_rows(folder: Path, seeds: tuple[int, ...]) -> list[Row]:
    """Spoken digits and gestures, 80 % pruned and 4 bit."""
    rows = []
    for recipe in ("fsdd", *folds()):
        for seed in seeds:
            found = trained(folder, recipe, seed)
            for pruner, quantizer in METHODS.items():
                rows.append(
                    compressed(
                        found,
                        f"80 % and 4 bit, {pruner}",
                        recipe,
                        seed,
                        sparsity=0.8,
                        pruner=pruner,
                        quantizer=quantizer,
                    )
                )
    return rows


def calibration_rows(folder: Path, seeds: tuple[int, ...]) -> list[Row]:
    """97 % and 4 bit with fewer calibration samples."""
    return [
        compressed(
            trained(folder, "saccade-mnist", seed),
            f"{count} of each class",
            "saccade-mnist",
            seed,
            per_class=count,
            sparsity=0.97,
        )
        for count in (1, 10)
        for seed in seeds
    ]


#: What is changed, one thing at a time, at 97 % and 4 bit.
ABLATIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "biases do not move": {"bias_correction": False},
    "biases do not move, obc": {
        "bias_correction": False, "pruner": "obc", "quantizer": "obc-descent"
    },
    "columns instead of descent": {"quantizer": "sbc"},
    "nearest instead of descent": {"quantizer": "nearest"},
    "quantize first": {"order": "quantize-first"},
    "jointly": {"order": "joint"},
    "rates not matched": {"match_rates": False},
    "uniform allocation": {"allocation": "uniform"},
    "global magnitude allocation": {"allocation": "global-magnitude"},
    "LAMPS with p = 3": {"lamps_exponent": 3.0},
    "one scale for a layer": {"granularity": "layer"},
    "scales are powers of two": {"granularity": "power-of-two"},
    "scales to the largest weight": {"range": "max"},
    "scales by squared error times curvature": {"range": "hessian"},
}  # fmt: skip


def ablation_rows(folder: Path, seed: int) -> list[Row]:
    """Each choice by itself, on one seed."""
    found = trained(folder, "saccade-mnist", seed)
    return [
        compressed(found, name, "saccade-mnist", seed, **{"sparsity": 0.97, **change})
        for name, change in ABLATIONS.items()
    ]
