"""What there is to say about a board: the core it gets, its clock, its link, its pins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgesnn.core_config import CoreConfig

#: Said of every board until somebody has run it.
NEVER_RUN = "never run on hardware yet; built, timed and simulated only"

#: A pin of an Amaranth platform: name and number of the resource, then names of subsignals.
Pin = tuple[Any, ...]


@dataclass(frozen=True)
class Family:
    """What boards with the same kind of FPGA share.

    name        of the family
    extra       extras of edgesnn that bring the tools
    tools       commands that a build runs, with the package that brings each
    variables   environment variables by which Amaranth is told these commands; the first is the
                synthesis
    logic       the resource that counts logic cells, by the name that nextpnr gives it
    resources   every resource that is reported, by nextpnr's names
    flip_flops  beginnings of the names of cells that are flip-flops, after synthesis
    netlist     file name of the netlist in the plan's folder
    bitstream   file name of the result there
    add_clock   (module, platform, pin's Hz, clock's Hz) -> the signals ``clock`` and ``locked``;
                adds the clock circuit to the module, raises ``ValueError`` if it cannot make it
    options     (clock's Hz) -> arguments of Amaranth's ``prepare``
    add_flash_clock  (module, signal): the clock of the configuration flash, where it is no pin
    """

    name: str
    extra: str
    tools: dict[str, str]
    variables: dict[str, str]
    logic: str
    resources: tuple[str, ...]
    flip_flops: tuple[str, ...]
    netlist: str
    bitstream: str
    add_clock: Callable[[Any, Any, int, int], tuple[Any, Any]]
    options: Callable[[int], dict[str, Any]]
    add_flash_clock: Callable[[Any, Any], None] | None = None


@dataclass(frozen=True)
class Boot:
    """The flash that a board's core loads its network from, when power comes.

    flash              resource with the subsignals cs, copi, cipo, and clk unless the family has
                       another way to it; what else it has (wp, hold) is kept off
    offset             address of the boot image; the bitstream lies below
    flash_bytes        size of the flash, the smallest that the board was sold with
    bitstream_command  command that writes the bitstream to the flash ({bitstream}: the file)
    image_command      command that writes the boot image ({image}: the file, {offset})
    """

    flash: Pin
    offset: int
    flash_bytes: int
    bitstream_command: tuple[str, ...]
    image_command: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """A board and the core that is built for it.

    name           as on the command line
    device         the FPGA
    family         what it shares with others of its kind
    platform       makes the Amaranth platform, which knows the pins
    core_config    size of the core
    clock_hz       clock of the core; timing is checked against it
    baud           speed of the serial link
    lights         output of EdgesnnTop without its ``led_`` -> the pins that show it, bit by bit
    flash_command  command that writes the bitstream ({bitstream} stands for the file)
    notes          what a user must know
    boot           the flash from which the core loads its network at power-up, if it does
    events         resource with the subsignals source, strobe and ready, if events come from pins
    """

    name: str
    device: str
    family: Family
    platform: Callable[[], Any]
    core_config: CoreConfig
    clock_hz: int
    baud: int
    lights: dict[str, tuple[Pin, ...]]
    flash_command: tuple[str, ...]
    notes: tuple[str, ...] = field(default=(NEVER_RUN,))
    boot: Boot | None = None
    events: Pin | None = None

    def plan(self) -> Any:
        """The Amaranth build plan. Its script places with the seed ``$EDGESNN_SEED``."""
        from edgesnn_boards.board_top import BoardTop

        platform = self.platform()
        options = self.family.options(self.clock_hz)
        return platform.prepare(BoardTop(self), emit_src=False, **options)
