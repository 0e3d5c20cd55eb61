"""The verb that compresses a trained model, and how its report looks on a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import (
    DataFolder,
    Json,
    check_choice,
    check_outputs,
    report_left_over,
    share_cores,
)
from edgesnn.cli.output import Output, json_line
from edgesnn.compress import settings as names
from edgesnn.errors import InputError
from edgesnn.extras import needs_extra
from edgesnn.number_format import STATE_BITS

if TYPE_CHECKING:
    from edgesnn.compress.refit import ReadoutFit
    from edgesnn.compress.report import CompressionReport
    from edgesnn.event_windows import EventTargets, LabelledEvents
    from edgesnn.model import Model
    from edgesnn.network import Network
    from edgesnn.recurrent.tasks import ForecastData

#: Points of accuracy; more lost ones are remarked on.
ACCEPTABLE_LOSS = 2.0
#: What a user writes for the width that the compressor chooses.
AUTO = "auto"


def _listed(known: tuple[str, ...]) -> str:
    return f"One of {', '.join(known)}."


def _from_file(out: Output, model: Model, path: Path) -> LabelledEvents:
    """Labelled samples of a file as events of the model's encoder."""
    from edgesnn.encoders import encoder_from_info
    from edgesnn.samples import read_samples
    from edgesnn.streaming import check_windows, samples_per_window

    encoder = encoder_from_info(model.info)
    needed = samples_per_window(model, encoder)
    samples = read_samples(path, needed)
    check_windows(model, encoder, samples)
    report_left_over(out, samples.left_over, needed)
    if samples.labels is None:
        raise InputError(f"{path} must hold labels: an array 'labels', or a last column 'label'")
    return samples.labelled(encoder)


def _samples(
    out: Output, model: Model, samples: Path | None, evaluate: Path | None, data: Path | None
) -> tuple[LabelledEvents, LabelledEvents | None]:
    """Training and evaluation samples: from files, or from the recipe that made the model."""
    from edgesnn.recipes import recipe_of

    given = None if evaluate is None else _from_file(out, model, evaluate)
    if samples is not None:
        return _from_file(out, model, samples), given
    with out.progress("data", 0) as advance:
        found = recipe_of(model.info).load(data, lambda done, total: advance(done, total=total))
    return found.training, found.held_out if given is None else given


def _forecast(model: Model, data: Path | None) -> ForecastData | None:
    """Windows of the series that a forecaster was made for; None of other models."""
    if "forecast" not in model.info:
        return None
    with needs_extra("forecasts", "recurrent"):
        from edgesnn.recurrent.tasks import forecast_of
    task, seed = forecast_of(model.info)
    return task.load(seed, data)


def _nrmse(model: Model, network: Network, held_out: EventTargets) -> tuple[float, float]:
    """Errors of the model and of the network on held-out windows of their series."""
    from edgesnn.recurrent.deploy import forecast_error, model_error, network_values

    found = forecast_error(network_values(network, held_out.events), held_out)
    return model_error(model, held_out), found


def _check_different(model: Path, *outputs: Path | None) -> None:
    """Raise a usage error if a file would be written over another one of this command."""
    files = [model, *(path for path in outputs if path is not None)]
    if len({path.resolve() for path in files}) != len(files):
        raise typer.BadParameter(
            "the model, --output, --report and --html must be different files, not "
            + ", ".join(str(path) for path in files)
        )


def _points_lost(report: CompressionReport) -> float | None:
    """Accuracy of the model less that of the network, in per cent; None if not measured."""
    before, after = report.stages[0].accuracy, report.stages[-1].accuracy
    return None if before is None or after is None else 100 * (before - after)


def compress(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A trained model.", exists=True, dir_okay=False),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The network (.esnn).", dir_okay=False)
    ] = Path("network.esnn"),
    sparsity: Annotated[
        float, typer.Option(help="Share of weights to remove, 0 <= SPARSITY < 1.")
    ] = 0.8,
    allocation: Annotated[
        str, typer.Option(help=f"Sparsity of each layer. {_listed(names.ALLOCATIONS)}")
    ] = "lamps",
    lamps_exponent: Annotated[
        float, typer.Option(help="p of the allocation lamps; 3 suits deep networks.")
    ] = 2.0,
    pruner: Annotated[
        str, typer.Option(help=f"Which weights go. {_listed(names.PRUNER_NAMES)}")
    ] = "sbc",
    max_sops: Annotated[
        float | None,
        typer.Option(help="Synaptic operations of a time step, at most; default: any number."),
    ] = None,
    quantizer: Annotated[
        str, typer.Option(help=f"How weights are rounded. {_listed(names.QUANTIZER_NAMES)}")
    ] = "sbc-descent",
    order: Annotated[
        str, typer.Option(help=f"Of pruning and rounding. {_listed(names.ORDER_NAMES)}")
    ] = "prune-first",
    bits: Annotated[int, typer.Option(help="Of a weight: 2, 3 or 4.")] = 4,
    readout_bits: Annotated[
        int | None,
        typer.Option(
            help="Of a weight of the read-out: 2, 3, 4, or 8 as two synapses of 4. Default: as "
            "--bits."
        ),
    ] = None,
    granularity: Annotated[
        str, typer.Option(help=f"What shares a scale. {_listed(names.GRANULARITIES)}")
    ] = "row",
    range: Annotated[
        str, typer.Option(help=f"How a scale is chosen. {_listed(names.RANGES)}")
    ] = "mse",
    bias_correction: Annotated[
        bool, typer.Option(help="Biases make up for what pruning and rounding change.")
    ] = True,
    max_groups: Annotated[
        int, typer.Option(min=1, help="Hessians of a layer whose neurons differ in their decays.")
    ] = names.MAX_GROUPS,
    calibration: Annotated[
        int, typer.Option(min=1, help="Training samples of each class that are looked at.")
    ] = 100,
    match_rates: Annotated[
        bool | None,
        typer.Option(
            "--match-rates/--no-match-rates",
            help="Correct thresholds until firing rates are the model's. Default: yes, but not of "
            "forecasters, whose read-out was fitted to the rates as they are.",
        ),
    ] = None,
    fine_tune: Annotated[
        int, typer.Option(min=0, help="Epochs of training through the rounding afterwards.")
    ] = 0,
    fine_tune_rate: Annotated[float, typer.Option(help="Learning rate of that training.")] = 1e-3,
    state_bits: Annotated[
        str, typer.Option(help=f"Width of a membrane: {AUTO}, {', '.join(map(str, STATE_BITS))}.")
    ] = AUTO,
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
    data: DataFolder = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the calibration samples.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Cores to use.")] = 2,
    report: Annotated[
        Path | None, typer.Option(help="Also write the report as JSON.", dir_okay=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Also write the report as a page with pictures.", dir_okay=False),
    ] = None,
    json: Json = False,
) -> None:
    """Compress a trained model to a sparse network with 4-bit weights.

    Files are written when all is done, each whole or not at all, the network last.
    Example: edgesnn compress digits.model -o digits.esnn --sparsity 0.8
    """
    out = Output(json)
    check_choice("state bits", state_bits, [AUTO, *map(str, STATE_BITS)], "--state-bits")
    try:
        settings = names.CompressionSettings(
            sparsity=sparsity,
            allocation=allocation,
            lamps_exponent=lamps_exponent,
            pruner=pruner,
            max_sops=max_sops,
            quantizer=quantizer,
            order=order,
            bits=bits,
            readout_bits=readout_bits,
            granularity=granularity,
            range=range,
            bias_correction=bias_correction,
            max_groups=max_groups,
            match_rates=match_rates is not False,
            fine_tune_epochs=fine_tune,
            fine_tune_rate=fine_tune_rate,
            state_bits=None if state_bits == AUTO else int(state_bits),
            threads=threads,
            seed=seed,
        )
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    _check_different(model, output, report, html)
    check_outputs(output, report, html)
    share_cores()
    with needs_extra("compression", "train"):
        from edgesnn.compress.pipeline import compress as run
        from edgesnn.compress.summary import picture_data
    if html is not None:
        with needs_extra("the report as a page", "report"):
            from edgesnn.compress.report_page import page
    from edgesnn import model_file
    from edgesnn.checkpoint import read_checkpoint
    from edgesnn.event_windows import LabelledEvents
    from edgesnn.files import write_whole
    from edgesnn_boards import all_boards

    trained = read_checkpoint(model)
    training: LabelledEvents | EventTargets
    refit: ReadoutFit | None = None
    series = _forecast(trained, data) if samples is None else None
    if series is None:
        training, evaluation = _samples(out, trained, samples, evaluate, data)
        chosen = training.per_class(calibration, seed)
    elif evaluate is not None:
        raise typer.BadParameter(
            "a model that forecasts has no labels to count by: leave out --evaluate (its error on "
            "held-out windows is measured without it)"
        )
    else:
        from edgesnn.recurrent.readout import fit_to

        training, evaluation, refit = series.training, None, fit_to(series.training)
        settings = replace(settings, match_rates=bool(match_rates))
        chosen = LabelledEvents.of_one_class(training.events).per_class(calibration, seed)
    with out.progress("compress") as advance:
        network, found = run(
            trained,
            chosen,
            settings,
            evaluation,
            lambda step: advance(text=f"compress: {step}"),
            cores={board.name: board.core_config for board in all_boards()},
            training=training,
            refit=refit,
        )
        shown = b""
        if html is not None:
            advance(text="compress: page")
            pictures = picture_data(trained, network, chosen.events, threads)
            shown = page(found, pictures, f"Compression of {model.name}").encode(errors="replace")
    if report is not None:
        write_whole(report, (json_line(found.as_json()) + "\n").encode())
    if html is not None:
        write_whole(html, shown)
    model_file.write(network, output)
    show_compression(out, found)
    errors: dict[str, float] = {}
    if series is not None:
        before, after = _nrmse(trained, network, series.held_out)
        errors = {"nrmse_before": before, "nrmse_after": after}
        out.line(f"NRMSE on held-out windows: {before:.4f} before, {after:.4f} after")
    lost = _points_lost(found)
    if lost is not None and lost > ACCEPTABLE_LOSS:
        out.note(
            f"{lost:.1f} points of accuracy were lost: try a lower --sparsity, or --fine-tune 40 "
            "--fine-tune-rate 0.01."
        )
    out.line(f"{output}: {network.num_synapses:,} synapses, {output.stat().st_size:,} bytes")
    out.result({"output": str(output), **found.as_json(), **errors})


def show_compression(out: Output, report: CompressionReport) -> None:
    """The report as tables."""
    from edgesnn.compress import report_tables as tables

    for make in (
        tables.connections,
        tables.storage,
        tables.populations,
        tables.distances,
        tables.work,
        tables.steps,
    ):
        table = make(report)
        out.table(table.title, table.columns, table.rows)
    for text in tables.sentences(report):
        out.line(text)
    for name, short in report.boards.items():
        out.line(f"{name}: {'fits' if not short else 'does not fit: ' + '; '.join(short)}")
