"""What the processor of the command unit does; the program of :mod:`edgesnn.protocol`.

One request at a time: check it, do it, put the reply into the transmitter's buffer, send it. A
request that was executed last and comes again gets the reply that is still there.

An image is taken by a routine of its own that is left whenever the words of a request end, and gone
on with at the next request: ``next_word`` keeps where it is. The image is trusted only when all of
it has come, its header and sections are those of this core and its CRC-32 matches; until then
nothing is loaded and nothing may run.
"""

from __future__ import annotations

from enum import IntEnum

from edgesnn.core_config import CoreConfig
from edgesnn.framing import HEADER_BYTES, MAX_PAYLOAD
from edgesnn.memory_layout import (
    END_OF_SECTIONS,
    HEADER_WORDS,
    LOADED_REGIONS,
    MAX_SECTION_ELEMENTS,
    SECTION_HEADER_WORDS,
    CounterWord,
    Feature,
    HeaderWord,
    MemoryLayout,
    Prologue,
    Region,
    features,
    header_limits,
    max_image_words,
)
from edgesnn.network import ReadoutRule
from edgesnn.protocol import (
    ADVANCE,
    ARGUMENT_BYTES,
    MAX_ELEMENTS,
    NEED_IMAGE,
    NO_DECISION,
    OWN_BIT,
    PROTOCOL_VERSION,
    REPLY_BIT,
    REPLY_HEADER_BYTES,
    WITH_WORDS,
    WITHOUT_ARGUMENT,
    IdentityFlag,
    Message,
    Status,
    config_bytes,
)
from edgesnn_hdl.assembler import AddressOf, Assembler
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
    ELEMENT_PLACE = 7  # region, lane << 4, READS if elements are to be read
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
    ELEMENT = 2  # the next byte; so was this one, four cycles ago
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
READS = 0x100
#: In LIGHTS.
LOADED = 1

#: Where the data of a reply begin, and where they must end.
_DATA = HEADER_BYTES + REPLY_HEADER_BYTES
_END = HEADER_BYTES + MAX_PAYLOAD
_PAGE_END = _DATA + 4 * MAX_ELEMENTS

# What requests are like, above the address of what executes them.
_WITHOUT_ARGUMENT = 0x8000  # the sign, so that it needs no mask
_WITH_WORDS = 0x4000
_NEEDS_IMAGE = 0x2000

#: Bit of the regions whose elements are two words.
_TWO_WORDS = 0b0010

#: The sign of a word, which turns signed numbers into unsigned ones of the same order.
_SIGN = 0x8000


def link_program(config: CoreConfig, clock_khz: int) -> list[int]:
    """The words of the processor's memory, for a core of this size."""
    p = Assembler()
    _request(p)
    _reply(p)
    _identify(p, config, clock_khz)
    _load(p, config)
    _image(p, config)
    _run(p)
    _read_out(p, config)
    _read(p, config)
    _set_timer(p)
    return p.assembled()


def _request(p: Assembler) -> None:
    """Wait for one, check its length, jump to what executes it."""
    p.label("wait")
    p.give(Given.WAIT)
    p.label("until_idle")
    p.jump_unless("until_idle", Is.IDLE)
    p.load(0)
    p.give(Given.REQUEST_PLACE)
    p.store("result")
    p.store("status")
    p.take(Taken.REQUEST)
    p.take(Taken.REQUEST)
    p.store("type")  # and the sequence number above it
    # Once more the same? Those of the device never are, and no request of a host has the type 0.
    p.jump("own", Is.OWN)
    p.subtract("last")
    p.jump_unless("new", Condition.ZERO)
    p.load("type")
    p.keep_bits(0xFF)
    p.subtract(Message.IDENTIFY)
    p.jump("new", Condition.ZERO)
    p.load(Control.AGAIN | Control.RELEASE)
    p.give(Given.CONTROL)
    p.jump("wait")
    p.label("own")
    p.set("last", 0)
    p.jump("decode")
    p.label("new")
    p.set("last", "type")

    p.label("decode")
    p.set("to", _DATA)
    p.give(Given.REPLY_PLACE)
    p.load("type")
    p.keep_bits(0xFF)
    p.subtract(min(Message))
    p.store("kind")
    p.subtract(len(Message))
    p.jump_unless("unknown_message", Condition.CARRY)
    p.load("kind")
    p.add(AddressOf("messages"))
    p.load_indexed()
    p.store("kind")
    p.take(Taken.REQUEST)
    p.take(Taken.REQUEST)
    p.store("length")
    p.load("kind")
    p.jump("without_argument", Condition.NEGATIVE)
    p.load("length")
    p.subtract(ARGUMENT_BYTES)
    p.store("left")
    p.jump("bad_length", Condition.CARRY)
    p.jump("right_length", Condition.ZERO)
    p.load("kind")
    p.keep_bits(_WITH_WORDS)
    p.jump("bad_length", Condition.ZERO)
    p.load("left")
    p.keep_bits(1)
    p.jump_unless("bad_length", Condition.ZERO)
    p.label("right_length")
    for half in ("low", "high"):
        p.take(Taken.REQUEST)
        p.take(Taken.REQUEST)
        p.store(f"argument_{half}")
    p.jump("may_execute")
    p.label("without_argument")
    p.load("length")
    p.jump_unless("bad_length", Condition.ZERO)
    p.label("may_execute")
    p.load("kind")
    p.keep_bits(_NEEDS_IMAGE)
    p.jump("execute", Condition.ZERO)
    p.load("lights")
    p.keep_bits(LOADED)
    p.jump("not_loaded", Condition.ZERO)
    p.label("execute")
    p.back("kind")

    p.label("messages")
    for message in Message:
        bits = _WITHOUT_ARGUMENT * (message in WITHOUT_ARGUMENT)
        bits += _WITH_WORDS * (message in WITH_WORDS)
        bits += _NEEDS_IMAGE * (message in NEED_IMAGE)
        p.data(AddressOf(message.name, bits))


def _reply(p: Assembler) -> None:
    """Header, status and result; and every way to refuse."""
    for status in Status:
        if status not in (Status.OK, Status.IMAGE_RULE):
            p.label(status.name.lower())
            p.load(status)
            in_image = status in (Status.IMAGE_HEADER, Status.IMAGE_SECTION)
            p.jump("refuse_image" if in_image else "refuse")
    p.label("refuse_image")
    p.store("status")
    p.set("next_word", 0)
    p.load("status")
    p.label("refuse")
    p.store("status")
    p.label("finish")
    p.load("status")
    p.give(Given.STATUS)
    p.load(0)
    p.give(Given.REPLY_PLACE)
    p.load("type")
    p.keep_bits(0xFFFF ^ REPLY_BIT)
    p.add(REPLY_BIT)
    p.jump_unless("of_a_host", Is.OWN)
    p.add(OWN_BIT)
    p.label("of_a_host")
    p.call("write")
    p.load("to")
    p.subtract(HEADER_BYTES)
    p.call("write")
    p.load("status")
    p.give(Given.REPLY)
    p.load("result")
    p.call("write")
    p.load("to")
    p.give(Given.REPLY_PLACE)
    p.load(Control.SEND | Control.RELEASE)
    p.give(Given.CONTROL)
    p.jump("wait")

    p.routine("write")  # the register, low byte first
    p.give(Given.REPLY)
    p.take(Taken.NOTHING)
    p.give(Given.REPLY)
    p.back("write")


def _identify(p: Assembler, config: CoreConfig, clock_khz: int) -> None:
    flags = config.currents << IdentityFlag.CURRENTS | config.delays << IdentityFlag.DELAYS
    known = clock_khz.to_bytes(4, "little") + config_bytes(config)
    p.label("IDENTIFY")
    p.set("result", PROTOCOL_VERSION)
    p.load("lights")
    p.keep_bits(LOADED)
    p.add(flags)
    p.give(Given.REPLY)
    p.load("crc_low")
    p.call("write")
    p.load("crc_high")
    p.call("write")
    for n in range(0, len(known), 2):
        p.load(int.from_bytes(known[n : n + 2], "little"))
        if n + 1 < len(known):
            p.call("write")
        else:
            p.give(Given.REPLY)
    p.set("to", _DATA + 5 + len(known))
    p.jump("finish")


def _load(p: Assembler, config: CoreConfig) -> None:
    """LOAD_BEGIN, LOAD_DATA, LOAD_END, and RESET, which the last one ends with."""
    most = max_image_words(config)
    p.label("LOAD_BEGIN")
    p.load("lights")
    p.keep_bits(0xFFFF ^ LOADED)
    p.store("lights")
    p.give(Given.LIGHTS)
    p.load(0)
    p.give(Given.TIMER)
    p.store("next_word")
    p.store("position_low")
    p.store("position_high")
    p.load(most >> 16)
    p.subtract("argument_high")
    p.jump("image_too_large", Condition.CARRY)
    p.jump_unless("begin", Condition.ZERO)
    p.load(most & 0xFFFF)
    p.subtract("argument_low")
    p.jump("image_too_large", Condition.CARRY)
    p.label("begin")
    p.set("total_low", "argument_low")
    p.set("total_high", "argument_high")
    p.load(Control.CLEAR_SUM)
    p.give(Given.CONTROL)
    p.jump("image")  # up to where it wants a word, which this request has not

    p.label("LOAD_DATA")
    p.load("next_word")
    p.jump("not_loading", Condition.ZERO)
    for half in ("low", "high"):
        p.load(f"argument_{half}")
        p.subtract(f"position_{half}")
        p.jump_unless("bad_offset", Condition.ZERO)
    p.load("section_place")
    p.give(Given.ELEMENT_PLACE)
    p.jump("give_word")

    p.label("LOAD_END")
    p.load("next_word")
    p.jump("not_loading", Condition.ZERO)
    p.subtract(AddressOf("image_complete"))
    p.store("kind")
    p.set("next_word", 0)
    p.load("kind")
    p.jump_unless("image_incomplete", Condition.ZERO)
    for half in ("low", "high"):
        p.load(f"position_{half}")
        p.subtract(f"total_{half}")
        p.jump_unless("image_incomplete", Condition.ZERO)
    p.jump_unless("image_damaged", Is.WHOLE)
    p.load("lights")
    p.add(LOADED)
    p.store("lights")
    p.give(Given.LIGHTS)

    p.label("RESET")
    p.jump("reset_state", Is.OWN)
    p.load(0)
    p.give(Given.TIMER)
    p.label("reset_state")
    p.load(Control.RESET_STATE)
    p.give(Given.CONTROL)
    p.label("settle")
    p.jump_unless("settle", Is.IDLE)
    p.jump("finish")


def _image(p: Assembler, config: CoreConfig) -> None:
    """Takes the image word by word, checks it, and fills the core's memories."""
    layout = MemoryLayout(config)
    limits = {int(word): pair for word, pair in header_limits(config).items()}
    known = features(config.currents, config.delays)

    p.routine("next_word")  # into the register; out of requests that have no more
    p.label("give_word")
    p.load("left")
    p.jump("finish", Condition.ZERO)
    p.subtract(2)
    p.store("left")
    p.load("position_low")
    p.add(1)
    p.store("position_low")
    p.jump_unless("counted", Condition.CARRY)
    p.load("position_high")
    p.add(1)
    p.store("position_high")
    p.label("counted")
    p.take(Taken.REQUEST)
    p.take(Taken.REQUEST)
    p.give(Given.IMAGE_WORD)
    p.back("next_word")

    p.label("image")
    p.set("limit", AddressOf("limits"))
    p.set("last_region", Region.DECAY)
    if known:
        p.set("end_of_limits", AddressOf("limits", 2 * HeaderWord.FEATURES))
        p.call("header")
        p.call("next_word")
        p.store("word")
        p.keep_bits(0xFFFF ^ known)
        p.jump_unless("image_header", Condition.ZERO)
        if config.currents:  # their region comes behind that of the decays
            p.load("word")
            p.keep_bits(1 << Feature.CURRENTS)
            p.add(Region.DECAY)
            p.store("last_region")
        p.set("limit", AddressOf("limits", 2 * HeaderWord.FEATURES + 2))
    p.set("end_of_limits", AddressOf("limits", 2 * HEADER_WORDS))
    p.call("header")
    p.set("section_place", Region.PROGRAM)
    p.set("tag", Region.PROGRAM)
    p.jump("section")

    p.routine("header")  # words that must be within their limits
    p.label("header_word")
    p.call("next_word")
    p.store("word")
    p.load("limit")
    p.load_indexed()
    p.store("bound")
    p.load("word")
    p.subtract("bound")
    p.jump("image_header", Condition.CARRY)
    p.load("limit")
    p.add(1)
    p.load_indexed()
    p.subtract("word")
    p.jump("image_header", Condition.CARRY)
    p.load("limit")
    p.add(2)
    p.store("limit")
    p.subtract("end_of_limits")
    p.jump_unless("header_word", Condition.ZERO)
    p.back("header")

    p.label("section")
    p.call("next_word")
    p.subtract("tag")
    p.jump_unless("image_section", Condition.ZERO)
    p.call("next_word")
    p.store("word")
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump("words_of_element", Condition.ZERO)
    p.load(1)
    p.label("words_of_element")
    p.add(1)
    p.subtract("word")
    p.jump_unless("image_section", Condition.ZERO)
    p.call("next_word")
    p.store("section_elements")
    p.load("section_place")
    p.keep_bits(0xF)
    p.add(AddressOf("depths"))
    p.load_indexed()
    p.subtract("section_elements")
    p.jump("image_section", Condition.CARRY)
    p.call("next_word")
    p.jump_unless("image_section", Condition.ZERO)
    p.set("section_address", 0)
    p.load("section_place")
    p.give(Given.ELEMENT_PLACE)
    p.label("element")
    p.load("section_address")
    p.subtract("section_elements")
    p.jump("section_ends", Condition.ZERO)
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump("one_word", Condition.ZERO)
    p.call("next_word")
    p.store("word")
    p.call("next_word")
    p.give(Given.HIGH)
    p.jump("write_element")
    p.label("one_word")
    p.call("next_word")
    p.store("word")
    p.label("write_element")
    p.load("section_address")
    p.give(Given.ADDRESS)
    p.add(1)
    p.store("section_address")
    p.load("word")
    p.give(Given.ELEMENT)
    p.jump("element")
    p.label("section_ends")
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump_unless("next_section", Condition.ZERO)
    p.load("section_elements")
    p.keep_bits(1)
    p.jump("next_section", Condition.ZERO)
    p.call("next_word")
    p.label("next_section")
    p.load("section_place")
    p.keep_bits(0xF)
    p.subtract("last_region")
    p.jump("next_lane", Condition.ZERO)
    for name in ("section_place", "tag"):
        p.load(name)
        p.add(1)
        p.store(name)
    p.jump("section")
    p.label("next_lane")  # its first region is the one behind the program
    p.load("tag")
    p.subtract("last_region")
    p.subtract((config.lanes - 1) << 8)
    p.jump("end_of_sections", Condition.ZERO)
    for name, lane in (("section_place", 4), ("tag", 8)):
        p.load(name)
        p.subtract("last_region")
        p.add((1 << lane) + 1)
        p.store(name)
    p.jump("section")
    p.label("end_of_sections")
    p.call("next_word")
    p.subtract(END_OF_SECTIONS)
    p.jump_unless("image_section", Condition.ZERO)
    for _ in range(SECTION_HEADER_WORDS - 1):
        p.call("next_word")
        p.jump_unless("image_section", Condition.ZERO)
    for half in ("low", "high"):
        p.call("next_word")
        p.store(f"crc_{half}")
    p.call("next_word")
    p.label("image_complete")  # there is no other word
    p.jump("image_section")

    p.label("limits")
    for index in range(HEADER_WORDS):
        p.data(*limits.get(index, (0, 0)))
    p.label("depths")
    for region in LOADED_REGIONS:
        p.data(min(layout.depth(region), MAX_SECTION_ELEMENTS))


def _run(p: Assembler) -> None:
    p.label("RUN")
    p.load("argument_high")
    p.keep_bits(0xFF)
    p.store("report")
    p.add("report")
    p.store("report_bytes")
    p.label("run_word")
    p.load("left")
    p.jump("finish", Condition.ZERO)
    p.subtract(2)
    p.store("left")
    p.take(Taken.REQUEST)
    p.take(Taken.REQUEST)
    p.jump("no_event", Condition.NEGATIVE)
    p.give(Given.EVENT)
    p.jump("run_word")
    p.label("no_event")
    p.subtract(ADVANCE)
    p.jump_unless("bad_word", Condition.ZERO)
    p.load("to")
    p.add("report_bytes")
    p.subtract(_END + 1)
    p.jump_unless("reply_too_long", Condition.CARRY)
    p.load(Control.START)
    p.give(Given.CONTROL)
    p.label("step")
    p.jump_unless("step", Is.IDLE)
    p.jump("events_refused", Is.REFUSED)
    p.load("result")
    p.add(1)
    p.store("result")
    p.load("report")
    p.jump("run_word", Condition.ZERO)
    p.store("count")
    p.set("index", "argument_low")
    p.set("place", Region.SPIKES | READS)
    p.label("report_word")
    p.load("index")
    p.call("read")
    p.load("element_low")
    p.call("write")
    p.load("index")
    p.add(1)
    p.store("index")
    p.load("count")
    p.subtract(1)
    p.store("count")
    p.jump_unless("report_word", Condition.ZERO)
    p.load("to")
    p.add("report_bytes")
    p.store("to")
    p.jump("run_word")


def _read_out(p: Assembler, config: CoreConfig) -> None:
    """The largest accumulator, lowest index first; and a page of them."""
    first_lane = Region.ACCUMULATOR | READS
    p.label("READ_OUT")
    p.set("place", Region.PROGRAM | READS)
    p.load(Prologue.READOUT_RULE)
    p.call("read")
    p.set("best_low", 0)
    p.set("best_high", 0)
    p.load("element_low")
    p.keep_bits(0b111)
    p.subtract(ReadoutRule.SPIKE_COUNT)
    p.jump_unless("to_beat", Condition.ZERO)
    p.set("best_high", _SIGN)
    p.label("to_beat")
    p.load(Prologue.READOUT_SIZE)
    p.call("read")
    p.set("count", "element_low")
    p.set("result", NO_DECISION)
    p.set("index", 0)
    p.store("slot")
    p.set("place", first_lane)
    p.label("accumulator")
    p.load("index")
    p.subtract("count")
    p.jump("decided", Condition.ZERO)
    p.load("slot")
    p.call("read")
    p.load("index")
    p.subtract("argument_low")
    p.jump("compare", Condition.CARRY)
    p.load("to")
    p.subtract(_PAGE_END)
    p.jump_unless("compare", Condition.CARRY)
    p.call("write_element_read")
    p.label("compare")
    p.load("element_high")
    p.add(_SIGN)
    p.store("element_high")
    p.load("best_high")
    p.subtract("element_high")
    p.jump("larger", Condition.CARRY)
    p.jump_unless("next_accumulator", Condition.ZERO)
    p.load("best_low")
    p.subtract("element_low")
    p.jump_unless("next_accumulator", Condition.CARRY)
    p.label("larger")
    p.set("best_high", "element_high")
    p.set("best_low", "element_low")
    p.set("result", "index")
    p.label("next_accumulator")  # is in the next lane
    p.load("index")
    p.add(1)
    p.store("index")
    p.load("place")
    p.add(1 << 4)
    p.store("place")
    p.subtract(first_lane + (config.lanes << 4))
    p.jump_unless("accumulator", Condition.ZERO)
    p.set("place", first_lane)
    p.load("slot")
    p.add(1)
    p.store("slot")
    p.jump("accumulator")
    p.label("decided")
    p.load("result")
    p.add("result")
    p.keep_bits(0b11110)
    p.add(LOADED)
    p.store("lights")
    p.give(Given.LIGHTS)
    p.jump("finish")


def _read(p: Assembler, config: CoreConfig) -> None:
    """READ_COUNTERS, READ_MEMORY; and how elements are read."""
    p.label("READ_COUNTERS")
    p.take(Taken.FRAME_ERRORS)
    p.take(Taken.LATE_STEPS)
    p.store("result")
    p.load("argument_low")
    p.keep_bits(1)
    p.store("clears")
    p.set("argument_low", 0)
    p.set("count", len(CounterWord))
    p.set("place", Region.COUNTER | READS)
    p.call("elements")
    p.load("clears")
    p.jump("finish", Condition.ZERO)
    p.load(Control.CLEAR_COUNTERS)
    p.give(Given.CONTROL)
    p.jump("finish")

    p.label("READ_MEMORY")
    p.load("argument_high")
    p.keep_bits(0xFF)
    p.store("count")
    p.subtract(1)
    p.subtract(MAX_ELEMENTS)
    p.jump_unless("bad_argument", Condition.CARRY)
    p.load("argument_high")
    p.take(Taken.NOTHING)
    p.store("place")
    p.subtract(config.lanes << 4)
    p.jump_unless("bad_argument", Condition.CARRY)
    p.load("place")
    p.add(READS)
    p.store("place")
    p.call("elements")
    p.jump("finish")

    p.routine("elements")  # ``count``, from ``argument_low`` on, into the reply
    p.label("next_element")
    p.load("argument_low")
    p.call("read")
    p.call("write_element_read")
    p.load("argument_low")
    p.add(1)
    p.store("argument_low")
    p.load("count")
    p.subtract(1)
    p.store("count")
    p.jump_unless("next_element", Condition.ZERO)
    p.back("elements")

    # The element of ``place`` whose address is in the register. Elements are read one by one: while
    # it is at it no events come in, and counters do not count.
    p.routine("read")
    p.store("address")
    p.load("place")
    p.give(Given.ELEMENT_PLACE)
    p.label("counting")
    p.jump_unless("counting", Is.SETTLED)
    p.load("address")
    p.give(Given.ADDRESS)
    for half in ("low", "high"):
        p.pause()
        p.take(Taken.ELEMENT)
        p.pause()
        p.take(Taken.ELEMENT)
        p.store(f"element_{half}")
    p.load(0)
    p.give(Given.ELEMENT_PLACE)
    p.back("read")

    p.routine("write_element_read")
    for half in ("low", "high"):
        p.load(f"element_{half}")
        p.call("write")
    p.load("to")
    p.add(4)
    p.store("to")
    p.back("write_element_read")


def _set_timer(p: Assembler) -> None:
    p.label("SET_TIMER")
    for half, port in (("low", Given.PERIOD_LOW), ("high", Given.PERIOD_HIGH)):
        p.load(f"argument_{half}")
        p.give(port)
    p.load(0)
    p.give(Given.TIMER)
    p.load("argument_low")
    p.jump_unless("timer_on", Condition.ZERO)
    p.load("argument_high")
    p.jump("finish", Condition.ZERO)
    p.label("timer_on")
    p.load(1)
    p.give(Given.TIMER)
    p.jump("finish")
