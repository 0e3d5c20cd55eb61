"""Bytes on the wire: frames with a type, a sequence number, a length and a CRC-32, in COBS.

Pure functions and an incremental reader; no port. ``docs/protocol.md`` is the text for it::

    content   type u8 | sequence u8 | length u16 | payload | CRC-32 of all before, u32
    on the wire   COBS(content) | 0x00

Numbers are little-endian. COBS (Cheshire and Baker, 1999) leaves no zero byte inside a frame, so
a reader that lost its way finds the next frame after the next zero.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from edgesnn.errors import FrameError

HEADER_BYTES = 4
CRC_BYTES = 4
#: Longest payload: the encoded frame, its zero included, stays within 254 bytes.
MAX_PAYLOAD = 244
MAX_CONTENT = HEADER_BYTES + MAX_PAYLOAD + CRC_BYTES
#: Ends every frame.
DELIMITER = 0
#: Code of a COBS block without a zero behind it; its bytes, the code included.
_FULL_BLOCK = 0xFF


@dataclass(frozen=True)
class Frame:
    """One message, either way. ``type`` and ``sequence`` are bytes, ``payload`` <= 244 bytes."""

    type: int
    sequence: int
    payload: bytes = b""

    def __post_init__(self) -> None:
        for name in ("type", "sequence"):
            if not 0 <= getattr(self, name) <= 255:
                raise ValueError(f"{name} must be in 0..255, not {getattr(self, name)}")
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(
                f"a payload must have at most {MAX_PAYLOAD} bytes, not {len(self.payload)}"
            )


def cobs_encode(data: bytes) -> bytes:
    """``data`` without zero bytes; the delimiter is not added."""
    encoded = bytearray()
    runs = data.split(b"\0")
    for n, run in enumerate(runs):
        rest = run
        while len(rest) >= _FULL_BLOCK - 1:
            encoded.append(_FULL_BLOCK)
            encoded += rest[: _FULL_BLOCK - 1]
            rest = rest[_FULL_BLOCK - 1 :]
        # A full block at the very end needs no other behind it.
        if rest or not run or n < len(runs) - 1:
            encoded.append(len(rest) + 1)
            encoded += rest
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes:
    """The bytes that ``cobs_encode`` got. Raises ``FrameError``."""
    data = bytearray()
    at = 0
    while at < len(encoded):
        code = encoded[at]
        block = encoded[at + 1 : at + code]
        if not code or 0 in block:
            raise FrameError("COBS bytes must not hold a zero")
        if len(block) != code - 1:
            raise FrameError("a COBS block must end within the frame; the frame was cut")
        data += block
        at += code
        if code != _FULL_BLOCK and at < len(encoded):
            data.append(0)
    return bytes(data)


def encode(frame: Frame) -> bytes:
    """The bytes on the wire, delimiter included."""
    header = bytes((frame.type, frame.sequence)) + len(frame.payload).to_bytes(2, "little")
    content = header + frame.payload
    return cobs_encode(content + zlib.crc32(content).to_bytes(4, "little")) + bytes((DELIMITER,))


def decode(encoded: bytes) -> Frame:
    """The frame in the bytes between two delimiters. Raises ``FrameError``."""
    content = cobs_decode(encoded)
    if not HEADER_BYTES + CRC_BYTES <= len(content) <= MAX_CONTENT:
        raise FrameError(
            f"a frame must hold {HEADER_BYTES + CRC_BYTES}..{MAX_CONTENT} bytes, not {len(content)}"
        )
    body, crc = content[:-CRC_BYTES], int.from_bytes(content[-CRC_BYTES:], "little")
    if zlib.crc32(body) != crc:
        raise FrameError("the CRC-32 must match the frame; the frame was damaged on the line")
    payload = body[HEADER_BYTES:]
    length = int.from_bytes(body[2:4], "little")
    if length != len(payload):
        raise FrameError(f"the payload must have {length} bytes, as the frame says")
    return Frame(body[0], body[1], payload)


class FrameReader:
    """Cuts a stream of bytes into frames; whatever is not a frame is counted and forgotten.

    ``bad_frames`` counts stretches of bytes between two zeros that were no frame.
    """

    def __init__(self) -> None:
        self.bad_frames = 0
        self._waiting = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that they complete. Never raises."""
        frames = []
        *ended, rest = data.split(bytes((DELIMITER,)))
        for part in ended:
            self._keep(part)
            if self._too_long:
                self.bad_frames += 1
            elif self._waiting:
                try:
                    frames.append(decode(bytes(self._waiting)))
                except FrameError:
                    self.bad_frames += 1
            self.clear()
        self._keep(rest)
        return frames

    def clear(self) -> None:
        """Forget a frame that has begun."""
        self._waiting.clear()
        self._too_long = False

    def _keep(self, part: bytes) -> None:
        self._too_long |= len(self._waiting) + len(part) > MAX_CONTENT + 1
        if not self._too_long:
            self._waiting += part
