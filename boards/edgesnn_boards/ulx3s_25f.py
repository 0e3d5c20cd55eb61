"""ULX3S with an ECP5-25F: 25 MHz, FT231X, eight lights.

It needs no host: the network comes from its flash, events from the pins gp0 to gp9 (source id),
gp10 (strobe) and gn10 (ready) of connector J1.
"""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board, Boot
from edgesnn_boards.ecp5 import ECP5, without_loader


def _platform() -> Any:
    from amaranth.build import Attrs, Pins, Resource, Subsignal
    from amaranth_boards.ulx3s import ULX3S_25F_Platform

    gpio = ("gpio", 0)
    source = " ".join(f"{n}+" for n in range(10))
    platform = without_loader(ULX3S_25F_Platform)()
    platform.add_resources(
        [
            Resource(
                "events",
                0,
                Subsignal("source", Pins(source, dir="i", conn=gpio)),
                Subsignal("strobe", Pins("10+", dir="i", conn=gpio)),
                Subsignal("ready", Pins("10-", dir="o", conn=gpio)),
                Attrs(IO_TYPE="LVCMOS33", PULLMODE="DOWN"),  # a free pin sends nothing
            )
        ]
    )
    return platform


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
        "decision": (("led", 4), ("led", 5), ("led", 6), ("led", 7)),
    },
    flash_command=("openFPGALoader", "-b", "ulx3s", "{bitstream}"),
    boot=Boot(
        flash=("spi_flash", 0),
        offset=0x200000,
        flash_bytes=4 << 20,
        bitstream_command=("openFPGALoader", "-b", "ulx3s", "-f", "{bitstream}"),
        image_command=("openFPGALoader", "-b", "ulx3s", "-f", "-o", "{offset}", "{image}"),
    ),
    events=("events", 0),
)
