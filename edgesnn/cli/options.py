"""Options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.files import check_writable

if TYPE_CHECKING:
    from edgesnn.cli.output import Output
    from edgesnn.core_config import CoreConfig
    from edgesnn.network import Network
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
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder with the recipe's data. Default: the usual places.",
        exists=True,
        file_okay=False,
    ),
]
Count = Annotated[
    int | None, typer.Option("--count", min=1, help="Use only the first COUNT windows.")
]


CFolder = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The folder. Default: the name, with _c behind it."),
]
NameInC = Annotated[
    str | None, typer.Option("--name", help="Begins all names in C. Default: of the file.")
]
ReplaceExport = Annotated[
    bool, typer.Option("--force", help="Replace a folder that export-c has written.")
]


def name_and_folder(
    model: Path, name: str | None, output: Path | None, force: bool
) -> tuple[str, Path]:
    """What an export is called in C, and where it goes.

    A name that C does not take is a usage error. Raises ``InputError`` or ``OSError`` unless the
    folder may be written.
    """
    from edgesnn.c_package import check_folder, check_name, name_in_c
    from edgesnn.errors import InputError

    name = name_in_c(model.stem) if name is None else name
    try:
        check_name(name)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from None
    folder = Path(f"{name}_c") if output is None else output
    check_folder(folder, force)
    return name, folder


def check_choice(what: str, name: str, known: Iterable[str], option: str) -> None:
    """Raise a usage error that lists the known names unless ``name`` is one of them."""
    known = list(known)
    if name not in known:
        raise typer.BadParameter(
            f"{what} must be one of {', '.join(known)}, not {name!r}", param_hint=option
        )


def find_board(name: str) -> Board:
    """The board called ``name``; an unknown name is a usage error that lists the known ones."""
    from edgesnn_boards import all_boards

    boards = {board.name: board for board in all_boards()}
    check_choice("a board", name, boards, "--board")
    return boards[name]


#: As the name of a board: run on this machine alone, and count no cycles.
NO_BOARD = "none"


def find_board_or_none(name: str) -> Board | None:
    """As :func:`find_board`, and None for ``none``."""
    return None if name == NO_BOARD else find_board(name)


def core_that_fits(network: Network, board: Board | None) -> tuple[CoreConfig | None, str]:
    """The core whose cycles the simulator can count for ``network``, and why there is none.

    The text is empty unless the network does not fit the board.
    """
    from edgesnn import placement
    from edgesnn.errors import DoesNotFit

    if board is None:
        return None, ""
    config = board.core_config
    try:
        placement.check_fits(placement.place(network, config.lanes), config)
    except DoesNotFit as error:
        shortages = "; ".join(error.violations)
        return None, f"It does not fit {board.name} ({shortages}): no cycles are counted."
    return config, ""


def check_outputs(*paths: Path | None) -> None:
    """Raise ``OSError`` now rather than after the work if a file cannot be written."""
    for path in paths:
        if path is not None:
            check_writable(path)


BoardName = Annotated[str, typer.Option("--board", help="A name from 'edgesnn boards'.")]
BoardOrNone = Annotated[
    str,
    typer.Option("--board", help="A name from 'edgesnn boards', or 'none': no core, no cycles."),
]
Port = Annotated[
    str | None,
    typer.Option("--port", help="Serial port of a device: a path, a name, or socket://HOST:PORT."),
]
Baud = Annotated[
    int | None, typer.Option("--baud", min=1, help="Speed of the port; default: the board's.")
]


def report_left_over(out: Output, left_over: int, needed: int) -> None:
    """Say that the last samples fill no window, if there are such."""
    if left_over:
        out.note(f"The last {left_over} sample(s) fill no window of {needed} and are left out.")


def share_cores() -> None:
    """Threads of PyTorch that wait must not burn cores that others need; call before it is loaded.

    On a busy machine of two cores two threads were three times slower with spinning.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
