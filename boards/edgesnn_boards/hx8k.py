"""iCE40-HX8K breakout board: 12 MHz, FT2232H. All memories are block RAM, 16 KiB together."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board
from edgesnn_boards.ice40 import HX


def _platform() -> Any:
    from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

    return ICE40HX8KBEVNPlatform()


BOARD = Board(
    name="hx8k",
    device="iCE40HX8K-CT256",
    family=HX,
    platform=_platform,
    core_config=CoreConfig(
        lanes=2,
        neurons=256,
        synapse_words=2048,
        inputs=256,
        events=256,
        program_words=128,
        readout_neurons=32,
    ),
    clock_hz=48_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("led", 0),),
        "busy": (("led", 1),),
        "error": (("led", 2),),
    },
    flash_command=("openFPGALoader", "-b", "ice40_generic", "{bitstream}"),
)
