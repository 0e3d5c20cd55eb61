"""The frames and the device of the firmware in this process, through ctypes."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import pytest

from edgesnn import framing
from edgesnn.core_config import CoreConfig
from edgesnn.framing import MAX_CONTENT, MAX_PAYLOAD, Frame
from edgesnn.protocol import (
    MAX_WORDS,
    REPLY_BIT,
    Message,
    Reply,
    Status,
    config_bytes,
    request_payload,
)
from tests.firmware.board import build

_MAX_FRAME = MAX_CONTENT + 2


@cache
def library() -> ctypes.CDLL:
    """The compiled firmware."""
    if sys.byteorder != "little":
        pytest.skip("the firmware needs a little-endian machine")
    found = ctypes.CDLL(str(build() / "libedgesnn.so"))
    found.esnn_crc32.restype = ctypes.c_uint32
    found.esnn_frame_payload.restype = ctypes.POINTER(ctypes.c_uint8)
    return found


class _Reader(ctypes.Structure):
    _fields_ = (
        ("content", ctypes.c_uint8 * MAX_CONTENT),
        ("length", ctypes.c_uint16),
        ("left", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("bad_frames", ctypes.c_uint32),
    )


class Reader:
    """``edgesnn.framing.FrameReader`` of the firmware."""

    def __init__(self) -> None:
        self._library = library()
        self._state = _Reader()
        self._at = ctypes.byref(self._state)
        self._library.esnn_frame_reader_start(self._at)

    @property
    def bad_frames(self) -> int:
        return int(self._state.bad_frames)

    def feed(self, data: bytes) -> list[Frame]:
        frames = []
        for byte in data:
            if self._library.esnn_frame_take(self._at, byte):
                size = self._library.esnn_frame_payload_bytes(self._at)
                payload = bytes(self._library.esnn_frame_payload(self._at)[:size])
                frames.append(Frame(*self._state.content[:2], payload))
        return frames


def encode(frame: Frame, in_place: bool = False) -> bytes:
    """``edgesnn.framing.encode`` of the firmware."""
    wire = ctypes.create_string_buffer(_MAX_FRAME)
    elsewhere = ctypes.create_string_buffer(frame.payload, len(frame.payload) or 1)
    payload = ctypes.c_void_p(
        ctypes.addressof(wire) + 5 if in_place else ctypes.addressof(elsewhere)
    )
    ctypes.memmove(payload, frame.payload, len(frame.payload))
    size = library().esnn_frame_encode(
        wire, frame.type, frame.sequence, payload, len(frame.payload)
    )
    return wire.raw[:size]


def encode_too_long() -> int:
    """What the firmware says to a payload of one byte too many."""
    wire = ctypes.create_string_buffer(_MAX_FRAME + 1)
    size = MAX_PAYLOAD + 1
    return int(library().esnn_frame_encode(wire, 1, 1, ctypes.create_string_buffer(size), size))


class _Resources(ctypes.Structure):
    _fields_ = (
        ("image", ctypes.c_void_p),
        ("image_bytes", ctypes.c_uint32),
        ("memory", ctypes.c_void_p),
        ("memory_bytes", ctypes.c_uint32),
        ("clock_khz", ctypes.c_uint32),
        ("core", ctypes.c_uint8 * 9),
    )


class _Device(ctypes.Structure):
    _fields_ = (
        ("resources", ctypes.c_void_p),
        ("network", ctypes.c_void_p),
        ("counters", ctypes.c_uint32 * 5),
        ("words_expected", ctypes.c_uint32),
        ("words_loaded", ctypes.c_uint32),
        ("timer_period", ctypes.c_uint32),
        ("timer_left", ctypes.c_uint32),
        ("small", ctypes.c_uint8 * 4),
        ("reply_bytes", ctypes.c_uint32),
        ("reply", ctypes.c_uint8 * _MAX_FRAME),
        ("reader", _Reader),
    )


class Device:
    """A device whose line and clock the test holds in its hand."""

    def __init__(self, config: CoreConfig, image_bytes: int = 1 << 16) -> None:
        # Arrays of 8-byte numbers, so that they are aligned.
        self._image = (ctypes.c_uint64 * (image_bytes // 8))()
        self._memory = (ctypes.c_uint64 * 8192)()
        self._resources = _Resources(
            ctypes.addressof(self._image),
            image_bytes,
            ctypes.addressof(self._memory),
            ctypes.sizeof(self._memory),
            1000,
            (ctypes.c_uint8 * 9)(*config_bytes(config)),
        )
        self._device = _Device()
        self._at = ctypes.byref(self._device)
        self._sequence = 0
        library().esnn_device_start(self._at, ctypes.byref(self._resources))

    def say(self, data: bytes) -> list[Frame]:
        """Give the device bytes; its replies."""
        frames = []
        for byte in data:
            if size := library().esnn_device_take(self._at, byte):
                frames.append(framing.decode(bytes(self._device.reply[: size - 1])))
        return frames

    def ask(self, message: int, payload: bytes = b"") -> Reply:
        """Let one request be executed; its reply."""
        self._sequence = (self._sequence + 1) % 256
        (reply,) = self.say(framing.encode(Frame(message, self._sequence, payload)))
        assert (reply.type, reply.sequence) == (message | REPLY_BIT, self._sequence)
        return Reply.decode(reply.payload)

    def request(self, message: Message, argument: int = 0, words: bytes = b"") -> Reply:
        """As ``ask``; the request must be done."""
        reply = self.ask(message, request_payload(message, argument, words))
        assert reply.status == Status.OK
        return reply

    def load(self, image: bytes) -> None:
        """Load an image, which must be accepted."""
        self.request(Message.LOAD_BEGIN, len(image) // 2)
        for first in range(0, len(image), 2 * MAX_WORDS):
            self.request(Message.LOAD_DATA, first // 2, image[first : first + 2 * MAX_WORDS])
        self.request(Message.LOAD_END)

    def tick(self, cycles: int) -> None:
        """Let time go by."""
        library().esnn_device_tick(self._at, cycles)
