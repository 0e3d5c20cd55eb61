"""Colorlight i5 (ECP5-25F) in its extension board: 25 MHz, serial port by the board's debugger."""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board
from edgesnn_boards.ecp5 import ECP5


def _platform() -> Any:
    from amaranth.build import Attrs, Clock, Pins, Resource
    from amaranth.vendor import LatticeECP5Platform
    from amaranth_boards.resources import LEDResources, UARTResource

    attrs = Attrs(IO_TYPE="LVCMOS33")

    class ColorlightI5Platform(LatticeECP5Platform):
        device = "LFE5U-25F"
        package = "BG381"
        speed = "6"
        default_clk = "clk25"
        resources = [  # noqa: RUF012 - Amaranth's way to say it
            Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), attrs),
            *LEDResources(pins="U16", invert=True, attrs=attrs),
            UARTResource(0, rx="H18", tx="J17", attrs=attrs),
        ]
        connectors: list[Any] = []  # noqa: RUF012 - likewise

    return ColorlightI5Platform()


BOARD = Board(
    name="colorlight-i5",
    device="LFE5U-25F-6BG381C",
    family=ECP5,
    platform=_platform,
    core_config=CoreConfig(lanes=8, neurons=1024, synapse_words=16384, inputs=1024, events=1024),
    clock_hz=50_000_000,
    baud=1_000_000,
    lights={"loaded": (("led", 0),)},
    flash_command=("openFPGALoader", "-b", "colorlight-i5", "{bitstream}"),
)
