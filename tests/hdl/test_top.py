"""What the gateware alone does on its serial line; the rest is in tests/test_devices.py."""

import struct

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.framing import Frame, encode
from edgesnn.protocol import ADVANCE, MAX_WORDS, Message
from edgesnn.virtual_board import VirtualBoard
from tests.line import Line, advance
from tests.small_board import SMALL, small_network


def test_what_comes_while_a_request_is_executed_is_dropped_and_counted():
    # The second frame is under way while the first one's steps run.
    many = struct.pack(f"<I{MAX_WORDS}H", 0, *[ADVANCE] * MAX_WORDS)
    with VirtualBoard(SMALL) as board:
        with SerialDevice(board.port, timeout=2.0) as device:
            device.load(small_network())
            device.counters(clear=True)
        line = Line(board.port)
        frames = line.say(encode(Frame(Message.RUN, 1, many)) + advance(2), 0.5)
        assert [f.sequence for f in frames] == [1]
        assert line.steps_and_errors() == (MAX_WORDS, 1)
        line.port.close()
