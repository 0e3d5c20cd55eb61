"""ULX3S with an ECP5-85F: 25 MHz, FT231X, eight lights."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board
from edgesnn_boards.ecp5 import ECP5, without_loader


def _platform() -> Any:
    from amaranth_boards.ulx3s import ULX3S_85F_Platform

    return without_loader(ULX3S_85F_Platform)()


BOARD = Board(
    name="ulx3s-85f",
    device="LFE5U-85F-6BG381C",
    family=ECP5,
    platform=_platform,
    core_config=CoreConfig(lanes=16, neurons=2048, synapse_words=131072, inputs=2048, events=2048),
    clock_hz=50_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("led", 0),),
        "busy": (("led", 1),),
        "error": (("led", 2),),
    },
    flash_command=("openFPGALoader", "-b", "ulx3s", "{bitstream}"),
)
