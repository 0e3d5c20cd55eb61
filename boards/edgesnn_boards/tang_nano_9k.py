"""Tang Nano 9K: Gowin GW1NR-9C, 27 MHz, BL702 as serial port."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.gowin import GOWIN, UNCERTAIN, open_platform


def _platform() -> Any:
    from amaranth_boards.tang_nano_9k import TangNano9kPlatform

    return open_platform(TangNano9kPlatform)


BOARD = Board(
    name="tang-nano-9k",
    device="GW1NR-LV9QN88PC6/I5",
    family=GOWIN,
    platform=_platform,
    core_config=CoreConfig(
        lanes=4,
        neurons=512,
        synapse_words=4096,
        inputs=1024,
        events=512,
        program_words=64,
        readout_neurons=64,
    ),
    clock_hz=54_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("led", 0),),
        "busy": (("led", 1),),
        "error": (("led", 2),),
    },
    flash_command=("openFPGALoader", "-b", "tangnano9k", "{bitstream}"),
    notes=(NEVER_RUN, UNCERTAIN),
)
