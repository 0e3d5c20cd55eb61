"""iCEBreaker: Lattice iCE40UP5K, 12 MHz crystal, FT2232H.

Synapses lie in the four single-port RAM blocks (128 KiB), everything else in block RAM.
"""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import NEVER_RUN, Board
from edgesnn_boards.ice40 import ULTRA_PLUS, UNTIMED


def _platform() -> Any:
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    return ICEBreakerPlatform()


BOARD = Board(
    name="icebreaker",
    device="iCE40UP5K-SG48",
    family=ULTRA_PLUS,
    platform=_platform,
    # Two events in front of each lane: with four the lanes are no faster, and 140 cells larger.
    core_config=CoreConfig(
        lanes=4,
        neurons=1024,
        synapse_words=65536,
        inputs=1024,
        events=1024,
        readout_neurons=128,
        queue_events=2,
    ),
    clock_hz=24_000_000,
    baud=3_000_000,
    lights={"loaded": (("led_g", 0),), "error": (("led_r", 0),)},
    flash_command=("openFPGALoader", "-b", "ice40_generic", "{bitstream}"),
    notes=(NEVER_RUN, UNTIMED),
)
