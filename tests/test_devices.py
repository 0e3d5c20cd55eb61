"""A device over its serial line: every message, every refusal, nothing half done.

The same sentences hold for the gates and for the firmware on a processor.
"""

import struct
import time
from dataclasses import replace

import numpy as np
import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.errors import DeviceReported
from edgesnn.events import EventStream
from edgesnn.framing import Frame, encode
from edgesnn.memory_image import pack
from edgesnn.memory_layout import CounterWord, HeaderWord, Prologue, Region
from edgesnn.network import (
    Connection,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.protocol import (
    ADVANCE,
    MAX_ELEMENTS,
    NEED_IMAGE,
    NO_DECISION,
    Identity,
    Message,
    Reply,
    Status,
    read_memory_argument,
    request_payload,
    run_argument,
)
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.serial_link import SerialLink
from edgesnn.synapses import Synapses
from edgesnn.virtual_board import VirtualBoard
from tests.firmware.board import FirmwareBoard
from tests.line import Line, advance
from tests.small_board import SMALL, small_network


@pytest.fixture(scope="module", params=[VirtualBoard, FirmwareBoard], ids=["gates", "firmware"])
def board(request):
    with request.param(SMALL) as board:
        yield board


@pytest.fixture
def link(board):
    with SerialLink(board.port, timeout=2.0) as link:
        link.request(Message.IDENTIFY)
        yield link


@pytest.fixture
def device(board):
    with SerialDevice(board.port, timeout=2.0) as device:
        device.load(small_network())
        device.counters(clear=True)
        yield device


def status(link, message, payload=b""):
    return link.ask(message, payload).status


def run_words(link, *words, argument=0):
    return link.ask(Message.RUN, struct.pack(f"<I{len(words)}H", argument, *words))


def with_crc(words):
    """An image whose CRC-32 matches again."""
    import zlib

    data = words[:-2].tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def unload(link):
    link.request(Message.LOAD_BEGIN, 1)


def test_identify_tells_the_core_and_what_is_loaded(board, device):
    image = pack(small_network(), SMALL)
    identity = device.identify()
    # A microcontroller has every feature, a core those that it was built with.
    in_software = isinstance(board, FirmwareBoard)
    assert identity.config == replace(SMALL, currents=in_software, delays=in_software)
    assert identity.clock_khz == 12_000
    assert identity.loaded
    assert identity.image_crc == int.from_bytes(image[-4:], "little")
    device.link.request(Message.LOAD_BEGIN, 5)
    assert not device.identify().loaded


def test_unknown_messages_are_refused(link):
    for message in (0x00, 0x0B, 0x21, 0x7F, 0x86):
        reply = link.ask(message, b"")
        assert reply == Reply(Status.UNKNOWN_MESSAGE)


def test_wrong_lengths_are_refused(link):
    for message in (Message.IDENTIFY, Message.LOAD_END, Message.RESET):
        assert status(link, message, b"\0") == Status.BAD_LENGTH
    for message in (Message.LOAD_BEGIN, Message.READ_OUT, Message.SET_TIMER):
        for length in (0, 3, 5, 8):
            assert status(link, message, bytes(length)) == Status.BAD_LENGTH
    for message in (Message.LOAD_DATA, Message.RUN):
        for length in (0, 2, 3, 5, 7):
            assert status(link, message, bytes(length)) == Status.BAD_LENGTH


def test_without_a_network_nothing_runs(link):
    unload(link)
    for message in NEED_IMAGE:
        assert status(link, message, request_payload(message)) == Status.NOT_LOADED
    assert status(link, Message.READ_COUNTERS, bytes(4)) == Status.OK


def test_data_must_follow_a_beginning(link):
    unload(link)
    assert status(link, Message.LOAD_END) == Status.IMAGE_INCOMPLETE
    assert status(link, Message.LOAD_END) == Status.NOT_LOADING
    assert status(link, Message.LOAD_DATA, bytes(8)) == Status.NOT_LOADING


def test_data_must_continue_where_they_ended(link):
    image = pack(small_network(), SMALL)
    link.request(Message.LOAD_BEGIN, len(image) // 2)
    link.request(Message.LOAD_DATA, 0, image[:20])
    for offset in (0, 9, 11, 10 + 2**20, 10 + 2**31):
        payload = request_payload(Message.LOAD_DATA, offset, image[20:40])
        assert status(link, Message.LOAD_DATA, payload) == Status.BAD_OFFSET
    link.request(Message.LOAD_DATA, 10, image[20:40])


def test_an_image_that_is_too_large_is_refused_at_once(link):
    assert status(link, Message.LOAD_BEGIN, struct.pack("<I", 2**18)) == Status.IMAGE_TOO_LARGE
    assert status(link, Message.LOAD_BEGIN, struct.pack("<I", 2**32 - 1)) == Status.IMAGE_TOO_LARGE
    assert status(link, Message.LOAD_DATA, bytes(8)) == Status.NOT_LOADING


def load_status(board, image):
    """Status of loading an image; whether something can run afterwards."""
    with SerialDevice(board.port, timeout=2.0) as device:
        device.identify()
        try:
            device.load_image(image)
        except DeviceReported as error:
            loaded = device.identify().loaded
            runs = device.link.ask(Message.RUN, struct.pack("<IH", 0, ADVANCE)).status
            return Status(error.status), loaded or runs != Status.NOT_LOADED
        return Status.OK, True


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (HeaderWord.MAGIC_LOW, 0),
        (HeaderWord.VERSION, 3),
        (HeaderWord.LANES, 1),
        (HeaderWord.STATE_BITS, 18),
        (HeaderWord.FEATURES, 4),
        (HeaderWord.NUM_INPUTS, SMALL.inputs + 1),
        (HeaderWord.SLOTS, 0),
        (HeaderWord.SYNAPSE_WORDS_MINUS_1, SMALL.synapse_words_per_lane),
        (HeaderWord.EVENTS, SMALL.events + 1),
        (31, 1),
    ],
)
def test_a_header_of_another_core_is_refused(board, word, value):
    words = np.frombuffer(pack(small_network(), SMALL), "<u2").copy()
    words[word] = value
    assert load_status(board, with_crc(words)) == (Status.IMAGE_HEADER, False)


@pytest.mark.parametrize(
    ("offset", "value"), [(0, 1), (0, 0x0100), (0, 0xFF), (1, 2), (2, 129), (3, 1)]
)
def test_a_section_that_is_not_the_expected_one_is_refused(board, offset, value):
    words = np.frombuffer(pack(small_network(), SMALL), "<u2").copy()
    words[32 + offset] = value
    assert load_status(board, with_crc(words)) == (Status.IMAGE_SECTION, False)


def test_words_behind_the_end_are_refused(board):
    image = pack(small_network(), SMALL)
    assert load_status(board, image + bytes(4)) == (Status.IMAGE_SECTION, False)


def test_a_cut_image_is_refused(board):
    image = pack(small_network(), SMALL)
    for length in (2, 64, len(image) // 4 * 2, len(image) - 2):
        assert load_status(board, image[:length]) == (Status.IMAGE_INCOMPLETE, False)


def test_an_image_with_a_flipped_bit_never_runs(board):
    image = pack(small_network(), SMALL)
    for bit in np.random.default_rng(5).choice(8 * len(image), 40, replace=False):
        damaged = bytearray(image)
        damaged[bit // 8] ^= 1 << bit % 8
        found, runs = load_status(board, bytes(damaged))
        assert found in (
            Status.IMAGE_HEADER,
            Status.IMAGE_SECTION,
            Status.IMAGE_DAMAGED,
            Status.IMAGE_INCOMPLETE,
        )
        assert not runs
    assert load_status(board, image) == (Status.OK, True)


def test_words_that_are_neither_event_nor_advance_are_refused(device):
    for word in (0x8000, 0xFFFE):
        assert run_words(device.link, ADVANCE, word, ADVANCE) == Reply(Status.BAD_WORD, 1)
    assert device.counters().words[CounterWord.STEPS] == 2


def test_a_step_with_refused_events_does_not_run(device):
    reference = Reference(small_network())
    reply = run_words(device.link, 1, ADVANCE, 2, 2, ADVANCE, 3, ADVANCE)
    assert reply == Reply(Status.EVENTS_REFUSED, 1)
    counters = device.counters()
    assert counters.words[CounterWord.STEPS] == 1
    assert counters.words[CounterWord.DROPPED] == 2
    assert run_words(device.link, 9, ADVANCE) == Reply(Status.EVENTS_REFUSED, 0)
    # Nothing of it is left: the run goes on as if it had not been asked for.
    expected = reference.run(EventStream.from_steps([[1], [4], [], [5, 6]]))
    device.run(EventStream.from_steps([[4], [], [5, 6]]))
    decision, accumulators = device.read_out()
    assert decision == expected.decision
    assert accumulators.tolist() == expected.accumulators.tolist()


def test_spikes_that_would_not_fit_are_refused_before_the_step(device):
    words = [ADVANCE] * 10
    reply = run_words(device.link, *words, argument=run_argument(0, 16))
    assert reply.status == Status.REPLY_TOO_LONG
    assert reply.result == 7
    assert len(reply.data) == 7 * 32
    assert device.counters().words[CounterWord.STEPS] == 7
    assert run_words(device.link, ADVANCE, argument=run_argument(0, 120)).status == Status.OK
    assert run_words(device.link, ADVANCE, argument=run_argument(0, 121)).status == (
        Status.REPLY_TOO_LONG
    )


def test_a_step_may_be_spread_over_requests(device):
    expected = Reference(small_network()).run(EventStream.from_steps([[1, 2, 3], [4]]))
    for words in ([1], [2, 3], [], [ADVANCE, 4], [ADVANCE]):
        run_words(device.link, *words)
    decision, accumulators = device.read_out()
    assert decision == expected.decision
    assert accumulators.tolist() == expected.accumulators.tolist()


def of_constant_outputs(values):
    """A network whose outputs are these values in every step."""
    zero = np.zeros(len(values), int)
    output = LifPopulation("output", zero, zero, np.array(values), False, membrane_bits=2)
    weights = Synapses.from_dense(np.zeros((1, len(values)), int))
    return Network(
        (InputPopulation("input", 1), output),
        (Connection(0, 1, weights),),
        Readout(1, ReadoutRule.MEMBRANE_LAST, 1),
    )


@pytest.mark.parametrize(
    "values",
    [
        [5, 7, 7, -3],
        [-5, -2, -9, -2, -2],
        [-1, 0, 255, 256, 256, 255],
        [-32000, -32000, -31999],
        [32000, -1, 32000],
        [-32000],
    ],
    ids=str,
)
def test_the_largest_output_decides_and_on_a_tie_the_lowest_index(device, values):
    device.load(of_constant_outputs(values))
    device.run(EventStream.from_steps([[]]))
    decision, accumulators = device.read_out()
    assert accumulators.tolist() == values
    assert decision == values.index(max(values))


def test_nothing_is_decided_after_a_reset(device):
    device.run(EventStream.from_steps([range(9)] * 6))
    assert device.read_out()[0] is not None
    device.reset()
    reply = device.link.request(Message.READ_OUT, 0)
    assert reply.result == NO_DECISION
    assert reply.data == bytes(12)


def test_memories_can_be_read(device):
    link = device.link
    reply = link.request(Message.READ_MEMORY, read_memory_argument(Region.PROGRAM, 0, 0, 6))
    program = struct.unpack("<6I", reply.data)
    assert program[Prologue.READOUT_SIZE] == 3
    assert program[Prologue.NUM_INPUTS] == 9
    for lane, count in ((2, 1), (15, 1), (0, 0), (0, MAX_ELEMENTS + 1)):
        argument = read_memory_argument(Region.MEMBRANE, lane, 0, count)
        payload = request_payload(Message.READ_MEMORY, argument)
        assert status(link, Message.READ_MEMORY, payload) == Status.BAD_ARGUMENT
    assert link.request(Message.READ_MEMORY, read_memory_argument(Region.MEMBRANE, 1, 0, 60))


def test_counters_are_cleared_when_asked_for(device):
    device.run(EventStream.from_steps([[1], [2]]))
    assert device.counters(clear=True).words[CounterWord.STEPS] == 2
    after = device.counters()
    assert after.words[: CounterWord.STEPS_SINCE_RESET] == (0,) * 7
    assert after.words[CounterWord.STEPS_SINCE_RESET] == 2


def test_the_timer_advances_by_itself(board, device):
    device.push([1, 2, 3])
    device.link.request(Message.SET_TIMER, 5000)
    time.sleep(0.1)
    while (counters := device.counters()).words[CounterWord.STEPS] <= 3:
        time.sleep(0.01)
    assert counters.words[CounterWord.EVENTS] == 3
    if isinstance(board, VirtualBoard):  # a process is late when its machine is busy
        assert counters.late_steps == 0
    device.link.request(Message.SET_TIMER, 0)
    steps = device.counters().words[CounterWord.STEPS]
    time.sleep(0.02)
    assert device.counters().words[CounterWord.STEPS] == steps


def test_a_timer_that_is_too_fast_is_counted_and_does_not_lock_the_host_out(device):
    device.link.request(Message.SET_TIMER, 1)
    time.sleep(0.02)
    assert device.counters().late_steps == 255
    device.reset()
    device.counters(clear=True)
    time.sleep(0.02)
    assert device.counters().words[CounterWord.STEPS] == 0


@pytest.fixture
def line(board):
    with SerialDevice(board.port, timeout=2.0) as device:
        device.load(small_network())
        device.counters(clear=True)
    line = Line(board.port)
    yield line
    line.port.close()


def test_a_request_that_comes_twice_is_executed_once_and_answered_twice(line):
    first = line.say(advance(7), replies=1)
    assert line.say(advance(7), replies=1) == first
    assert line.say(advance(8), replies=1)[0].sequence == 8
    assert line.steps_and_errors() == (2, 0)


def test_identify_is_always_executed(line):
    request = encode(Frame(Message.IDENTIFY, 9))
    assert line.say(request, replies=1) == line.say(request, replies=1)
    line.say(encode(Frame(Message.LOAD_BEGIN, 10, bytes(4))))
    (reply,) = line.say(request, replies=1)
    (again,) = line.say(request, replies=1)
    assert reply == again
    assert not Identity.from_reply(Reply.decode(reply.payload)).loaded


@pytest.mark.parametrize("seed", range(4))
def test_the_line_recovers_from_garbage_without_a_reset(line, seed):
    rng = np.random.default_rng(seed)
    garbage = rng.bytes(int(rng.integers(1, 700)))
    line.say(garbage + b"\0")
    frames = line.say(advance(30 + seed), replies=1)
    assert [f.sequence for f in frames] == [30 + seed]
    steps, errors = line.steps_and_errors()
    assert steps == 1
    assert errors >= 1


def test_damaged_requests_are_not_executed(line):
    wire = advance(3)
    for bit in range(0, 8 * (len(wire) - 1), 7):
        damaged = bytearray(wire)
        damaged[bit // 8] ^= 1 << bit % 8
        assert line.say(bytes(damaged), 0.01) == []
    assert line.steps_and_errors()[0] == 0


def test_read_outs_of_more_than_one_page_and_recordings_agree(board):
    network = small_network(3, outputs=70)
    stream = EventStream.from_raster(np.random.default_rng(1).random((12, 9)) < 0.5)
    with SerialDevice(board.port, timeout=2.0) as device:
        device.load(network)
        found = device.run(stream, record=True)
    assert differences(Reference(network).run(stream), found) == []
    assert len(found.accumulators) > MAX_ELEMENTS
