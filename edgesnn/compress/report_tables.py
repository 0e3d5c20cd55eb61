"""The report as tables and sentences: the same ones on a terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgesnn.compress.report import CompressionReport

Cell = int | float | str | None


@dataclass(frozen=True)
class ReportTable:
    """A table of the report.

    note   what its columns mean, for readers who have room
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Sequence[Cell], ...]


def percent(share: float | None) -> str | None:
    """``97.33 %``"""
    return None if share is None else f"{100 * share:.2f} %"


def text_of(cell: Cell) -> str:
    """A cell for readers: four digits, thousands apart, a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 10_000 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def steps(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Steps",
        "Accuracy on the evaluation samples after each step; those samples decide nothing.",
        ("after", "accuracy", "seconds"),
        tuple((s.name, percent(s.accuracy), round(s.seconds, 2)) for s in report.stages),
    )


def connections(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Connections",
        "A convolution's parameter makes many synapses. The weight error is the norm of the "
        "change relative to that of the weights. It is large where few weights are left: "
        "second-order methods keep the membranes right, not the weights.",
        ("connection", "weights", "kept", "sparsity", "synapses", "weight error", "shift"),
        tuple(
            (
                c.name,
                c.weights,
                c.kept,
                percent(c.sparsity),
                c.synapses,
                percent(c.weight_error),
                c.weight_shift,
            )
            for c in (*report.layers, report.total())
        ),
    )


def storage(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Bits per synapse",
        "In the memory image of one lane, row starts included, next to a dense matrix of 4 bits, "
        "compressed sparse rows with 12 bits of index and 4 of weight (row starts included), and "
        "the entropy of places and codes, which no code goes below that knows only how frequent "
        "they are.",
        ("connection", "image", "dense", "12-bit index", "entropy limit"),
        tuple(
            (c.name, c.bits_per_synapse, c.dense_bits, c.indexed_bits, c.entropy_bits)
            for c in (*report.layers, report.total())
        ),
    )


def populations(report: CompressionReport) -> ReportTable:
    exact = {None: "none", True: "own", False: "merged"}
    return ReportTable(
        "Populations",
        "Rates are spikes per neuron and step, on the calibration samples. Bits: of the membrane. "
        "Decays: whether the Hessian used each neuron's own decay, or one merged from several.",
        ("population", "neurons", "bits", "decays", "rate, model", "network"),
        tuple(
            (
                p.name,
                p.size,
                p.membrane_bits,
                exact[p.exact_decays],
                round(p.float_rate, 4),
                round(p.network_rate, 4),
            )
            for p in report.populations
        ),
    )


def distances(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Distance of the network from the model",
        "On the first 100 calibration windows. Membranes and spike trains (van Rossum): squared "
        "difference over all steps, relative to the model's own size. CKA compares what "
        "populations tell apart, step by step: 1 is the same, 0 unrelated.",
        ("population", "membranes", "spike trains", "CKA"),
        tuple(
            (
                p.name,
                percent(p.membrane_error),
                percent(p.van_rossum_error),
                None if p.cka is None else round(p.cka, 4),
            )
            for p in report.populations
        ),
    )


def work(report: CompressionReport) -> ReportTable:
    figures: list[tuple[float, ...]] = [
        (p.float_spikes, p.network_spikes, p.float_sops, p.network_sops) for p in report.populations
    ]
    figures.append(tuple(sum(column) for column in zip(*figures, strict=True)))
    names = [*(p.name for p in report.populations), "all"]
    return ReportTable(
        "Work for one decision",
        "On the calibration samples. A synaptic operation adds one weight that is not 0 to one "
        "membrane; the model's are those that its spikes would cause before pruning.",
        ("population", "spikes, model", "network", "operations, model", "network"),
        tuple((name, *(round(f) for f in of)) for name, of in zip(names, figures, strict=True)),
    )


def boards(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Boards",
        "What is short: needed of available.",
        ("board", "fits", "short of"),
        tuple(
            (name, "no" if short else "yes", "; ".join(short) or None)
            for name, short in report.boards.items()
        ),
    )


def settings(report: CompressionReport) -> ReportTable:
    return ReportTable(
        "Settings",
        "",
        ("setting", "value"),
        tuple(
            (name, "-" if value is None else str(value)) for name, value in report.settings.items()
        ),
    )


def sentences(report: CompressionReport) -> list[str]:
    """What the whole comes to, and what the correction of thresholds gained."""
    found = [
        f"{report.num_synapses:,} synapses at {report.bits_per_synapse:.1f} bits, membranes of "
        f"{report.state_bits} bits; {report.spikes_per_inference:,.0f} spikes and "
        f"{report.sops_per_inference:,.0f} synaptic operations for one decision"
    ]
    if report.rate_error_before is not None and report.rate_error_after is not None:
        text = (
            f"Corrected thresholds: firing rates {percent(report.rate_error_before)} off before, "
            f"{percent(report.rate_error_after)} after"
        )
        if report.agreement_before is not None and report.agreement_after is not None:
            text += (
                f"; decisions like the model's on {percent(report.agreement_before)} of the "
                f"calibration samples before, {percent(report.agreement_after)} after"
            )
        found.append(text)
    return found
