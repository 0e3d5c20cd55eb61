"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgesnn_boards import Board

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
NetworkFile = Annotated[
    Path,
    typer.Argument(
        metavar="NETWORK", help="A compressed network (.esnn).", exists=True, dir_okay=False
    ),
]
SamplesFile = Annotated[
    Path | None,
    typer.Option(
        "--samples",
        help="Samples: NPZ with 'samples' (and 'labels'), or CSV with one sample a line. "
        "Without it: the held-out samples of the recipe that made the network.",
        exists=True,
        dir_okay=False,
    ),
]
Count = Annotated[
    int | None, typer.Option("--count", min=1, help="Use only the first COUNT windows.")
]


def find_board(name: str) -> Board:
    """The board called ``name``; an unknown name is a usage error that lists the known ones."""
    from edgesnn_boards import all_boards

    boards = {board.name: board for board in all_boards()}
    if name not in boards:
        known = ", ".join(boards)
        raise typer.BadParameter(
            f"a board must be one of {known}, not {name!r}", param_hint="--board"
        )
    return boards[name]


BoardName = Annotated[str, typer.Option("--board", help="A name from 'edgesnn boards'.")]
Port = Annotated[
    str | None,
    typer.Option("--port", help="Serial port of a device: a path, a name, or socket://HOST:PORT."),
]
Baud = Annotated[
    int | None, typer.Option("--baud", min=1, help="Speed of the port; default: the board's.")
]
