"""The device of the firmware: the answers of the reference and of the gates, over any line."""

import struct
import subprocess
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.backends.simulated import ReferenceBackend
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DeviceReported
from edgesnn.events import EventStream
from edgesnn.framing import Frame, FrameReader, decode, encode
from edgesnn.memory_image import pack, sections
from edgesnn.memory_layout import CounterWord, HeaderWord, MemoryLayout, Region
from edgesnn.protocol import (
    ADVANCE,
    MAX_WORDS,
    PROTOCOL_VERSION,
    REPLY_BIT,
    REPLY_HEADER_BYTES,
    DeviceCounters,
    Identity,
    Message,
    Reply,
    Status,
    read_memory_argument,
    request_payload,
)
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.serial_link import open_port
from edgesnn.verification import compare, run_windows, with_predicted_cycles
from edgesnn.virtual_board import VirtualBoard
from tests.firmware.board import CLOCK_KHZ, SANITIZED, FirmwareBoard, build, options
from tests.firmware.library import Device
from tests.firmware.mutations import section_at
from tests.firmware.streams import lines, requests
from tests.line import Line, advance
from tests.small_board import SMALL, FaultyPort, small_network
from tests.strategies import random_events
from tests.test_serial_device import fitting_networks, readout_only

MCU = CoreConfig(state_bits=24, neurons=2048, inputs=4096, events=4096, program_words=1024)


@pytest.fixture(scope="module")
def board():
    with FirmwareBoard(SMALL, flags=SANITIZED) as board:
        yield board


@pytest.fixture
def device(board):
    with SerialDevice(board.port, timeout=3.0) as device:
        device.load(small_network())
        device.counters(clear=True)
        yield device


def load_status(board, image):
    """Status of loading an image. Whatever it is, the next one must load."""
    with SerialDevice(board.port, timeout=3.0) as device:
        device.identify()
        try:
            device.load_image(image)
        except DeviceReported as error:
            assert not device.identify().loaded
            run = struct.pack("<IH", 0, ADVANCE)
            assert device.link.ask(Message.RUN, run).status == Status.NOT_LOADED
            device.load(small_network())
            device.run(EventStream.from_steps([[1]]))
            return Status(error.status)
        return Status.OK


def with_words(image, changes):
    """The image with other words at some places, and a CRC-32 that matches again."""
    words = np.frombuffer(image, "<u2").copy()
    for place, value in changes.items():
        words[place] = value
    data = words[:-2].tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def test_it_says_what_it_is(board, device):
    identity = device.identify()
    assert identity.config == replace(SMALL, currents=True, delays=True)
    assert identity.clock_khz == CLOCK_KHZ
    assert identity.image_crc == zlib.crc32(pack(small_network(), SMALL)[:-4])
    assert not identity.counts_cycles


@pytest.mark.parametrize(
    "config", [MCU, SMALL, CoreConfig(lanes=16, state_bits=18, inputs=512, events=2048)], ids=str
)
def test_random_networks_give_the_results_of_the_reference(config):
    with FirmwareBoard(config) as board, SerialDevice(board.port, timeout=3.0) as device:
        for seed, network in fitting_networks(12, replace(config, currents=True, delays=True)):
            stream = random_events(network, seed, 10)
            reference = Reference(network)
            device.load(network)
            assert differences(reference.run(stream), device.run(stream, record=True)) == [], seed
            # State goes on from run to run, until a reset.
            expected = readout_only(network, reference.run(stream))
            assert differences(expected, device.run(stream)) == [], seed
            device.reset()
            reference.reset()
            expected = readout_only(network, reference.run(stream))
            assert differences(expected, device.run(stream)) == [], seed
            assert device.counters().errors == {}


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_costs_time_and_no_bit(board, seed):
    network = small_network(seed)
    stream = EventStream.from_raster(np.random.default_rng(seed).random((12, 9)) < 0.4)
    port = FaultyPort(open_port(board.port), seed, every=8)
    with SerialDevice(port, timeout=0.05, retries=50) as device:
        device.load(network)
        device.reset()
        expected = Reference(network).run(stream)
        assert differences(expected, device.run(stream, record=True)) == []
        assert port.faults > 10


def test_verification_asks_no_cycles_of_a_processor(board):
    network = small_network()
    streams = [
        EventStream.from_raster(np.random.default_rng(s).random((10, 9)) < 0.4) for s in (1, 2)
    ]
    reference = ReferenceBackend()
    reference.load(network)
    expected = with_predicted_cycles(run_windows(reference, streams), network, SMALL, streams)
    with SerialDevice(board.port, timeout=3.0) as device:
        agreement, results = compare(expected, device, network, streams)
    assert (agreement.windows, agreement.mismatches) == (2, 0)
    assert all(e.counters.cycles for e in expected)
    assert not any(r.counters.cycles for r in results)


# Loading.


def test_every_way_in_which_an_image_can_be_wrong_has_its_status(board):
    image = pack(small_network(), SMALL)
    program, bias = section_at(image, Region.PROGRAM), section_at(image, Region.BIAS)
    synapses, threshold = section_at(image, Region.SYNAPSES), section_at(image, Region.THRESHOLD)
    total = len(image) // 2
    expected = {
        Status.IMAGE_HEADER: [
            with_words(image, {HeaderWord.VERSION: 3}),
            with_words(image, {HeaderWord.FEATURES: 4}),
            pack(small_network(), CoreConfig(lanes=1)),
        ],
        Status.IMAGE_SECTION: [
            image + bytes(2),
            with_words(image, {program - 4: 1}),
            with_words(image, {program: 5}),  # there is no such rule of the read-out
            with_words(image, {program + 6: 0}),
            with_words(image, {synapses + 256: 0xFFFF}),
            with_words(image, {threshold + 1: 0x7F}),  # beyond 16 bits
        ],
        Status.IMAGE_INCOMPLETE: [image[:2], image[:64], image[:200], image[:-2]],
        Status.IMAGE_DAMAGED: [image[:-1] + bytes((image[-1] ^ 1,))],
        Status.IMAGE_RULE: [with_words(image, {bias: 0x7FFF, bias + 1: 0})],
        Status.IMAGE_TOO_LARGE: [image + bytes(2 * (1 << 18) - len(image))],
        Status.OK: [image],
    }
    found = {s: [load_status(board, i).name for i in images] for s, images in expected.items()}
    assert found == {s: [s.name] * len(images) for s, images in expected.items()}
    assert total == int.from_bytes(image[8:12], "little")


@pytest.mark.parametrize(
    ("option", "refused"), [("--memory-bytes", "LOAD_END"), ("--image-bytes", "LOAD_BEGIN")]
)
def test_a_network_that_needs_more_memory_than_there_is_is_refused(option, refused):
    with (
        FirmwareBoard(SMALL, option, "200", flags=SANITIZED) as board,
        SerialDevice(board.port) as device,
    ):
        with pytest.raises(DeviceReported, match=f"{refused}: IMAGE_TOO_LARGE"):
            device.load(small_network())
        assert not device.identify().loaded


def test_an_image_with_a_flipped_bit_never_runs(board):
    image = pack(small_network(), SMALL)
    for bit in np.random.default_rng(6).choice(8 * len(image), 60, replace=False):
        damaged = bytearray(image)
        damaged[bit // 8] ^= 1 << bit % 8
        assert load_status(board, bytes(damaged)) in {
            Status.IMAGE_HEADER,
            Status.IMAGE_SECTION,
            Status.IMAGE_DAMAGED,
            Status.IMAGE_INCOMPLETE,
        }


def test_more_words_than_announced_are_refused(device):
    image = pack(small_network(), SMALL)
    link = device.link
    link.request(Message.LOAD_BEGIN, 10)
    link.request(Message.LOAD_DATA, 0, image[:16])
    payload = request_payload(Message.LOAD_DATA, 8, image[16:22])
    assert link.ask(Message.LOAD_DATA, payload).status == Status.IMAGE_SECTION
    assert link.ask(Message.LOAD_DATA, payload).status == Status.NOT_LOADING
    assert link.ask(Message.LOAD_END, b"").status == Status.NOT_LOADING


def test_nothing_runs_while_an_image_is_being_loaded(device):
    image = pack(small_network(), SMALL)
    device.link.request(Message.LOAD_BEGIN, len(image) // 2)
    for first in range(0, len(image), 2 * MAX_WORDS):
        device.link.request(Message.LOAD_DATA, first // 2, image[first : first + 2 * MAX_WORDS])
        run = device.link.ask(Message.RUN, struct.pack("<IHH", 0, 1, ADVANCE))
        assert run == Reply(Status.NOT_LOADED)
        assert not device.identify().loaded
    device.link.request(Message.LOAD_END)
    assert device.identify().loaded
    stream = EventStream.from_steps([[1], [2, 3], []])
    expected = Reference(small_network()).run(stream)
    assert differences(expected, device.run(stream, record=True)) == []


def test_counters_outlive_a_network(device):
    device.run(EventStream.from_steps([[1], [2]]))
    before = device.counters()
    device.link.ask(Message.RUN, struct.pack("<I3H", 0, 2, 2, ADVANCE))
    device.link.request(Message.LOAD_BEGIN, 5)
    assert device.counters().words[: CounterWord.DROPPED] == before.words[: CounterWord.DROPPED]
    device.load(small_network())
    device.run(EventStream.from_steps([[1]]))
    counters = device.counters(clear=True)
    assert counters.words[CounterWord.STEPS] == 3
    assert counters.errors == {"dropped events": 2}
    device.link.request(Message.LOAD_BEGIN, 5)
    assert device.counters().words == (0,) * 8


# Memories.


def test_memories_are_those_of_the_image_and_wrap(device):
    image = pack(small_network(), SMALL)
    layout = MemoryLayout(SMALL)
    for (region, lane), elements in sections(np.frombuffer(image[:-4], "<u2")):
        depth = layout.depth(region)
        values = np.zeros(depth, np.int64)
        values[: len(elements)] = elements
        found = device.read_memory(region, lane, depth - 40, 100)
        assert found.tolist() == np.roll(values, 40)[:100].tolist(), region


def test_accumulators_and_membranes_are_where_a_core_has_them(device):
    network = small_network(3, outputs=70)
    device.load(network)
    stream = EventStream.from_raster(np.random.default_rng(1).random((12, 9)) < 0.5)
    accumulators = Reference(network).run(stream).accumulators
    device.run(stream)
    for lane in (0, 1):
        found = device.read_memory(Region.ACCUMULATOR, lane, 0, 40)
        assert found.tolist() == [*accumulators[lane::2], *[0] * 5]
    assert len(set(accumulators.tolist())) > 3


def test_what_a_network_has_not_is_0(device):
    device.run(EventStream.from_steps([range(9)] * 5))
    for region in Region:
        depth = MemoryLayout(SMALL).depth(region)
        if region not in (Region.COUNTER, Region.PROGRAM):
            assert not device.read_memory(region, 1, depth - 30, 30).any()
    for nothing in (5, 7, 12, 15):
        assert not device.read_memory(nothing, 1, 0, 60).any()
    steps = device.read_memory(Region.COUNTER, 1, 0, 16).tolist()
    assert steps[:8] == steps[8:] == list(device.counters().words)


@st.composite
def conversations(draw):
    """Requests whose answers do not depend on memory that no network has filled."""
    kept = []
    for message, payload in draw(st.lists(requests(), max_size=30)):
        if message in (Message.LOAD_BEGIN, Message.LOAD_DATA, Message.SET_TIMER):
            continue
        argument, words = payload[:4], payload[4:]
        if message is Message.READ_MEMORY:
            region = draw(st.sampled_from((0, 8, 9, 10)))
            most = {0: 20, 8: 7, 9: 2, 10: 1}[region]
            lane, count = draw(st.integers(0, 2)), draw(st.integers(0, most))
            argument = struct.pack("<I", read_memory_argument(region, lane, 0, count))
        if message is Message.RUN:
            argument = struct.pack("<I", draw(st.integers(0, 2)) << 16)
        kept.append((message, argument + words))
    return kept


@pytest.fixture(scope="module")
def gates():
    with VirtualBoard(SMALL) as gates:
        yield gates


@settings(max_examples=25)
@given(conversations())
def test_it_answers_as_the_gates_do(board, gates, conversation):
    answers = []
    for one in (board, gates):
        with SerialDevice(one.port, timeout=3.0) as device:
            device.load(small_network())
            device.counters(clear=True)
            replies = [device.link.ask(*request) for request in conversation]
        for at, (message, _) in enumerate(conversation):
            reply = replies[at]
            if message is Message.IDENTIFY:
                config = Identity.from_reply(reply).config
                replies[at] = replace(config, currents=False, delays=False)
            if message is Message.READ_COUNTERS and reply.status == Status.OK:
                words = list(DeviceCounters.from_reply(reply).words)
                words[CounterWord.CYCLES] = 0
                replies[at] = words
        answers.append(replies)
    assert answers[0] == answers[1]


# The line.


@pytest.mark.parametrize("seed", range(5))
def test_it_recovers_from_garbage_without_a_power_cycle(board, seed):
    with SerialDevice(board.port, timeout=3.0) as device:
        device.load(small_network())
        device.counters(clear=True)
    line = Line(board.port)
    line.say(np.random.default_rng(seed).bytes(1000) + b"\0", 0.05)
    frames = line.say(advance(30), replies=1)
    assert [f.sequence for f in frames] == [30]
    steps, errors = line.steps_and_errors()
    assert steps == 1
    assert errors >= 1
    line.port.close()


def replies_of(stream, *more):
    """What the device says to a stream, given whole on its standard input."""
    program = str(build(SANITIZED) / "edgesnn_device")
    command = [program, *options(SMALL), *more]
    done = subprocess.run(command, input=stream, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr
    return done.stdout


def loading(image):
    """Frames that load an image."""
    yield Frame(Message.LOAD_BEGIN, 1, struct.pack("<I", len(image) // 2))
    for n, first in enumerate(range(0, len(image), 2 * MAX_WORDS)):
        part = image[first : first + 2 * MAX_WORDS]
        yield Frame(Message.LOAD_DATA, 2 + n, struct.pack("<I", first // 2) + part)
    yield Frame(Message.LOAD_END, 255)


LOADING = b"".join(map(encode, loading(pack(small_network(), SMALL))))
REQUEST_FRAMES = st.builds(
    lambda request, n: Frame(request[0], n, request[1]), requests(), st.integers(0, 255)
)


@settings(max_examples=60)
@given(st.sampled_from([b"", LOADING]), lines(REQUEST_FRAMES))
@example(b"", b"")
def test_no_bytes_crash_it_and_every_reply_is_a_frame(before, stream):
    said = replies_of(before + stream)
    assert not said or said.endswith(b"\0")
    *wires, _ = said.split(b"\0")
    requested = {(f.type | REPLY_BIT, f.sequence) for f in FrameReader().feed(before + stream)}
    for wire in wires:
        frame = decode(wire)
        assert (frame.type, frame.sequence) in requested
        reply = Reply.decode(frame.payload)
        assert reply.status in list(Status)
        if reply.status != Status.OK and frame.type != Message.RUN | REPLY_BIT:
            assert frame.payload[1:] == bytes(REPLY_HEADER_BYTES - 1)


def test_every_frame_is_answered_once_in_order():
    frames = [*loading(pack(small_network(), SMALL)), Frame(Message.IDENTIFY, 9)]
    replies = FrameReader().feed(replies_of(b"\0".join(map(encode, frames))))
    assert [r.sequence for r in replies] == [f.sequence for f in frames]
    assert Identity.from_reply(Reply.decode(replies[-1].payload)).loaded


def test_a_lost_reply_is_said_again_and_nothing_is_done_twice():
    device = Device(SMALL)
    device.load(pack(small_network(), SMALL))
    (first,) = device.say(advance(7))
    assert device.say(advance(7) * 3) == [first] * 3
    assert device.say(b"\0" + advance(7)[:-3] + b"\0" + advance(7)) == [first]
    (other,) = device.say(advance(8))
    assert Reply.decode(other.payload) == Reply(Status.OK, 1)
    counters = DeviceCounters.from_reply(device.request(Message.READ_COUNTERS))
    assert counters.words[CounterWord.STEPS] == 2
    assert counters.errors == {"frame errors": 1}


def test_errors_are_counted_up_to_255():
    device = Device(SMALL)
    for errors in (3, 255, 300):
        device.request(Message.READ_COUNTERS, 1)
        device.say(b"\7\0" * errors)
        counters = DeviceCounters.from_reply(device.request(Message.READ_COUNTERS))
        assert counters.frame_errors == min(errors, 255)


# The timer.


def timed(device):
    """Steps and late steps so far."""
    counters = DeviceCounters.from_reply(device.request(Message.READ_COUNTERS))
    return counters.words[CounterWord.STEPS], counters.late_steps


def test_the_timer_steps_when_its_cycles_have_passed():
    device = Device(SMALL)
    device.load(pack(small_network(), SMALL))
    device.request(Message.SET_TIMER, 100)
    seen = []
    for cycles in (99, 1, 99, 1, 150, 50, 350, 49, 1, 0):
        device.tick(cycles)
        seen.append(timed(device))
    assert seen == [
        (0, 0), (1, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 2), (5, 2), (6, 2), (6, 2),
    ]  # fmt: skip
    device.request(Message.SET_TIMER, 0)
    device.tick(1000)
    assert timed(device) == (6, 2)
    device.request(Message.READ_COUNTERS, 1)
    assert timed(device) == (0, 0)


@given(st.integers(1, 50), st.lists(st.integers(0, 2000), max_size=20))
def test_no_period_is_lost_unless_more_passed_than_can_be_counted(period, ticks):
    device = Device(SMALL)
    device.load(pack(small_network(), SMALL))
    device.request(Message.SET_TIMER, period)
    ticks = [min(t, 250 * period) for t in ticks]
    for cycles in ticks:
        device.tick(cycles)
    steps, late = timed(device)
    assert min(steps + late, 255) == min(sum(ticks) // period, 255) or late == 255


def test_events_of_a_timed_step_are_those_pushed_before_it():
    device = Device(SMALL)
    device.load(pack(small_network(), SMALL))
    device.request(Message.SET_TIMER, 10)
    expected = Reference(small_network()).run(EventStream.from_steps([[1, 2], [], [3]]))
    for events in ([1, 2], [], [3]):
        device.request(Message.RUN, 0, struct.pack(f"<{len(events)}H", *events))
        device.tick(10)
    reply = device.request(Message.READ_OUT)
    assert struct.unpack("<3i", reply.data) == tuple(expected.accumulators)
    # A step that is refused does not run, by the timer either.
    device.request(Message.RUN, 0, struct.pack("<2H", 2, 2))
    device.tick(10)
    counters = DeviceCounters.from_reply(device.request(Message.READ_COUNTERS))
    assert counters.words[CounterWord.STEPS] == 3
    assert counters.words[CounterWord.DROPPED] == 2


@pytest.mark.parametrize("message", [Message.RESET, Message.LOAD_BEGIN])
def test_reset_and_loading_stop_the_timer(message):
    device = Device(SMALL)
    image = pack(small_network(), SMALL)
    device.load(image)
    device.request(Message.SET_TIMER, 10)
    device.request(message)
    device.tick(100)
    assert timed(device) == (0, 0)
    device.load(image)
    device.tick(100)
    assert timed(device) == (0, 0)


def test_the_timer_of_the_process_follows_the_clock(device):
    began = time.monotonic()
    device.set_timer(0.01)
    while (counters := device.counters()).words[CounterWord.STEPS] < 20:
        pass
    seconds = time.monotonic() - began
    due = (counters.words[CounterWord.STEPS] + counters.late_steps) * 0.01
    assert seconds / 5 < due <= seconds  # a busy machine reads its clock late, never early
    device.set_timer(0)


# The process.


def test_the_default_core_is_one_that_hosts_know():
    done = subprocess.run(
        [build() / "edgesnn_device"], input=encode(Frame(1, 1)), capture_output=True, check=True
    )
    (frame,) = FrameReader().feed(done.stdout)
    identity = Identity.from_reply(Reply.decode(frame.payload))
    assert (identity.config.lanes, identity.config.state_bits) == (1, 24)
    assert Reply.decode(frame.payload).result == PROTOCOL_VERSION


@pytest.mark.parametrize(
    "wrong",
    [["--lanes"], ["--lanes", "3"], ["--neurons", "8"], ["--state-bits", "x"], ["--what", "1"],
     ["lanes", "1"], ["--clock-khz", "0"]],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_by_name(wrong):
    command = [build() / "edgesnn_device", *wrong]
    done = subprocess.run(command, input=b"", capture_output=True, text=False, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"{wrong[0]} must be a")


def test_sizes_are_those_of_all_lanes():
    command = [build() / "edgesnn_device", "--lanes", "16", "--readout-neurons", "2"]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "--readout-neurons must be a power of two in 32..65536, not 2\n"
