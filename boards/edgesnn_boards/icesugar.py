"""iCESugar: Lattice iCE40UP5K, 12 MHz from its debugger, which is also the serial port."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.ice40 import ULTRA_PLUS, UNTIMED, UP5K_CORE


def _platform() -> Any:
    from amaranth_boards.icesugar import ICESugarPlatform

    return ICESugarPlatform()


BOARD = Board(
    name="icesugar",
    device="iCE40UP5K-SG48",
    family=ULTRA_PLUS,
    platform=_platform,
    core_config=replace(UP5K_CORE, lanes=2),
    clock_hz=24_000_000,
    baud=1_000_000,
    lights={"loaded": (("led_g", 0),), "error": (("led_r", 0),), "busy": (("led_b", 0),)},
    flash_command=("icesprog", "{bitstream}"),
    notes=(
        NEVER_RUN,
        UNTIMED,
        "without icesprog, copy the bitstream to the drive that the board shows",
    ),
)
