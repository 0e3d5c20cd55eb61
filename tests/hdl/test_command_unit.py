"""The command unit alone, between a request by hand and a core that only pretends."""

import struct

from edgesnn.memory_layout import Region
from edgesnn.protocol import (
    Message,
    Status,
    read_memory_argument,
    request_payload,
)
from tests.hdl.request_bench import RequestBench
from tests.small_board import SMALL


def test_a_reply_has_header_status_and_result():
    (reply,) = RequestBench(SMALL).run((0x55, 7, b""))
    assert reply == bytes((0xD5, 7, 3, 0, Status.UNKNOWN_MESSAGE, 0, 0))


def test_counters_are_read_in_order_and_low_byte_first():
    (reply,) = RequestBench(SMALL).run((Message.READ_COUNTERS, 1, bytes(4)))
    assert reply[:7] == bytes((0x88, 1, 35, 0, Status.OK, 0, 0))
    assert struct.unpack("<8I", reply[7:]) == tuple(Region.COUNTER << 24 | n for n in range(8))


def test_memory_is_never_touched_without_a_network():
    bench = RequestBench(SMALL)
    argument = read_memory_argument(Region.MEMBRANE, 1, 5, 2)
    (reply,) = bench.run((Message.READ_MEMORY, 1, request_payload(Message.READ_MEMORY, argument)))
    assert reply[4] == Status.NOT_LOADED
    assert not bench.touched


def test_the_same_request_gets_the_stored_reply():
    bench = RequestBench(SMALL)
    first, again, other = bench.run(
        (Message.LOAD_BEGIN, 1, bytes(4)),
        (Message.LOAD_BEGIN, 1, bytes(4)),
        (Message.LOAD_END, 1, b""),
    )
    assert first == again
    assert other[:1] == b"\x84"


def test_identify_is_never_taken_for_a_repetition():
    first, second = RequestBench(SMALL).run((Message.IDENTIFY, 1, b""), (Message.IDENTIFY, 1, b""))
    assert first == second
    assert first[4:7] == bytes((Status.OK, 1, 0))
