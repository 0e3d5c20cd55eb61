"""What the program of the command unit gives, takes and asks for: its ports and conditions.

:mod:`edgesnn_hdl.command_unit` has what is behind them.
"""

from __future__ import annotations

from enum import IntEnum

from edgesnn_hdl.processor import Condition


class Given(IntEnum):
    """Ports that the program gives values to."""

    WAIT = 0  # nothing; until there is a request, and the last reply is sent
    REQUEST_PLACE = 1  # byte of the request that comes next
    REPLY_PLACE = 2  # byte of the reply that comes next; when it is sent, its length
    REPLY = 3  # a byte
    STATUS = 4  # of the reply
    CONTROL = 5  # Control bits, each for a cycle
    EVENT = 6  # a source id
    ELEMENT_PLACE = 7  # region, lane << LANE_PLACE, READS if elements are to be read
    ADDRESS = 8  # of the element; its lowest byte comes next
    HIGH = 9  # the bits above 16 of the element that is written next
    ELEMENT = 10  # an element, at the address
    IMAGE_WORD = 11  # a word for the image's CRC-32; the register must keep it for an instruction
    PERIOD_LOW = 12
    PERIOD_HIGH = 13
    TIMER = 14  # 1: on, 0: off; a period begins
    LIGHTS = 15  # LOADED, and the decision << 1


class Taken(IntEnum):
    """Ports that bytes are taken from."""

    NOTHING = 0  # a zero
    REQUEST = 1  # the next byte; the last one was taken two cycles ago or more
    ELEMENT = 2  # the next byte; four cycles after the place or the last one (core.READ_LATENCY)
    FRAME_ERRORS = 3
    LATE_STEPS = 4


class Control(IntEnum):
    """Bits that are given to Given.CONTROL."""

    START = 0x01  # a step, as soon as the core is idle
    RESET_STATE = 0x02
    CLEAR_COUNTERS = 0x04
    SEND = 0x08
    AGAIN = 0x10
    RELEASE = 0x20
    CLEAR_SUM = 0x40


class Is(IntEnum):
    """Conditions of jumps."""

    IDLE = Condition.EXTERNAL  # the core, and no step is about to begin
    OWN = Condition.EXTERNAL + 1  # the request is the device's own
    REFUSED = Condition.EXTERNAL + 2  # the last step, for its events
    SETTLED = Condition.EXTERNAL + 3  # the counters
    WHOLE = Condition.EXTERNAL + 4  # the image, by its CRC-32


#: In ELEMENT_PLACE.
LANE_PLACE = 4
READS = 0x100
#: In LIGHTS.
LOADED = 1
