"""A compiled EdgesnnTop with a flash and event pins, cycle by cycle; see standalone_harness.cpp."""

from __future__ import annotations

import ctypes
import struct
from functools import lru_cache
from pathlib import Path

from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.protocol import DECISION, REPLY_BIT, DeviceCounters, Message, Reply, request_payload
from edgesnn_hdl.compiled import compile_design
from edgesnn_hdl.flash_reader import half_period
from edgesnn_hdl.top import EdgesnnTop
from tests.small_board import SMALL

HARNESS = str(Path(__file__).with_name("standalone_harness.cpp"))
CLOCK_HZ = 48_000_000
CLOCKS_PER_BIT = 4
OFFSET = 0x012340
EVENT_BITS = 5
#: Cycles in which any request of these tests is answered.
ANSWER_CYCLES = 20_000


@lru_cache
def library() -> ctypes.CDLL:
    baud = CLOCK_HZ / CLOCKS_PER_BIT
    top = EdgesnnTop(SMALL, CLOCK_HZ, baud, boot_offset=OFFSET, event_bits=EVENT_BITS)
    lib = compile_design(top, HARNESS)
    lib.board_new.restype = ctypes.c_void_p
    lib.board_cycle.restype = lib.board_loaded_at.restype = ctypes.c_uint64
    lib.board_flash_faults.restype = ctypes.c_char_p
    return lib


class StandaloneBoard:
    """Powered up with ``boot`` in its flash at OFFSET; other bytes of the flash are noise."""

    def __init__(self, boot: bytes, strobe: bool = False) -> None:
        self._library = library()
        content = bytes(n * 37 & 0xFF for n in range(OFFSET)) + boot
        self._handle = ctypes.c_void_p(
            self._library.board_new(
                content,
                ctypes.c_uint64(len(content)),
                CLOCKS_PER_BIT,
                CLOCK_HZ * 30 // 1_000_000,
                half_period(CLOCK_HZ),
                strobe,
            )
        )
        self._frames = FrameReader()
        self._sequence = 100
        self.decisions: list[int] = []
        self.sequences: list[int] = []

    def __del__(self) -> None:
        self._library.board_free(self._handle)

    @property
    def cycle(self) -> int:
        return int(self._library.board_cycle(self._handle))

    @property
    def loaded_at(self) -> int:
        """The cycle in which the network was loaded first; 0 if never."""
        return int(self._library.board_loaded_at(self._handle))

    @property
    def lights(self) -> int:
        return int(self._library.board_lights(self._handle))

    @property
    def loaded(self) -> bool:
        return bool(self.lights & 1)

    @property
    def error(self) -> bool:
        return bool(self.lights & 2)

    @property
    def busy(self) -> bool:
        return bool(self.lights & 4)

    @property
    def ready(self) -> bool:
        return bool(self.lights & 8)

    @property
    def decision(self) -> int:
        return self.lights >> 4

    @property
    def flash_faults(self) -> str:
        faults: bytes = self._library.board_flash_faults(self._handle)
        return faults.decode()

    @property
    def flash_reads(self) -> int:
        return int(self._library.board_flash_reads(self._handle))

    def run(self, cycles: int) -> None:
        self._library.board_run(self._handle, ctypes.c_uint64(cycles))

    def run_to(self, cycle: int) -> None:
        assert cycle >= self.cycle
        self.run(cycle - self.cycle)

    def boot(self, limit: int) -> None:
        """Until something is loaded and the timer runs, or the flash is given up."""
        end = self.cycle + limit
        self.run(100)
        while self.cycle < end and self.busy and not self.loaded:
            self.run(100)
        self.run(200)

    def pins(self, cycle: int, strobe: int, source: int) -> None:
        """From ``cycle`` on; cycles must not fall from call to call."""
        self._library.board_pins(self._handle, ctypes.c_uint64(cycle), strobe, source)

    def event(self, cycle: int, source: int, high: int = 3) -> None:
        """A strobe as a sender gives it: the source first, then the strobe for ``high`` cycles."""
        self.pins(cycle, 0, source)
        self.pins(cycle + 1, 1, source)
        self.pins(cycle + 1 + high, 0, source)

    def frames(self) -> list[Frame]:
        """What has come over the line; decisions that nobody asked for are put aside."""
        buffer = (ctypes.c_uint8 * 4096)()
        count = self._library.board_receive(self._handle, buffer, 4096)
        found = []
        for frame in self._frames.feed(bytes(buffer[:count])):
            if frame.type == DECISION:
                reply = Reply.decode(frame.payload)
                assert (reply.status, reply.data) == (0, b"")
                self.decisions.append(reply.result)
                self.sequences.append(frame.sequence)
            else:
                found.append(frame)
        return found

    def send(self, wire: bytes) -> None:
        self._library.board_send(self._handle, wire, len(wire))

    def ask(self, message: Message, argument: int = 0, words: bytes = b"") -> Reply:
        self._sequence = (self._sequence + 1) % 256
        self.send(encode(Frame(message, self._sequence, request_payload(message, argument, words))))
        for _ in range(20):
            self.run(ANSWER_CYCLES // 20)
            for frame in self.frames():
                assert (frame.type, frame.sequence) == (message | REPLY_BIT, self._sequence)
                return Reply.decode(frame.payload)
        raise AssertionError(f"{message.name} was not answered")

    def counters(self, clear: bool = False) -> DeviceCounters:
        return DeviceCounters.from_reply(self.ask(Message.READ_COUNTERS, clear))

    def load(self, image: bytes) -> list[int]:
        """As a host loads; every status."""
        replies = [self.ask(Message.LOAD_BEGIN, len(image) // 2)]
        for at in range(0, len(image), 240):
            replies.append(self.ask(Message.LOAD_DATA, at // 2, image[at : at + 240]))
        replies.append(self.ask(Message.LOAD_END))
        return [reply.status for reply in replies]

    def run_steps(self, steps: list[list[int]]) -> Reply:
        """One RUN with the events of each step."""
        words = [w for events in steps for w in (*events, 0xFFFF)]
        return self.ask(Message.RUN, 0, struct.pack(f"<{len(words)}H", *words))
