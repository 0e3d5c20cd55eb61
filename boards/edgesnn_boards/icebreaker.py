"""iCEBreaker: Lattice iCE40UP5K, 12 MHz crystal, FT2232H.

Synapses lie in the four single-port RAM blocks (128 KiB), everything else in block RAM.
"""

from __future__ import annotations

from typing import Any

from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.ice40 import ULTRA_PLUS, UNTIMED, UP5K_CORE


def _platform() -> Any:
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    return ICEBreakerPlatform()


BOARD = Board(
    name="icebreaker",
    device="iCE40UP5K-SG48",
    family=ULTRA_PLUS,
    platform=_platform,
    core_config=UP5K_CORE,
    clock_hz=24_000_000,
    baud=3_000_000,
    lights={"loaded": (("led_g", 0),), "error": (("led_r", 0),)},
    flash_command=("openFPGALoader", "-b", "ice40_generic", "{bitstream}"),
    notes=(NEVER_RUN, UNTIMED),
)
