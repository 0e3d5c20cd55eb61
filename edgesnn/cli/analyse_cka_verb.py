"""The verb analyse cka: what layers of two networks tell apart, compared."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import Count, Json, SamplesFile, check_choice, check_outputs, share_cores
from edgesnn.cli.output import Output
from edgesnn.cli.run_verbs import samples_of
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from edgesnn.analysis.cka import LayerCka
    from edgesnn.analysis.population_features import Signal
    from edgesnn.model import Model
    from edgesnn.network import Network
    from edgesnn.samples import Samples

#: Columns that a terminal has room for; a wider map is shown by its PNG, or as JSON.
MOST_COLUMNS = 10
SIGNALS = ("spikes", "traces", "v")
#: How the file of a network in integers ends; any other is of a model in floating point.
NETWORK_SUFFIX = ".esnn"


def _read(path: Path) -> Network | Model:
    from edgesnn import model_file
    from edgesnn.checkpoint import read_checkpoint

    return model_file.read(path) if path.suffix == NETWORK_SUFFIX else read_checkpoint(path)


def _grams(
    of: Network | Model, samples: Samples, signal: Signal, step_of: str | None, batch: int
) -> Iterator[dict[str, npt.NDArray[np.float64]]]:
    """Gram matrices of all populations, or of the steps of one, batch by batch."""
    from edgesnn.analysis.population_features import network_grams
    from edgesnn.encoders import encoder_from_info
    from edgesnn.network import Network

    events = samples.events(encoder_from_info(of.info))
    names = None if step_of is None else [step_of]
    by_step = step_of is not None
    if isinstance(of, Network):
        return network_grams(of, events, names, signal=signal, by_step=by_step, batch_size=batch)
    share_cores()
    with needs_extra("a model in floating point", "train"):
        from edgesnn.analysis.module_features import model_grams
    return model_grams(of, events, names, signal=signal, by_step=by_step, batch_size=batch)


def _show(out: Output, found: LayerCka, rows: str, columns: str) -> None:
    def cell(value: float) -> float | None:
        return None if math.isnan(value) else round(value, 4)

    if len(found.columns) <= MOST_COLUMNS:
        out.table(
            f"CKA of {rows} (rows) and {columns} (columns)",
            ("layer", *found.columns),
            [
                (name, *map(cell, values))
                for name, values in zip(found.rows, found.values.tolist(), strict=True)
            ],
        )
    else:
        out.table(
            f"CKA of {rows} and {columns}, layers of one name",
            ("layer", "CKA"),
            [(name, cell(value)) for name, value in found.twins().items()],
        )
    for side, names, values in (
        (rows, found.rows, found.values),
        (columns, found.columns, found.values.T),
    ):
        same = [name for name, row in zip(names, values, strict=True) if all(map(math.isnan, row))]
        if same and len(same) < len(names):
            out.note(f"{side}: {', '.join(same)} did the same in every window and has no CKA.")
    if all(math.isnan(value) for value in found.values.flat):
        out.note("Every layer of a side did the same in every window: there is no CKA.")


def cka(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="FIRST",
            help="A trained model, or a compressed network (.esnn).",
            exists=True,
            dir_okay=False,
        ),
    ],
    second: Annotated[
        Path | None,
        typer.Argument(
            metavar="SECOND",
            help="What it is compared with, as FIRST. Default: FIRST itself, layer with layer.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    samples: SamplesFile = None,
    count: Count = None,
    signal: Annotated[
        str,
        typer.Option(
            help="What represents a population in every step: its spikes; traces, spikes through "
            "an exponential filter; or v, its membranes."
        ),
    ] = "spikes",
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="POPULATION", help="Compare the time steps of this population with each other."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=4, help="Windows that are looked at together.")] = 256,
    png: Annotated[
        Path | None, typer.Option(help="Also write the map as a picture.", dir_okay=False)
    ] = None,
    json: Json = False,
) -> None:
    """Compare what the layers of two networks tell apart, by centred kernel alignment (CKA).

    1: windows that look alike in one layer look alike in the other; about 0: they have nothing to
    do with each other. Both run on the same samples, each with its own encoder.

    Example: edgesnn analyse cka digits.model digits.esnn --count 400 --png digits-cka.png
    """
    from edgesnn.analysis.cka import compare
    from edgesnn.analysis.population_features import Signal

    out = Output(json)
    check_choice("a signal", signal, SIGNALS, "--signal")
    check_outputs(png)
    if png is not None:
        with needs_extra("the picture", "report"):
            from edgesnn.analysis import heat_map
    networks = [_read(path) for path in (first, second) if path is not None]
    chosen = samples_of(out, networks[0], samples, count)
    if len(networks) > 1:
        _check_same_windows(networks[1], chosen)
    out.note(f"running {len(chosen)} windows ...")
    found = compare(*(_grams(of, chosen, Signal(signal), steps, batch) for of in networks))
    names = first.name, (second or first).name
    if png is not None:
        from edgesnn.files import write_whole

        write_whole(png, heat_map.png(found, *names, f"{len(chosen)} windows, {signal}"))
    _show(out, found, *names)
    out.result(
        {
            "first": str(first),
            "second": str(second or first),
            "windows": len(chosen),
            "signal": signal,
            **found.as_json(),
            "twins": found.twins(),
            "png": None if png is None else str(png),
        }
    )


def _check_same_windows(of: Network | Model, samples: Samples) -> None:
    """Raise ``InputError`` if the second network decides on windows of another form."""
    from edgesnn.encoders import encoder_from_info
    from edgesnn.streaming import check_windows

    check_windows(of, encoder_from_info(of.info), samples)
