"""Events when a value has moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgesnn.encoders.encoder import at_least_one
from edgesnn.encoders.moving_level import MovingLevel
from edgesnn.network import MAX_EVENTS_PER_SOURCE


@dataclass(frozen=True)
class DeltaEncoder(MovingLevel):
    """Send on delta: a channel sends when its value has moved by a threshold.

    Each channel has a level. While the code is at least ``threshold`` above the level, the channel
    sends an up event and the level rises by ``threshold``; likewise down. An event whose channel
    sent its last one in the other direction needs ``threshold + hysteresis``; the level moves by
    ``threshold`` all the same. The first sample of a window sets the levels and sends nothing, and
    the first event of a channel needs no hysteresis. What ``max_events`` holds back is sent later.

    channels    numbers in one sample; source c is "channel c up", channels + c is "channel c down"
    resolution  value of one code: code = floor(value / resolution + 1/2), clamped to +-2^30
    threshold   in codes
    max_events  most events of one source in one time step, 1..15
    hysteresis  codes beyond the threshold that a turn takes, 0..2^30; what is sent stays within
                threshold + hysteresis of the code
    """

    kind: ClassVar[str] = "delta"
    channels: int
    resolution: float = 1.0
    threshold: int = 1
    max_events: int = MAX_EVENTS_PER_SOURCE
    hysteresis: int = 0

    def __post_init__(self) -> None:
        at_least_one(threshold=self.threshold)
        super().__post_init__()

    @property
    def _spacing(self) -> int:
        return self.threshold
