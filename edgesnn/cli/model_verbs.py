"""Verbs that make and look at networks: compress, info, check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgesnn.cli.options import (
    BoardName,
    Json,
    NetworkFile,
    check_choice,
    check_outputs,
    find_board,
)
from edgesnn.cli.output import Output, json_line, percent
from edgesnn.errors import InputError, ModelFileError
from edgesnn.extras import needs_extra
from edgesnn.number_format import STATE_BITS

if TYPE_CHECKING:
    from edgesnn.compress.report import CompressionReport
    from edgesnn.event_windows import LabelledEvents
    from edgesnn.model import Model
    from edgesnn.network import Network


def _labelled(out: Output, model: Model, path: Path | None, held_out: bool) -> LabelledEvents:
    """Samples as events: from a file, or from the recipe that made the model."""
    from edgesnn.encoders import encoder_from_info
    from edgesnn.recipes import samples_for
    from edgesnn.samples import read_samples
    from edgesnn.streaming import check_windows, samples_per_window

    encoder = encoder_from_info(model.info)
    needed = samples_per_window(model, encoder)
    samples = samples_for(model.info, held_out) if path is None else read_samples(path, needed)
    check_windows(model, encoder, samples)
    report_left_over(out, samples.left_over, needed)
    if samples.labels is None:
        raise InputError(f"{path} must hold labels: an array 'labels', or a last column 'label'")
    return samples.labelled(encoder)


def compress(
    model: Annotated[Path, typer.Argument(help="A trained model.", exists=True, dir_okay=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The network (.esnn).", dir_okay=False)
    ] = Path("network.esnn"),
    sparsity: Annotated[
        float, typer.Option(help="Share of weights to remove, 0 <= SPARSITY < 1.")
    ] = 0.8,
    pruner: Annotated[
        str, typer.Option(help="How weights are chosen for removal; a wrong name lists them all.")
    ] = "activity",
    quantizer: Annotated[
        str, typer.Option(help="How weights become 4-bit integers; a wrong name lists them all.")
    ] = "nearest",
    tune_epochs: Annotated[
        int, typer.Option(min=0, help="Training after pruning, through 4-bit weights; 0: none.")
    ] = 40,
    state_bits: Annotated[
        int, typer.Option(help=f"Width of a membrane: {', '.join(map(str, STATE_BITS))}.")
    ] = 16,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="Labelled training samples. Default: those of the model's recipe.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            help="Labelled samples to measure on. Default: the recipe's held-out ones.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write the report as JSON.", dir_okay=False)
    ] = None,
    json: Json = False,
) -> None:
    """Compress a trained model to a sparse network with 4-bit weights.

    Example: edgesnn compress digits.model -o digits.esnn --sparsity 0.8
    """
    with needs_extra("compression", "train"):
        from edgesnn.compress.pipeline import CompressionSettings
        from edgesnn.compress.pipeline import compress as run
    from edgesnn import model_file
    from edgesnn.checkpoint import read_checkpoint
    from edgesnn.compress.prune import PRUNERS
    from edgesnn.compress.quantize import QUANTIZERS
    from edgesnn.files import write_whole

    out = Output(json)
    check_choice("a pruner", pruner, PRUNERS, "--pruner")
    check_choice("a quantizer", quantizer, QUANTIZERS, "--quantizer")
    check_choice("state bits", str(state_bits), map(str, STATE_BITS), "--state-bits")
    if not 0 <= sparsity < 1:
        raise typer.BadParameter(
            f"sparsity must be at least 0 and below 1, not {sparsity}", param_hint="--sparsity"
        )
    check_outputs(output, report)
    settings = CompressionSettings(
        sparsity=sparsity,
        pruner=pruner,
        quantizer=quantizer,
        tune_epochs=tune_epochs,
        state_bits=state_bits,
    )
    trained = read_checkpoint(model)
    training = _labelled(out, trained, samples, held_out=False)
    evaluation = None
    if evaluate is not None or samples is None:
        evaluation = _labelled(out, trained, evaluate, held_out=True)
    with out.progress("compress") as advance:
        network, found = run(
            trained, training, settings, evaluation, lambda step: advance(text=f"compress: {step}")
        )
    model_file.write(network, output)
    if report is not None:
        write_whole(report, (json_line(found.as_json()) + "\n").encode())
    show_compression(out, found)
    out.line(f"{output}: {network.num_synapses:,} synapses, {output.stat().st_size:,} bytes")
    out.result({"output": str(output), **found.as_json()})


def report_left_over(out: Output, left_over: int, needed: int) -> None:
    """Say that the last samples fill no window, if there are such."""
    if left_over:
        out.note(f"The last {left_over} sample(s) fill no window of {needed} and are left out.")


def show_compression(out: Output, report: CompressionReport) -> None:
    """The report as tables."""
    out.table(
        "Connections",
        ("connection", "weights", "synapses", "sparsity", "weight error", "weight_shift"),
        [
            (
                c.name,
                c.weights,
                c.synapses,
                percent(c.sparsity),
                percent(c.weight_error),
                c.weight_shift,
            )
            for c in report.layers
        ],
    )
    out.table(
        "Populations",
        ("population", "neurons", "membrane_bits", "spikes/step, float", "spikes/step, network"),
        [
            (p.name, p.size, p.membrane_bits, p.float_rate, p.network_rate)
            for p in report.populations
        ],
    )
    out.table(
        "Steps",
        ("after", "accuracy", "seconds"),
        [(s.name, percent(s.accuracy), s.seconds) for s in report.stages],
    )


def _describe(network: Network) -> dict[str, Any]:
    from edgesnn.network import LifPopulation

    names = [p.name for p in network.populations]
    return {
        "populations": [
            {
                "name": p.name,
                "size": p.size,
                "kind": "input"
                if not isinstance(p, LifPopulation)
                else "spiking"
                if p.spiking
                else "read-out",
            }
            for p in network.populations
        ],
        "connections": [
            {
                "source": names[c.source],
                "target": names[c.target],
                "synapses": c.synapses.num_synapses,
                "density": c.synapses.density,
                "weight_shift": c.weight_shift,
            }
            for c in network.connections
        ],
        "neurons": network.num_neurons,
        "synapses": network.num_synapses,
        "state_bits": network.state_bits,
        "event_limit": {"form": network.event_limit.form.name, "value": network.event_limit.value},
        "readout": {
            "population": names[network.readout.population],
            "rule": network.readout.rule.name,
            "window_steps": network.readout.window_steps,
        },
        "info": dict(network.info),
    }


def _is_checkpoint(path: Path) -> bool:
    from edgesnn.checkpoint import read_checkpoint

    try:
        read_checkpoint(path)
    except ModelFileError:
        return False
    return True


def info(network: NetworkFile, json: Json = False) -> None:
    """Show what is in a network file.

    Example: edgesnn info digits.esnn
    """
    from edgesnn import model_file

    out = Output(json)
    try:
        described = _describe(model_file.read(network))
    except ModelFileError:
        if _is_checkpoint(network):
            raise ModelFileError(
                f"{network} is a trained model in floating point; make a network of it with "
                f"edgesnn compress {network} -o NETWORK"
            ) from None
        raise
    out.table(
        "Populations",
        ("name", "size", "kind"),
        [tuple(p.values()) for p in described["populations"]],
    )
    out.table(
        "Connections",
        ("source", "target", "synapses", "density", "weight_shift"),
        [
            (c["source"], c["target"], c["synapses"], percent(c["density"]), c["weight_shift"])
            for c in described["connections"]
        ],
    )
    readout = described["readout"]
    out.line(
        f"{readout['population']!r} decides by {readout['rule']} over {readout['window_steps']} "
        f"steps; membranes of {described['state_bits']} bits; event limit "
        f"{described['event_limit']['form']} {described['event_limit']['value']}"
    )
    for key, value in described["info"].items():
        out.line(f"{key}: {json_line(value)}")
    out.result(described)


def check(network: NetworkFile, board: BoardName = "icebreaker", json: Json = False) -> None:
    """Check the design rules, and whether a network fits a board; exit code 3 if it does not.

    Example: edgesnn check digits.esnn --board icebreaker
    """
    from edgesnn import design_rules, model_file, placement

    out = Output(json)
    config = find_board(board).core_config
    read = model_file.read(network)
    design_rules.check(read)
    placed = placement.place(read, config.lanes)
    usage = placement.usage(placed, config)
    out.table(
        f"{network} on {board}",
        ("resource", "needed", "available", "fits"),
        [(u.name, u.needed, u.available, "yes" if u.fits else "NO") for u in usage],
    )
    placement.check_fits(placed, config)
    out.line("The design rules hold and the network fits.")
    out.result({"board": board, "fits": True, "usage": [dataclasses.asdict(u) for u in usage]})
