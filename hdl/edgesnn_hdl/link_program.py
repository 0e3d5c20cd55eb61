"""What the processor of the command unit does; the program of :mod:`edgesnn.protocol`.

One request at a time: check it, do it, put the reply into the transmitter's buffer, send it. A
request that was executed last and comes again gets the reply that is still there.

Images are loaded by :mod:`edgesnn_hdl.image_program`.
"""

from __future__ import annotations

from edgesnn.core_config import CoreConfig
from edgesnn.framing import HEADER_BYTES, MAX_PAYLOAD
from edgesnn.memory_layout import CounterWord, Prologue, Region
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
from edgesnn_hdl.image_program import image, load_requests
from edgesnn_hdl.link_ports import LANE_PLACE, LOADED, READS, Control, Given, Is, Taken
from edgesnn_hdl.processor import Condition

#: Where the data of a reply begin, and where they must end.
_DATA = HEADER_BYTES + REPLY_HEADER_BYTES
_END = HEADER_BYTES + MAX_PAYLOAD
_PAGE_END = _DATA + 4 * MAX_ELEMENTS

# What requests are like, above the address of what executes them.
_WITHOUT_ARGUMENT = 0x8000  # the sign, so that it needs no mask
_WITH_WORDS = 0x4000
_NEEDS_IMAGE = 0x2000

#: The sign of a word, which turns signed numbers into unsigned ones of the same order.
_SIGN = 0x8000


def link_program(config: CoreConfig, clock_khz: int) -> list[int]:
    """The words of the processor's memory, for a core of this size."""
    p = Assembler()
    _request(p)
    _reply(p)
    _identify(p, config, clock_khz)
    load_requests(p, config)
    image(p, config)
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
    p.take_word(Taken.REQUEST)
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
    p.take_word(Taken.REQUEST)
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
        p.take_word(Taken.REQUEST)
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
            ends_image = status in (Status.IMAGE_HEADER, Status.IMAGE_SECTION)
            p.jump("refuse_image" if ends_image else "refuse")
    p.label("refuse")
    p.store("status")
    p.jump("finish")
    p.label("refuse_image")
    p.store("status")
    p.set("next_word", 0)
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
    p.take_word(Taken.REQUEST)
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
    p.increase("result", 1)
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
    p.increase("index", 1)
    p.decrease("count", 1)
    p.jump_unless("report_word", Condition.ZERO)
    p.increase("to", "report_bytes")
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
    p.increase("element_high", _SIGN)
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
    p.increase("index", 1)
    p.increase("place", 1 << LANE_PLACE)
    p.subtract(first_lane + (config.lanes << LANE_PLACE))
    p.jump_unless("accumulator", Condition.ZERO)
    p.set("place", first_lane)
    p.increase("slot", 1)
    p.jump("accumulator")
    p.label("decided")
    p.load("result")
    p.add("result")  # above LOADED
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
    p.subtract(config.lanes << LANE_PLACE)
    p.jump_unless("bad_argument", Condition.CARRY)
    p.increase("place", READS)
    p.call("elements")
    p.jump("finish")

    p.routine("elements")  # ``count``, from ``argument_low`` on, into the reply
    p.label("next_element")
    p.load("argument_low")
    p.call("read")
    p.call("write_element_read")
    p.increase("argument_low", 1)
    p.decrease("count", 1)
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
    p.increase("to", 4)
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
