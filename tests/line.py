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

    def say(self, data: bytes, seconds: float = 0.15, replies: int = 0) -> list[Frame]:
        """Send bytes; the frames that come until nothing has come for so long.

        replies   so many must come, however busy this machine is
        """
        self.port.write(data)
        frames: list[Frame] = []
        while True:
            self.port.timeout = seconds if len(frames) >= replies else 5.0
            got = self.port.read(max(1, self.port.in_waiting))
            if not got:
                return frames
            frames += self.reader.feed(got)

    def steps_and_errors(self) -> tuple[int, int]:
        """Steps that were run, and the result of READ_COUNTERS."""
        (reply,) = self.say(encode(Frame(Message.READ_COUNTERS, 200, bytes(4))), replies=1)
        decoded = Reply.decode(reply.payload)
        return struct.unpack_from("<I", decoded.data)[0], decoded.result


def advance(sequence: int) -> bytes:
    """A request to advance one step."""
    return encode(Frame(Message.RUN, sequence, struct.pack("<IH", 0, ADVANCE)))
