"""The figures and the Markdown page of the bench."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from benches.compression.accuracy import Accuracies, Row
from benches.compression.jitter import JitterRow
from benches.compression.speed import Against, SizeRow
from benches.compression.storage import StorageRow

AnyRow = TypeVar("AnyRow", bound=Accuracies)


@dataclass(frozen=True)
class Measured:
    """All that one run of the bench found."""

    floats: dict[str, list[float]]
    saccade: list[Row]
    alone: list[Accuracies]
    recurrent: list[Row]
    calibration: list[Row]
    ablations: list[Row]
    sizes: list[SizeRow]
    against: Against
    storage: list[StorageRow]
    jitter: list[JitterRow]


def mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _of(rows: list[AnyRow], name: str, recipe: str = "") -> list[AnyRow]:
    return [r for r in rows if r.name == name and r.recipe.startswith(recipe)]


def _integer(row: Accuracies) -> float:
    return row.integer


def _loss(rows: Sequence[Accuracies], value: Callable[[Accuracies], float] = _integer) -> float:
    """Mean loss in points; rows of different sizes count by their samples."""
    sizes = [r.samples for r in rows]
    return float(np.average([r.float_accuracy - value(r) for r in rows], weights=sizes))


def _ahead(rows: list[AnyRow], one: str, other: str) -> float:
    """Mean points by which ``one`` is more often right in integers than ``other``."""
    return _loss(_of(rows, other)) - _loss(_of(rows, one))


def figures(m: Measured) -> dict[str, float]:
    """The named figures; accuracies in per cent, losses in points."""
    name97 = "97 % and 4 bit, "
    found = {
        "digits_float_accuracy": mean(m.floats["digits"]),
        "mnist_float_accuracy": mean(m.floats["mnist-rate"]),
        "saccade_float_accuracy": mean(m.floats["saccade-mnist"]),
        "saccade_real_nmnist_accuracy": mean(m.floats["saccade-mnist on real N-MNIST"]),
        "saccade_4bit_loss": _loss(_of(m.saccade, "4 bit, sbc-descent")),
        "saccade_3bit_loss": _loss(_of(m.saccade, "3 bit, sbc-descent")),
        "saccade_97_loss": _loss(_of(m.alone, "97 %, sbc")),
        "saccade_90_4bit_loss": _loss(_of(m.saccade, "90 % and 4 bit, sbc")),
        "saccade_97_4bit_loss": _loss(_of(m.saccade, name97 + "sbc")),
        "saccade_sbc97_minus_obc97": _ahead(m.alone, "97 %, sbc", "97 %, obc"),
        "saccade_sbc97_minus_magnitude97": _ahead(m.alone, "97 %, sbc", "97 %, magnitude"),
        "saccade_sbc97_4bit_minus_obc97_4bit": _ahead(m.saccade, name97 + "sbc", name97 + "obc"),
        "saccade_sbc97_4bit_minus_magnitude97_4bit": _ahead(
            m.saccade, name97 + "sbc", name97 + "magnitude"
        ),
        "saccade_97_4bit_10_per_class_loss": _loss(_of(m.calibration, "10 of each class")),
        "saccade_97_10_per_class_loss": _loss(
            _of(m.calibration, "10 of each class"), lambda r: r.pruned
        ),
        "fsdd_float_accuracy": mean(m.floats["fsdd"]),
        "fsdd_80_4bit_loss": _loss(_of(m.recurrent, "80 % and 4 bit, sbc", "fsdd")),
        "imu_float_accuracy": mean(m.floats["imu-digits"]),
        "imu_80_4bit_loss": _loss(_of(m.recurrent, "80 % and 4 bit, sbc", "imu-digits")),
        "compress_seconds_2312": m.against.one_shot_seconds,
        "iterative_seconds_2312": m.against.iterative_seconds,
        "iterative_97_4bit_accuracy": m.against.iterative_accuracy,
        "one_shot_97_4bit_accuracy": m.against.one_shot_accuracy,
    }
    return {name: round(value, 3) for name, value in found.items()}


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(str(c) for c in row) + " |" for row in rows), ""]


def _points(rows: Sequence[Accuracies], value: Callable[[Accuracies], float] = _integer) -> str:
    losses = [r.float_accuracy - value(r) for r in rows]
    return f"{_loss(rows, value):.2f} ({min(losses):.2f} to {max(losses):.2f})"


def _names(rows: Sequence[Accuracies]) -> list[str]:
    return list(dict.fromkeys(r.name for r in rows))


def _words(rows: list[Row]) -> str:
    """Widths of the state word."""
    return ", ".join(str(bits) for bits in sorted({r.state_bits for r in rows}))


def against_rows(m: Measured) -> list[tuple[str, str, str, str]]:
    """One shot and iterative pruning of one model: seconds, accuracy pruned and in integers."""
    # One shot is also a row of the table above, of the same model, samples and settings.
    (same,) = [r for r in _of(m.saccade, "97 % and 4 bit, sbc") if r.seed == 0]
    return [
        (
            "one shot, calibration included",
            f"{m.against.one_shot_seconds:.0f}",
            f"{same.pruned:.2f}",
            f"{m.against.one_shot_accuracy:.2f}",
        ),
        (
            "iterative",
            f"{m.against.iterative_seconds:.0f}",
            f"{m.against.iterative_pruned_accuracy:.2f}",
            f"{m.against.iterative_accuracy:.2f}",
        ),
    ]


def page(result: dict[str, Any], m: Measured) -> str:
    """The measurements as Markdown."""
    lines = [
        "# What compression costs",
        "",
        "Generated by `make results-compression`; do not edit.",
        "",
        f"Machine: {result['machine']}. Commit: {result['commit']}.",
        "",
        "Means over seeds 0, 1 and 2 of training and calibration, with the range over seeds in",
        "brackets. At most 100 calibration samples of each class, from the training data;",
        "accuracies are those on held-out samples, in per cent, and decide nothing. `integer` is",
        "the integer simulator, whose bits are those of the board; `pruned` is in floating point.",
        "The data are described with the recipes: `edgesnn data`.",
        "",
        "## Float models",
        "",
        *_table(
            ("recipe", "accuracy", "seeds"),
            [
                (name, f"{mean(v):.2f}", ", ".join(f"{x:.2f}" for x in v))
                for name, v in m.floats.items()
            ],
        ),
        "Imu-digits is pooled over its four folds; each fold chose its settings on its own "
        "training",
        "part ([gestures](gestures.md)).",
        "",
        "## Event camera: saccade-mnist, 2312-256-10",
        "",
        "Losses in points against the float model. OBC and SBC let biases make up for losses.",
        "",
        *_table(
            ("way", "pruned, float", "integer", "word", "bits/synapse", "operations", "seconds"),
            [
                (
                    name,
                    _points(rows, lambda r: r.pruned),
                    _points(rows),
                    _words(rows),
                    f"{mean([r.bits_per_synapse for r in rows]):.1f}",
                    f"{mean([r.operations for r in rows]):,.0f}",
                    f"{mean([r.seconds for r in rows]):.0f}",
                )
                for name in _names(m.saccade)
                for rows in [_of(m.saccade, name)]
            ],
        ),
        "## Pruning alone, at 97 %",
        "",
        "Saccade-mnist again, pruned weights as they are. In integers a weight has 8 bits: two",
        "synapses of 4 bits, in two connections whose shifts differ by 4; nothing is tuned.",
        "",
        *_table(
            ("way", "pruned, float", "integer"),
            [
                (name, _points(rows, lambda r: r.pruned), _points(rows))
                for name in _names(m.alone)
                for rows in [_of(m.alone, name)]
            ],
        ),
        "## One choice at a time, at 97 % and 4 bit",
        "",
        "Seed 0. The row *as it is* has the defaults.",
        "",
        *_table(
            ("change", "pruned loss", "integer loss"),
            [(r.name, f"{r.float_accuracy - r.pruned:.2f}", f"{r.loss:.2f}") for r in m.ablations],
        ),
        "## Fewer calibration samples, at 97 % and 4 bit",
        "",
        *_table(
            ("samples", "pruned loss", "integer loss"),
            [
                (name, _points(rows, lambda r: r.pruned), _points(rows))
                for name, rows in [
                    *((n, _of(m.calibration, n)) for n in _names(m.calibration)),
                    ("100 of each class", _of(m.saccade, "97 % and 4 bit, sbc")),
                ]
            ],
        ),
        "## Recurrent networks, 80 % and 4 bit",
        "",
        *_table(
            (
                "recipe",
                "way",
                "pruned loss",
                "integer loss",
                "word",
                "rate error",
                "after matching",
            ),
            [
                (
                    recipe,
                    name,
                    _points(rows, lambda r: r.pruned),
                    _points(rows),
                    _words(rows),
                    f"{100 * mean([r.rate_error_before or 0 for r in rows]):.2f} %",
                    f"{100 * mean([r.rate_error_after or 0 for r in rows]):.2f} %",
                )
                for recipe in ("fsdd", "imu-digits")
                for name in _names(m.recurrent)
                for rows in [_of(m.recurrent, name, recipe)]
            ],
        ),
        "A fold of imu-digits has 100 held-out samples, so one sample is one point in the ranges.",
        "",
        "## Time",
        "",
        "A layer of so many inputs and 256 neurons (the busiest inputs of saccade-mnist), 97 % and",
        "4 bit, 1,000 calibration windows of 30 steps; in seconds. ExactOBS, row by row, is the",
        "pruning alone; it was measured on some rows and multiplied.",
        "",
        *_table(
            ("inputs", "collect", "prune", "quantize", "all", "ExactOBS", "rows measured"),
            [
                (
                    s.inputs,
                    f"{s.collect:.1f}",
                    f"{s.prune:.1f}",
                    f"{s.quantize:.1f}",
                    f"{s.collect + s.prune + s.quantize:.1f}",
                    f"{s.exact:,.0f}",
                    s.exact_rows,
                )
                for s in m.sizes
            ],
        ),
        f"Iterative magnitude pruning of saccade-mnist to 97 %, {m.against.rounds} rounds of "
        f"{m.against.epochs_of_a_round} epoch each, then 4 bit, next to one shot (seed 0):",
        "",
        *_table(
            ("", "seconds", "pruned accuracy", "integer accuracy"),
            against_rows(m),
        ),
        "## Storage",
        "",
        "Bits for each synapse that is left, row tables included; saccade-mnist, seed 0, one lane.",
        "",
        *_table(
            ("sparsity", "memory image", "dense 4 bit", "rows with 12-bit index", "entropy limit"),
            [
                (
                    f"{100 * s.sparsity:.1f} %",
                    f"{s.image:.2f}",
                    f"{s.dense:.2f}",
                    f"{s.indexed:.2f}",
                    f"{s.entropy:.2f}",
                )
                for s in m.storage
            ],
        ),
        "## Jitter",
        "",
        "One layer of 64 inputs and 32 neurons that reset to zero, relative squared van Rossum",
        "distance on other windows than those of calibration; *plain* is magnitude, or rounding to",
        "the nearest code. Inputs of a group fire together, or with delays of 0 to 7 steps.",
        "",
        *_table(
            ("inputs", "time constant", "task", "plain", "OBC", "SBC"),
            [
                (
                    "jittered" if j.jittered else "synchronous",
                    j.tau,
                    j.task,
                    f"{j.errors['plain']:.3f}",
                    f"{j.errors['obc']:.3f}",
                    f"{j.errors['sbc']:.3f}",
                )
                for j in m.jitter
            ],
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"
