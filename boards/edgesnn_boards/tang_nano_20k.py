"""Tang Nano 20K: Gowin GW2AR-18C, 27 MHz, BL616 as serial port."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.gowin import GOWIN, UNCERTAIN, open_platform


def _platform() -> Any:
    from amaranth.build import Attrs, Clock, Pins, Resource
    from amaranth.vendor import GowinPlatform
    from amaranth_boards.resources import LEDResources, UARTResource

    attrs = Attrs(IO_TYPE="LVCMOS33")

    class TangNano20kPlatform(GowinPlatform):
        part = "GW2AR-LV18QN88C8/I7"
        family = "GW2AR-18C"
        default_clk = "clk27"
        resources = [  # noqa: RUF012 - Amaranth's way to say it
            Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), attrs),
            *LEDResources(pins="15 16 17 18 19 20", invert=True, attrs=attrs),
            UARTResource(0, rx="70", tx="69", attrs=attrs),
        ]
        connectors: list[Any] = []  # noqa: RUF012 - likewise

    return open_platform(TangNano20kPlatform)


BOARD = Board(
    name="tang-nano-20k",
    device="GW2AR-LV18QN88C8/I7",
    family=GOWIN,
    platform=_platform,
    core_config=CoreConfig(lanes=4, neurons=1024, synapse_words=16384, inputs=1024, events=1024),
    clock_hz=54_000_000,
    baud=3_000_000,
    lights={
        "loaded": (("led", 0),),
        "busy": (("led", 1),),
        "error": (("led", 2),),
    },
    flash_command=("openFPGALoader", "-b", "tangnano20k", "{bitstream}"),
    notes=(NEVER_RUN, UNCERTAIN),
)
