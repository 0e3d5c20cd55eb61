"""Messages between host and device: the one home of their numbers.

The host asks, the device answers. ``docs/protocol.md`` is the normative text; frames are in
:mod:`edgesnn.framing`. Gates and host import this module::

    request   argument u32 (not for all), then 16-bit words (LOAD_DATA and RUN only)
    reply     status u8 | result u16 | data; its type is the request's with bit 7 set
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edgesnn.core_config import CoreConfig
from edgesnn.errors import FrameError, ProtocolMismatch
from edgesnn.framing import MAX_PAYLOAD
from edgesnn.memory_layout import CounterWord, Region
from edgesnn.run_result import Counters

PROTOCOL_VERSION = 1
#: Set in the type of a reply.
REPLY_BIT = 0x80
#: Set in the type of a frame that a device sends by itself, beside that of a reply.
OWN_BIT = 0x40
ARGUMENT_BYTES = 4
#: Status and result.
REPLY_HEADER_BYTES = 3
#: 16-bit words of one LOAD_DATA or RUN.
MAX_WORDS = (MAX_PAYLOAD - ARGUMENT_BYTES) // 2
#: Words of spike bitmap in one reply to RUN.
MAX_REPORT_WORDS = (MAX_PAYLOAD - REPLY_HEADER_BYTES) // 2
#: 32-bit elements in one reply to READ_MEMORY or READ_OUT.
MAX_ELEMENTS = (MAX_PAYLOAD - REPLY_HEADER_BYTES) // 4
#: Word of RUN: advance one time step.
ADVANCE = 0xFFFF
#: Words of RUN below this one are events.
FIRST_CONTROL_WORD = 0x8000
#: Result of READ_OUT when nothing is decided.
NO_DECISION = 0xFFFF
#: Frame errors and late steps are counted up to here.
MAX_ERROR_COUNT = 255


class Message(IntEnum):
    """Types of requests."""

    IDENTIFY = 0x01
    LOAD_BEGIN = 0x02
    LOAD_DATA = 0x03
    LOAD_END = 0x04
    RESET = 0x05
    RUN = 0x06
    READ_OUT = 0x07
    READ_COUNTERS = 0x08
    READ_MEMORY = 0x09
    SET_TIMER = 0x0A


#: Requests with an empty payload; all others begin with an argument.
WITHOUT_ARGUMENT = (Message.IDENTIFY, Message.LOAD_END, Message.RESET)
#: Requests that have words after the argument.
WITH_WORDS = (Message.LOAD_DATA, Message.RUN)
#: Requests that are refused before an image is loaded.
NEED_IMAGE = (
    Message.RESET,
    Message.RUN,
    Message.READ_OUT,
    Message.READ_MEMORY,
    Message.SET_TIMER,
)
#: Requests that end what a device does by itself. The others only look.
TAKING_OVER = (
    Message.LOAD_BEGIN,
    Message.LOAD_DATA,
    Message.LOAD_END,
    Message.RESET,
    Message.RUN,
    Message.SET_TIMER,
)
#: Type of the frame with a decision that nobody has asked for; its payload is READ_OUT's reply.
DECISION = Message.READ_OUT | REPLY_BIT | OWN_BIT


class Status(IntEnum):
    """First byte of a reply."""

    OK = 0
    UNKNOWN_MESSAGE = 1
    BAD_LENGTH = 2
    BAD_ARGUMENT = 3
    NOT_LOADED = 4
    NOT_LOADING = 5
    BAD_OFFSET = 6
    IMAGE_TOO_LARGE = 7
    IMAGE_HEADER = 8
    IMAGE_SECTION = 9
    IMAGE_INCOMPLETE = 10
    IMAGE_DAMAGED = 11
    BAD_WORD = 12
    EVENTS_REFUSED = 13
    REPLY_TOO_LONG = 14
    IMAGE_RULE = 15


STATUS_TEXT = {
    Status.OK: "done",
    Status.UNKNOWN_MESSAGE: "the device does not know this message; "
    "build its bitstream with this version of edgesnn",
    Status.BAD_LENGTH: "the payload must have the length of its message",
    Status.BAD_ARGUMENT: "the argument must be within the limits of its message",
    Status.NOT_LOADED: "a network must be loaded first; load one",
    Status.NOT_LOADING: "loading must begin with LOAD_BEGIN; load the image again",
    Status.BAD_OFFSET: "data must continue where the last data ended; load the image again",
    Status.IMAGE_TOO_LARGE: "the image must have no more words than the core can hold; "
    "prune more or take a larger core",
    Status.IMAGE_HEADER: "the image must be made for this core (lanes, sizes, version); "
    "pack it for the core that the device reports",
    Status.IMAGE_SECTION: "the sections of the image must be those of this core, in order; "
    "pack it again",
    Status.IMAGE_INCOMPLETE: "all words of the image must arrive before LOAD_END; load it again",
    Status.IMAGE_DAMAGED: "the CRC-32 must match the image; the image is damaged, load it again",
    Status.BAD_WORD: f"words of RUN must be below {FIRST_CONTROL_WORD:#x} or {ADVANCE:#x}",
    Status.EVENTS_REFUSED: "a time step must not carry more events than the network allows, "
    "nor events that no input sends; its events were dropped and the step did not run",
    Status.REPLY_TOO_LONG: f"a RUN must report at most {MAX_REPORT_WORDS} words of spikes",
    Status.IMAGE_RULE: "no sum of events in the image's network may leave the state word, nor the "
    "accumulators of the read-out theirs; pack a network that obeys the design rules",
}


def status_text(status: int) -> str:
    """Name of a status, and what it means."""
    if status not in Status._value2member_map_:
        return f"status {status}, which this version of edgesnn does not know"
    return f"{Status(status).name}: {STATUS_TEXT[Status(status)]}"


def request_payload(message: Message, argument: int = 0, words: bytes = b"") -> bytes:
    """Payload of a request. words: little-endian, 16 bits each."""
    if message in WITHOUT_ARGUMENT:
        return b""
    return struct.pack("<I", argument) + words


def run_argument(first: int, count: int) -> int:
    """Argument of RUN: words ``first .. first + count - 1`` of the bitmap are reported."""
    return first | count << 16


def read_memory_argument(region: Region, lane: int, first: int, count: int) -> int:
    """Argument of READ_MEMORY: ``count`` (1..60) elements of a lane's region."""
    return first | count << 16 | int(region) << 24 | lane << 28


@dataclass(frozen=True)
class Reply:
    """What a device answers."""

    status: int
    result: int = 0
    data: bytes = b""

    def encode(self) -> bytes:
        """The payload."""
        return struct.pack("<BH", self.status, self.result) + self.data

    @classmethod
    def decode(cls, payload: bytes) -> Reply:
        """From a payload. Raises ``FrameError``."""
        if len(payload) < REPLY_HEADER_BYTES:
            raise FrameError(f"a reply must have at least {REPLY_HEADER_BYTES} bytes")
        status, result = struct.unpack_from("<BH", payload)
        return cls(status, result, payload[REPLY_HEADER_BYTES:])


#: Fields of CoreConfig in the order of the reply to IDENTIFY; all but state_bits as log2. Whether
#: there are currents and delays is told by an IdentityFlag each.
CONFIG_FIELDS = (
    "lanes",
    "state_bits",
    "neurons",
    "synapse_words",
    "inputs",
    "events",
    "program_words",
    "readout_neurons",
    "queue_events",
)


class IdentityFlag(IntEnum):
    """Bit positions in the first byte of the reply to IDENTIFY."""

    LOADED = 0
    NO_CYCLES = 1
    CURRENTS = 2
    DELAYS = 3


_IDENTITY = struct.Struct(f"<BII{len(CONFIG_FIELDS)}B")


def config_bytes(config: CoreConfig) -> bytes:
    """A core's size, one byte for each of ``CONFIG_FIELDS``."""
    sizes = config.describe()
    return bytes(
        sizes[name] if name == "state_bits" else sizes[name].bit_length() - 1
        for name in CONFIG_FIELDS
    )


@dataclass(frozen=True)
class Identity:
    """What a device is.

    config         size of its core
    clock_khz      clock of the core
    loaded         whether it has a network
    image_crc      CRC-32 of that network's memory image; meaningless if none is loaded
    counts_cycles  whether it counts the clock cycles of its time steps; a processor does not
    """

    config: CoreConfig
    clock_khz: int
    loaded: bool
    image_crc: int
    counts_cycles: bool = True

    def reply(self) -> Reply:
        """The reply to IDENTIFY."""
        flags = self.loaded << IdentityFlag.LOADED
        flags |= (not self.counts_cycles) << IdentityFlag.NO_CYCLES
        flags |= self.config.currents << IdentityFlag.CURRENTS
        flags |= self.config.delays << IdentityFlag.DELAYS
        data = _IDENTITY.pack(flags, self.image_crc, self.clock_khz, *config_bytes(self.config))
        return Reply(Status.OK, PROTOCOL_VERSION, data)

    @classmethod
    def from_reply(cls, reply: Reply) -> Identity:
        """Raises ``ProtocolMismatch``, ``FrameError``."""
        if reply.result != PROTOCOL_VERSION:
            raise ProtocolMismatch(
                f"the device must speak protocol version {PROTOCOL_VERSION}, not {reply.result}; "
                "build and flash it with this version of edgesnn"
            )
        if len(reply.data) != _IDENTITY.size:
            raise FrameError(f"IDENTIFY must be answered by {_IDENTITY.size} bytes of data")
        flags, image_crc, clock_khz, *sizes = _IDENTITY.unpack(reply.data)
        loaded, no_cycles, currents, delays = (bool(flags >> bit & 1) for bit in IdentityFlag)
        named = dict(zip(CONFIG_FIELDS, sizes, strict=True))
        sizes_of_core = {n: v if n == "state_bits" else 1 << v for n, v in named.items()}
        try:
            config = CoreConfig(**sizes_of_core, currents=currents, delays=delays)
        except ValueError as error:
            raise ProtocolMismatch(
                f"the device must report a core that edgesnn knows: {error}"
            ) from error
        return cls(config, clock_khz, loaded, image_crc, not no_cycles)


@dataclass(frozen=True)
class DeviceCounters:
    """What a device counted since it was last cleared.

    words         the 32-bit counters, by CounterWord; they wrap
    frame_errors  requests that did not arrive whole; stays at 255
    late_steps    steps of the timer that were skipped because the one before was not done;
                  stays at 255
    """

    words: tuple[int, ...]
    frame_errors: int = 0
    late_steps: int = 0

    @classmethod
    def from_reply(cls, reply: Reply) -> DeviceCounters:
        """From the reply to READ_COUNTERS. Raises ``FrameError``."""
        return cls(decode_elements(reply, len(CounterWord)), reply.result & 255, reply.result >> 8)

    def since(self, earlier: DeviceCounters) -> Counters:
        """The counters of a run, as a difference."""
        return Counters(
            *(
                (self.words[name] - earlier.words[name]) % 2**32
                for name in CounterWord
                if name is not CounterWord.STEPS_SINCE_RESET
            )
        )

    @property
    def errors(self) -> dict[str, int]:
        """Every error count that is not 0, by name; they stay until cleared."""
        counts = {
            "overflows": self.words[CounterWord.OVERFLOWS],
            "dropped events": self.words[CounterWord.DROPPED],
            "frame errors": self.frame_errors,
            "late steps": self.late_steps,
        }
        return {name: count for name, count in counts.items() if count}


def decode_elements(reply: Reply, count: int, signed: bool = False) -> tuple[int, ...]:
    """The 32-bit elements of a reply. Raises ``FrameError`` if there are not ``count``."""
    if len(reply.data) != 4 * count:
        raise FrameError(f"the reply must hold {count} elements, not {len(reply.data)} bytes")
    return struct.unpack(f"<{count}{'i' if signed else 'I'}", reply.data)
