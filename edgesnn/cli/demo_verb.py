"""The verb demo."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgesnn.cli.options import BoardName, Json
from edgesnn.cli.output import FAILURE, Output
from edgesnn.extras import needs_extra


def demo(
    board: BoardName = "icebreaker",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the files. Default: in the user's cache folder.",
            file_okay=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """From training to a board, all on this machine: no hardware needed.

    Trains on handwritten digits, compresses to 4 bits and 80 % sparse, compares all executors
    bit by bit, builds the bitstream, starts a virtual board, loads the network over its serial
    port and streams the held-out digits through it. Exit code 1 if any executor differs.

    Example: edgesnn demo
    """
    from edgesnn.cache import cache_dir
    from edgesnn.demo.run import Demo
    from edgesnn.measurement import record

    out = Output(json)
    with needs_extra("the demo", "demo"):
        import sklearn  # noqa: F401
        import torch  # noqa: F401
    figures = Demo(out, output or cache_dir("demo"), board).run()
    out.result(record("edgesnn demo --json", asdict(figures)))
    differing = (
        figures.mismatches_simulator + figures.mismatches_gates + figures.mismatches_virtual_board
    )
    if differing or figures.cycles_predicted != figures.cycles_counted:
        out.line("Executors differ: this must not happen.", "red")
        raise typer.Exit(FAILURE)
