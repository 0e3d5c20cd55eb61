"""Events when a value crosses one of many fixed levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgesnn.encoders.encoder import MAX_CODE, Codes, in_range
from edgesnn.encoders.moving_level import MovingLevel
from edgesnn.network import MAX_EVENTS_PER_SOURCE


@dataclass(frozen=True)
class LevelCrossingEncoder(MovingLevel):
    """A channel sends when its value crosses a level; the levels are fixed and evenly spaced.

    There is a level at ``offset + k * spacing`` for every integer k; level L lies between the
    codes L - 1 and L. A channel is above some level and below the next one. While the code is at
    or above the next level, the channel crosses it and sends an up event; while the code is below
    the level that it is above of, the channel crosses that and sends a down event. To cross the
    level crossed last once more takes ``hysteresis`` further codes: L + hysteresis or more to go
    up again, less than L - hysteresis to go down again. All other levels are crossed without. The
    first sample of a window puts each channel between its two levels and sends nothing. What
    ``max_events`` holds back is sent later.

    Unlike with a delta encoder, the levels do not depend on where a window began.

    channels    numbers in one sample; source c is "channel c up", channels + c is "channel c down"
    resolution  value of one code: code = floor(value / resolution + 1/2), clamped to +-2^30
    spacing     codes from level to level, 1..2^30
    offset      a level, 0..spacing - 1
    hysteresis  in codes, 0..2^30
    max_events  most events of one source in one time step, 1..15
    """

    kind: ClassVar[str] = "level_crossing"
    channels: int
    resolution: float = 1.0
    spacing: int = 1
    offset: int = 0
    hysteresis: int = 0
    max_events: int = MAX_EVENTS_PER_SOURCE

    def __post_init__(self) -> None:
        in_range(1, MAX_CODE, spacing=self.spacing)
        in_range(0, self.spacing - 1, offset=self.offset)
        super().__post_init__()

    @property
    def _spacing(self) -> int:
        return self.spacing

    @property
    def _first_down(self) -> int:
        return 1

    def _first_level(self, codes: Codes) -> Codes:
        return codes - (codes - self.offset) % self.spacing
