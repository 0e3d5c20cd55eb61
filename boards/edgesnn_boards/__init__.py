"""Boards that a bitstream can be built for; part of the ``edgesnn`` distribution.

Packages of others add boards with an entry point of the group ``edgesnn.boards`` that names a
:class:`edgesnn_boards.board.Board`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from edgesnn.errors import BuildError
from edgesnn_boards import (
    colorlight_i5,
    hx8k,
    icebreaker,
    icesugar,
    orangecrab,
    tang_nano_9k,
    tang_nano_20k,
    ulx3s_25f,
    ulx3s_85f,
)
from edgesnn_boards.board import Board

__all__ = ["Board", "all_boards", "find_board"]

_OWN = (
    icebreaker,
    icesugar,
    hx8k,
    ulx3s_25f,
    ulx3s_85f,
    orangecrab,
    colorlight_i5,
    tang_nano_9k,
    tang_nano_20k,
)


def all_boards() -> list[Board]:
    """Every known board, by name: those of this package, then those of entry points."""
    boards = {module.BOARD.name: module.BOARD for module in _OWN}
    for entry in entry_points(group="edgesnn.boards"):
        if entry.name not in boards:
            board = entry.load()
            boards[board.name] = board
    return [boards[name] for name in sorted(boards)]


def find_board(name: str) -> Board:
    """The board called ``name``; raises ``BuildError`` that lists the known ones."""
    boards = {board.name: board for board in all_boards()}
    if name not in boards:
        raise BuildError(f"board must be one of {sorted(boards)}, not {name!r}")
    return boards[name]
