"""iCESugar: Lattice iCE40UP5K, 12 MHz from its debugger, which is also the serial port."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.ice40 import ULTRA_PLUS, UNTIMED


def _platform() -> Any:
    from amaranth_boards.icesugar import ICESugarPlatform

    return ICESugarPlatform()


BOARD = Board(
    name="icesugar",
    device="iCE40UP5K-SG48",
    family=ULTRA_PLUS,
    platform=_platform,
    core_config=CoreConfig(
        lanes=2,
        neurons=1024,
        synapse_words=65536,
        inputs=1024,
        events=1024,
        readout_neurons=128,
        queue_events=2,
    ),
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
