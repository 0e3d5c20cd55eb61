"""Requests and replies over a port that loses, damages and doubles them."""

import os
import tty

import pytest

from edgesnn.errors import DeviceReported, LinkTimeout, PortError
from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.protocol import REPLY_BIT, Message, Reply, Status
from edgesnn.serial_link import SerialLink, open_port


class MemoryPort:
    """A device in memory that answers every frame; what comes back can be tampered with.

    answers   one function for each frame that arrives, from its reply's bytes to what the host
              gets; the last one serves all later frames
    """

    def __init__(self, *answers, reply=None):
        self.timeout = None
        self.requests = []
        self.closed = False
        self._answers = list(answers) or [lambda wire: wire]
        self._reply = reply or Reply(Status.OK, 7, b"data")
        self._reader = FrameReader()
        self._waiting = b""

    @property
    def in_waiting(self):
        return len(self._waiting)

    def read(self, size=1):
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    def write(self, data):
        for frame in self._reader.feed(data):
            self.requests.append(frame)
            wire = encode(Frame(frame.type | REPLY_BIT, frame.sequence, self._reply.encode()))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            self._waiting += answer(wire)
        return len(data)

    def close(self):
        self.closed = True


def nothing(_wire):
    return b""


def as_it_is(wire):
    return wire


def link_to(port, retries=3):
    return SerialLink(port, timeout=0.02, retries=retries)


def test_a_reply_belongs_to_its_request():
    port = MemoryPort()
    link = link_to(port)
    assert link.request(Message.READ_OUT, 3) == Reply(Status.OK, 7, b"data")
    assert link.request(Message.RUN, 1, b"\2\0") == Reply(Status.OK, 7, b"data")
    assert [f.payload for f in port.requests] == [b"\3\0\0\0", b"\1\0\0\0\2\0"]
    assert port.requests[0].sequence != port.requests[1].sequence


def test_a_request_without_an_answer_is_sent_again_with_the_same_sequence_number():
    port = MemoryPort(nothing, nothing, as_it_is)
    link = link_to(port)
    link.request(Message.RESET)
    assert len(port.requests) == 3
    assert len(set(port.requests)) == 1
    assert link.statistics.retries == 2


def test_damaged_replies_are_counted_and_asked_for_again():
    port = MemoryPort(lambda wire: wire[:-4] + b"\0", lambda wire: b"\x55" * 30 + wire, as_it_is)
    link = link_to(port)
    link.request(Message.RESET)
    assert link.statistics.bad_frames == 2
    assert link.statistics.retries == 2


def test_old_and_foreign_replies_are_passed_over():
    def with_strays(wire):
        return encode(Frame(0x81, 99, b"\0\0\0")) + encode(Frame(0x83, 1, b"\0\0\0")) + wire + wire

    link = link_to(MemoryPort(with_strays))
    assert link.request(Message.IDENTIFY).result == 7
    assert link.statistics.stray == 3
    assert link.statistics.retries == 0


def test_a_reply_that_is_too_short_is_passed_over():
    port = MemoryPort(lambda _: encode(Frame(0x85, 1, b"\0")), as_it_is)
    link = link_to(port)
    assert link.request(Message.RESET).result == 7
    assert link.statistics.stray == 1


def test_a_reply_may_come_byte_by_byte():
    class Slow(MemoryPort):
        @property
        def in_waiting(self):
            return 0

    assert link_to(Slow()).request(Message.RESET).result == 7


def test_sequence_numbers_wrap():
    port = MemoryPort()
    link = link_to(port)
    for _ in range(300):
        link.request(Message.RESET)
    assert {f.sequence for f in port.requests} == set(range(256))


def test_silence_ends_in_an_error_that_says_what_to_do():
    link = link_to(MemoryPort(nothing), retries=2)
    with pytest.raises(
        LinkTimeout, match="must answer within 0.02 s, and did not after 3 attempts; check that"
    ):
        link.request(Message.IDENTIFY)


def test_a_refusal_names_its_status():
    link = link_to(MemoryPort(reply=Reply(Status.NOT_LOADED)))
    with pytest.raises(
        DeviceReported, match="RUN: NOT_LOADED: a network must be loaded first"
    ) as e:
        link.request(Message.RUN)
    assert e.value.status == Status.NOT_LOADED


def test_the_line_is_cleared_when_a_link_begins():
    port = MemoryPort()
    port.write(encode(Frame(6, 1))[:4])
    link_to(port).request(Message.RESET)
    assert [f.type for f in port.requests] == [Message.RESET]


def test_a_closed_link_says_so():
    port = MemoryPort()
    with link_to(port) as link:
        pass
    link.close()
    assert port.closed
    with pytest.raises(PortError, match="must be open; it was closed"):
        link.request(Message.RESET)


@pytest.mark.parametrize("method", ["read", "write"])
def test_a_port_that_goes_away_is_reported(method):
    port = MemoryPort()
    link = link_to(port)

    def fail(*_):
        raise OSError(5, "Input/output error")

    setattr(port, method, fail)
    with pytest.raises(PortError, match="must stay connected, and went away"):
        link.request(Message.RESET)


def test_an_absent_port_says_how_to_find_the_right_one():
    with pytest.raises(PortError, match="port /dev/no-such-port must exist; connect the board"):
        open_port("/dev/no-such-port")


def test_a_busy_port_says_so():
    outer, inner = os.openpty()
    tty.setraw(inner)
    try:
        first = open_port(os.ttyname(inner))
        with pytest.raises(PortError, match="must be free; another program has opened it"):
            open_port(os.ttyname(inner))
        first.close()
    finally:
        os.close(outer)
        os.close(inner)


def test_an_address_where_nobody_listens_says_so():
    with pytest.raises(PortError, match="nobody listens at socket://127.0.0.1:9; start the virt"):
        open_port("socket://127.0.0.1:9")


def test_an_address_that_means_nothing_says_what_is_wanted():
    with pytest.raises(PortError, match="must be a serial port or an address like socket://HOST"):
        open_port("nonsense://x")
