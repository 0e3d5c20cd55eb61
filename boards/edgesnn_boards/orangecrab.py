"""OrangeCrab r0.2 with an ECP5-25F: 48 MHz, no serial port of its own.

The serial line is on pins 0 (input) and 1 (output), as on other boards of that form.
"""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.ecp5 import ECP5, without_loader


def _platform() -> Any:
    from amaranth.build import Attrs
    from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
    from amaranth_boards.resources import UARTResource

    platform = without_loader(OrangeCrabR0_2_25FPlatform)()
    line = UARTResource(0, rx="0", tx="1", conn=("io", 0), attrs=Attrs(IO_TYPE="LVCMOS33"))
    platform.add_resources([line])
    return platform


BOARD = Board(
    name="orangecrab",
    device="LFE5U-25F-8MG285C",
    family=ECP5,
    platform=_platform,
    core_config=CoreConfig(lanes=8, neurons=1024, synapse_words=16384, inputs=1024, events=1024),
    clock_hz=48_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("rgb_led", 0, "g"),),
        "busy": (("rgb_led", 0, "b"),),
        "error": (("rgb_led", 0, "r"),),
    },
    flash_command=("openFPGALoader", "-b", "orangeCrab", "{bitstream}"),
    notes=(NEVER_RUN, "needs a serial adapter of 3.3 V at pins 0 and 1"),
)
