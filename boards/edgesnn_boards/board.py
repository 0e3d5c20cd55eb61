"""What there is to say about a board: the core it gets, its clock, its link, its tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgesnn.core_config import CoreConfig


@dataclass(frozen=True)
class Board:
    """A board and the core that is built for it.

    name          as on the command line
    device        the FPGA
    core_config   size of the core
    clock_hz      clock of the core; timing is checked against it
    baud          speed of the serial link
    make_plan     makes the build plan (an Amaranth BuildPlan) of this board for a placement seed
    tools         commands that the plan runs, with the package that brings each
    variables     environment variables by which Amaranth is told these commands
    capacity      what the device has of each resource, by the name that nextpnr gives it
    logic         the resource that counts logic cells
    bitstream     file name of the result in the plan's folder
    flash_command command that writes it ({bitstream} stands for the file)
    notes         what a user must know
    """

    name: str
    device: str
    core_config: CoreConfig
    clock_hz: int
    baud: int
    make_plan: Callable[[Board, int], Any]
    tools: dict[str, str]
    variables: dict[str, str]
    capacity: dict[str, int]
    logic: str
    bitstream: str
    flash_command: tuple[str, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)

    def plan(self, seed: int = 1) -> Any:
        """The Amaranth build plan for one placement seed."""
        return self.make_plan(self, seed)
