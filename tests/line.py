"""Raw bytes to and from a device, where a link would do too much."""

from __future__ import annotations

import struct

from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.protocol import ADVANCE, Message, Reply
from edgesnn.serial_link import open_port


class Line:
    """An open port without a protocol."""

    def __init__(self, name: str) -> None:
        self.port = open_port(name)
        self.reader = FrameReader()

    def say(self, data: bytes, seconds: float = 0.15) -> list[Frame]:
        """Send bytes; the frames that come until nothing has come for so long."""
        self.port.write(data)
        self.port.timeout = seconds
        frames = []
        while data := self.port.read(max(1, self.port.in_waiting)):
            frames += self.reader.feed(data)
        return frames

    def steps_and_errors(self) -> tuple[int, int]:
        """Steps that were run, and the result of READ_COUNTERS."""
        (reply,) = self.say(encode(Frame(Message.READ_COUNTERS, 200, bytes(4))))
        decoded = Reply.decode(reply.payload)
        return struct.unpack_from("<I", decoded.data)[0], decoded.result


def advance(sequence: int) -> bytes:
    """A request to advance one step."""
    return encode(Frame(Message.RUN, sequence, struct.pack("<IH", 0, ADVANCE)))
