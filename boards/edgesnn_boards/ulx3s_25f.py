"""ULX3S with an ECP5-25F: 25 MHz, FT231X, eight lights."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board
from edgesnn_boards.ecp5 import ECP5, without_loader


def _platform() -> Any:
    from amaranth_boards.ulx3s import ULX3S_25F_Platform

    return without_loader(ULX3S_25F_Platform)()


BOARD = Board(
    name="ulx3s-25f",
    device="LFE5U-25F-6BG381C",
    family=ECP5,
    platform=_platform,
    core_config=CoreConfig(lanes=8, neurons=1024, synapse_words=16384, inputs=1024, events=1024),
    clock_hz=50_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("led", 0),),
        "busy": (("led", 1),),
        "error": (("led", 2),),
    },
    flash_command=("openFPGALoader", "-b", "ulx3s", "{bitstream}"),
)
