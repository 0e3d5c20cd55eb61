"""Messages: their bytes, and docs/protocol.md against the code."""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.core_config import LANES, CoreConfig
from edgesnn.errors import FrameError, ProtocolMismatch
from edgesnn.framing import MAX_PAYLOAD, Frame, decode
from edgesnn.memory_layout import CounterWord, Region
from edgesnn.number_format import STATE_BITS
from edgesnn.protocol import (
    ADVANCE,
    CONFIG_FIELDS,
    DECISION,
    MAX_ELEMENTS,
    MAX_REPORT_WORDS,
    MAX_WORDS,
    PROTOCOL_VERSION,
    REPLY_BIT,
    STATUS_TEXT,
    TAKING_OVER,
    DeviceCounters,
    Identity,
    Message,
    Reply,
    Status,
    decode_elements,
    read_memory_argument,
    request_payload,
    run_argument,
    status_text,
)

TEXT = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text()


def rows(heading):
    """Cells of the tables in a section of the document, without heads and rules."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = [[c.strip() for c in r.strip("|").split("|")] for r in section.splitlines() if "|" in r]
    return [r for r in found if not set(r[0]) <= set("-")]


def test_the_document_is_of_this_version():
    assert TEXT.startswith(f"# The serial protocol, version {PROTOCOL_VERSION}\n")


def test_the_document_lists_every_message():
    listed = {r[1]: int(r[0], 16) for r in rows("Messages") if r[0].startswith("0x")}
    assert listed == {m.name: m.value for m in Message}


def test_the_document_lists_every_status():
    listed = {r[1]: int(r[0]) for r in rows("Status") if r[0].isdigit()}
    assert listed == {s.name: s.value for s in Status}
    assert set(STATUS_TEXT) == set(Status)


def test_the_document_tells_the_frame_that_nobody_asks_for():
    ((code, name, *_),) = [r for r in rows("By itself") if r[0].startswith("0x")]
    assert (int(code, 16), name) == (DECISION, "DECISION")
    assert DECISION & ~REPLY_BIT not in set(Message)
    looking = set(Message) - set(TAKING_OVER)
    assert ", ".join(m.name for m in sorted(looking)[:-1]) + " and READ_MEMORY" in TEXT


def test_the_document_lists_the_fields_of_the_identity_at_their_offsets():
    listed = [(int(r[0]), r[1].split()[0]) for r in rows("Messages") if r[0].isdigit()]
    assert [n for n, name in listed if name in CONFIG_FIELDS] == list(
        range(9, 9 + len(CONFIG_FIELDS))
    )
    assert [name for _, name in listed if name in CONFIG_FIELDS] == list(CONFIG_FIELDS)


def test_the_document_names_the_counters_in_order():
    assert ", ".join(word.name for word in CounterWord) in " ".join(TEXT.split())


def test_the_document_gives_the_limits():
    assert f"0..{MAX_PAYLOAD}" in TEXT
    assert f"at most {MAX_WORDS} " in TEXT
    assert f"1..{MAX_ELEMENTS} elements" in TEXT
    assert f"up to {MAX_ELEMENTS} accumulators" in TEXT
    assert f"0..{2 * MAX_REPORT_WORDS + 1}" in TEXT


def test_the_examples_of_the_document_are_the_bytes_of_the_code():
    examples = [
        decode(bytes.fromhex(hexes)[:-1])
        for hexes in re.findall(r"\| `([0-9A-F ]+)` \|", TEXT.split("## Examples")[1])
    ]
    assert examples == [
        Frame(0x01, 1),
        Frame(0x81, 1, Identity(CoreConfig(), 12_000, False, 0).reply().encode()),
        Frame(0x03, 2, b"\0\0\0\0ESNI"),
        Frame(0x83, 2, b"\0\0\0"),
        Frame(0x06, 3, bytes.fromhex("02000100 0300 0700 FFFF")),
        Frame(0x86, 3, bytes.fromhex("00 0100 0100")),
        Frame(0x07, 4, bytes(4)),
        Frame(0x87, 4, bytes.fromhex("00 0100 05000000 09000000")),
        Frame(0x86, 5, bytes.fromhex("0D 0000")),
    ]


def test_requests_are_an_argument_and_words():
    assert request_payload(Message.IDENTIFY) == b""
    assert request_payload(Message.SET_TIMER, 0x01020304) == b"\4\3\2\1"
    words = struct.pack("<2H", 5, ADVANCE)
    assert request_payload(Message.RUN, run_argument(0x1234, 0x56), words) == bytes.fromhex(
        "34125600 0500 FFFF"
    )
    assert read_memory_argument(Region.SPIKES, 3, 0x1234, 60) == 0x393C1234


@given(
    st.sampled_from(LANES),
    st.sampled_from(STATE_BITS),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_an_identity_comes_back_as_it_was(lanes, state_bits, loaded, crc, counts_cycles):
    config = CoreConfig(lanes=lanes, state_bits=state_bits)
    identity = Identity(config, 24_000, loaded, crc, counts_cycles)
    assert Identity.from_reply(Reply.decode(identity.reply().encode())) == identity


def test_another_version_is_refused_with_what_to_do():
    with pytest.raises(
        ProtocolMismatch, match="must speak protocol version 1, not 2; build and flash it"
    ):
        Identity.from_reply(Reply(0, 2, b"whatever"))


def test_a_core_that_cannot_be_is_refused():
    reply = Identity(CoreConfig(), 1, False, 0).reply()
    with pytest.raises(ProtocolMismatch, match="state_bits must be one of"):
        Identity.from_reply(Reply(0, reply.result, reply.data[:10] + b"\7" + reply.data[11:]))
    with pytest.raises(FrameError, match="IDENTIFY must be answered by 18 bytes of data"):
        Identity.from_reply(Reply(0, reply.result, reply.data[:-1]))


def test_replies_that_are_too_short_are_refused():
    with pytest.raises(FrameError, match="a reply must have at least 3 bytes"):
        Reply.decode(b"\0\0")
    with pytest.raises(FrameError, match="the reply must hold 2 elements, not 7 bytes"):
        decode_elements(Reply(0, 0, bytes(7)), 2)


def test_counters_of_a_run_are_differences_that_may_wrap():
    before = DeviceCounters((10, 20, 2**32 - 5, 0, 0, 0, 100, 7))
    after = DeviceCounters((12, 25, 5, 1, 0, 0, 190, 9), 3, 1)
    run = after.since(before)
    assert (run.steps, run.events, run.sops, run.spikes, run.cycles) == (2, 5, 10, 1, 90)
    assert after.errors == {"frame errors": 3, "late steps": 1}
    assert DeviceCounters((0, 0, 0, 0, 4, 5, 0, 0)).errors == {
        "overflows": 4,
        "dropped events": 5,
    }


def test_errors_of_the_line_come_in_the_result_of_read_counters():
    counters = DeviceCounters.from_reply(Reply(0, 0x0203, struct.pack("<8I", *range(8))))
    assert counters == DeviceCounters(tuple(range(8)), 3, 2)


def test_every_status_says_what_it_means():
    assert status_text(Status.NOT_LOADED) == (
        "NOT_LOADED: a network must be loaded first; load one"
    )
    assert status_text(99) == "status 99, which this version of edgesnn does not know"
