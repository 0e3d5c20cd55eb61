"""Boards that a bitstream can be built for; part of the ``edgesnn`` distribution.

Packages of others add boards with an entry point of the group ``edgesnn.boards`` that names a
:class:`edgesnn_boards.board.Board`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from edgesnn.errors import BuildError
from edgesnn_boards.board import Board
from edgesnn_boards.icebreaker import BOARD as ICEBREAKER

__all__ = ["Board", "all_boards", "find_board"]


def all_boards() -> list[Board]:
    """Every known board, by name: those of this package, then those of entry points."""
    boards = {board.name: board for board in (ICEBREAKER,)}
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
