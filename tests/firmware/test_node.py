"""The node in C: every event arrives once and in its step, whatever happens on the line."""

from __future__ import annotations

import contextlib
import ctypes
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_uint8, c_uint16, c_uint32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn._resources import firmware_dir
from edgesnn.backends.serial_device import SerialDevice
from edgesnn.core_config import CoreConfig
from edgesnn.events import EventStream
from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.memory_image import pack
from edgesnn.protocol import (
    ADVANCE,
    NO_DECISION,
    PROTOCOL_VERSION,
    REPLY_BIT,
    Identity,
    Message,
    Reply,
    Status,
)
from edgesnn.reference import Reference
from edgesnn.serial_link import open_port
from edgesnn.virtual_board import VirtualBoard
from tests.firmware.board import FirmwareBoard
from tests.firmware.compiled import library
from tests.small_board import SMALL, small_network

SOURCES = ("edgesnn_node.c", "edgesnn_ring.c", "edgesnn_frames.c", "edgesnn_crc32.c")
HARNESS = """
#include "edgesnn_node.h"
uint32_t size_of_node(void);
uint32_t size_of_node(void) { return (uint32_t)sizeof(esnn_node); }
uint32_t take_all(esnn_node *node, const uint8_t *bytes, uint32_t count);
uint32_t take_all(esnn_node *node, const uint8_t *bytes, uint32_t count) {
    uint32_t decided = 0;
    while (count--) {
        decided += esnn_node_take(node, *bytes++);
    }
    return decided;
}
"""
TIMEOUT = 10
Steps = list[list[int]]


class NodeSettings(ctypes.Structure):
    _fields_ = (("window_steps", c_uint32), ("timeout_ticks", c_uint32))


class PublicPart(ctypes.Structure):
    _fields_ = (
        ("windows", c_uint32),
        ("decision", c_uint16),
        ("stopped", c_uint8),
        ("status", c_uint8),
        ("image_crc", c_uint32),
        ("sent_again", c_uint32),
        ("stray", c_uint32),
        ("lost_steps", c_uint32),
        ("lost_events", c_uint32),
        ("full_steps", c_uint32),
        ("full_events", c_uint32),
    )


class Node:
    """The node of the firmware, its counts as attributes."""

    def __init__(self, window_steps: int, queue_words: int = 64, now: int = 0) -> None:
        self.c = library(SOURCES, HARNESS)
        self.memory = (c_uint8 * self.c.size_of_node())(*[0xA5] * self.c.size_of_node())
        self.settings = NodeSettings(window_steps, TIMEOUT)
        self.queue = (c_uint16 * queue_words)()
        self.now = now
        self.decisions: list[int] = []
        self.c.esnn_node_start(self.memory, byref(self.settings), self.queue, queue_words)

    def __getattr__(self, name: str) -> int:
        return int(getattr(PublicPart.from_buffer(self.memory), name))

    def put_step(self, events: list[int]) -> bool:
        given = (c_uint16 * len(events))(*events)
        return bool(self.c.esnn_node_put_step(self.memory, given, len(events)))

    def take(self, data: bytes) -> None:
        """Bytes of the line; there is one request under way, so at most one of them decides."""
        decided = self.c.take_all(self.memory, data, len(data))
        self.decisions += [self.decision] * decided

    def poll(self, ticks: int = 1) -> bytes:
        self.now = (self.now + ticks) % 2**32
        where = POINTER(c_uint8)()
        count = self.c.esnn_node_poll(self.memory, c_uint32(self.now), byref(where))
        return bytes(where[:count])


def decision_of(window: Steps) -> int:
    """Another one for every other window, order and place of events included."""
    return hash(tuple(map(tuple, window))) % 1000


class Device:
    """A device of the protocol that writes down which events each step had, window by window."""

    def __init__(self, most_events: int = 1 << 20, loaded: bool = True) -> None:
        self.reader = FrameReader()
        self.identity = Identity(CoreConfig(), 12_000, loaded, 0x12345678)
        self.most_events = most_events
        self.windows: list[Steps] = []
        self.events: list[int] = []
        self.last: tuple[int, int] | None = None
        self.reply = b""
        self.executed = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The replies to what arrives."""
        return [self.answer(frame) for frame in self.reader.feed(data)]

    def answer(self, frame: Frame) -> bytes:
        if (frame.type, frame.sequence) != self.last or frame.type == Message.IDENTIFY:
            self.last = (frame.type, frame.sequence)
            self.executed += 1
            payload = self.execute(frame).encode()
            self.reply = encode(Frame(frame.type | REPLY_BIT, frame.sequence, payload))
        return self.reply

    def execute(self, frame: Frame) -> Reply:
        match frame.type:
            case Message.IDENTIFY:
                assert not frame.payload
                return self.identity.reply()
            case Message.RESET:
                assert not frame.payload
                self.windows.append([])
                self.events = []
                return Reply(Status.OK)
            case Message.READ_OUT:
                assert frame.payload == bytes(4)
                return Reply(Status.OK, decision_of(self.windows[-1]), bytes(12))
            case Message.RUN:
                argument, *words = struct.unpack(f"<I{len(frame.payload) // 2 - 2}H", frame.payload)
                assert argument == 0
                assert words
                return self.run(words)
        raise AssertionError(frame)

    def run(self, words: list[int]) -> Reply:
        steps = 0
        for word in words:
            if word != ADVANCE:
                if word >= 0x8000:
                    return Reply(Status.BAD_WORD, steps)
                self.events.append(word)
                continue
            events, self.events = self.events, []
            if len(events) > self.most_events:
                return Reply(Status.EVENTS_REFUSED, steps)
            self.windows[-1].append(events)
            steps += 1
        return Reply(Status.OK, steps)


Fate = Callable[[bytes], list[bytes]]
#: What may happen to a frame on its way; a late one comes right before the next one.
FATES: dict[str, Fate] = {
    "arrives": lambda frame: [frame],
    "lost": lambda _: [],
    "twice": lambda frame: [frame, frame],
    "flipped bit": lambda frame: [frame[:4] + bytes((frame[4] ^ 0x20,)) + frame[5:]],
    "cut": lambda frame: [frame[: len(frame) // 2]],
    "without its end": lambda frame: [frame[:-1]],
    "after noise": lambda frame: [b"\x17\x99", frame],
    "between zeros": lambda frame: [b"\0\0\0", frame, b"\0"],
    "late": lambda frame: [frame],
}


class Line:
    """One way of a line; after the drawn fates everything arrives."""

    def __init__(self, fates: list[str]) -> None:
        self.fates = deque(fates)
        self.held: list[bytes] = []

    def carry(self, frame: bytes) -> bytes:
        fate = self.fates.popleft() if self.fates else "arrives"
        self.held += FATES[fate](frame)
        if fate == "late":
            return b""
        now, self.held = self.held, []
        return b"".join(now)


def exchange(node: Node, device: Device, to_device: Line, to_node: Line) -> bool:
    """One tick; whether the node had something to say."""
    if sent := node.poll():
        for reply in device.feed(to_device.carry(sent)):
            node.take(to_node.carry(reply))
    return bool(sent)


def feed(
    node: Node, device: Device, steps: Steps, to_device: list[str], to_node: list[str]
) -> None:
    """All steps through a node, offered again as long as there is no room; until all is still."""
    there, back = Line(to_device), Line(to_node)
    waiting, quiet = deque(steps), 0
    while quiet < 2 * TIMEOUT and not node.stopped:
        while waiting and node.put_step(waiting[0]):
            waiting.popleft()
        quiet = 0 if exchange(node, device, there, back) or waiting else quiet + 1


def in_windows(steps: Steps, window_steps: int) -> list[Steps]:
    """As the device should have them; a window that is not full is open."""
    return [steps[n : n + window_steps] for n in range(0, len(steps) + 1, window_steps)]


STEPS = st.lists(
    st.lists(st.integers(0, 0x7FFF), max_size=6) | st.lists(st.integers(0, 9), max_size=60),
    max_size=30,
)
LINE = st.lists(st.sampled_from(sorted(FATES)), max_size=40)


@settings(max_examples=300)
@given(STEPS, st.integers(1, 7), st.sampled_from([64, 100, 256]), LINE, LINE)
def test_every_event_arrives_once_and_in_its_step(
    steps: Steps, window_steps: int, queue_words: int, to_device: list[str], to_node: list[str]
) -> None:
    node = Node(window_steps, queue_words, now=2**32 - 50)
    device = Device()
    feed(node, device, steps, to_device, to_node)
    windows = in_windows(steps, window_steps)
    assert device.windows == windows
    assert node.decisions == [decision_of(window) for window in windows[:-1]]
    assert node.windows == len(windows) - 1
    assert not node.stopped
    assert (node.lost_steps, node.lost_events) == (0, 0)


@settings(max_examples=150)
@given(STEPS, st.integers(1, 7), st.integers(0, 20), LINE, LINE)
def test_a_refused_step_costs_its_events_and_no_time(
    steps: Steps, window_steps: int, most: int, to_device: list[str], to_node: list[str]
) -> None:
    node, device = Node(window_steps), Device(most_events=most)
    feed(node, device, steps, to_device, to_node)
    allowed = [events if len(events) <= most else [] for events in steps]
    refused = [events for events in steps if len(events) > most]
    assert device.windows == in_windows(allowed, window_steps)
    assert node.lost_steps == len(refused)
    assert node.lost_events == sum(map(len, refused))
    assert not node.stopped


def started(**settings: int) -> tuple[Node, Device]:
    """A node and its device, past IDENTIFY and RESET."""
    node, device = Node(**{"window_steps": 4, **settings}), Device()
    feed(node, device, [], [], [])
    assert device.executed == 2
    assert node.image_crc == 0x12345678
    return node, device


def test_requests_are_full_while_steps_wait() -> None:
    node, device = Node(window_steps=400, queue_words=512), Device()
    steps: Steps = [[n % 7, n % 3] for n in range(170)]
    assert all(node.put_step(step) for step in steps)
    feed(node, device, [], [], [])
    assert device.windows == [steps]
    assert device.executed == 2 + -(-3 * 170 // 120)


def test_a_step_longer_than_a_request_is_one_step() -> None:
    node, device = Node(window_steps=2, queue_words=1024), Device()
    feed(node, device, [list(range(500)), [7]], [], [])
    assert device.windows == [[list(range(500)), [7]], []]


def test_the_sampler_hears_that_there_is_no_room() -> None:
    node, device = started(queue_words=16)
    dead = Line(["lost"] * 1000)
    assert node.put_step([1, 2, 3])
    for _ in range(3 * TIMEOUT):
        exchange(node, device, dead, dead)
    assert node.sent_again == 2
    assert [node.put_step([n] * 4) for n in range(5)] == [True, True, True, False, False]
    assert node.c.esnn_node_room(node.memory) == 1
    assert (node.full_steps, node.full_events) == (2, 8)
    assert node.put_step([])
    assert not node.put_step([])
    feed(node, device, [], [], [])
    assert device.windows == [[[1, 2, 3], [0] * 4, [1] * 4, [2] * 4], [[]]]


@pytest.mark.parametrize("begin", [0, 2**32 - 5])
def test_a_request_is_sent_again_as_it_was_and_not_before_its_time(begin: int) -> None:
    node, _ = started()
    node.now = begin
    node.put_step([5])
    first = node.poll()
    assert first
    node.put_step([6])
    again = [node.poll() for _ in range(2 * TIMEOUT)]
    assert [n + 1 for n, sent in enumerate(again) if sent] == [TIMEOUT, 2 * TIMEOUT]
    assert set(again) == {b"", first}


def test_replies_to_other_requests_are_dropped_and_counted() -> None:
    node, device = started()
    node.put_step([5])
    sent = node.poll()
    (frame,) = FrameReader().feed(sent)
    ok = Reply(Status.OK, 1).encode()
    for stray in (
        Frame(frame.type | REPLY_BIT, frame.sequence - 1, ok),
        Frame(Message.RESET | REPLY_BIT, frame.sequence, ok),
        Frame(frame.type, frame.sequence, ok),
        Frame(frame.type | REPLY_BIT, frame.sequence, ok[:2]),
    ):
        node.take(encode(stray))
    assert (node.stray, node.poll()) == (4, b"")
    (reply,) = device.feed(sent)
    node.take(reply + reply)
    assert node.stray == 5
    assert not node.stopped


def refusing(identity: Identity | None = None, **replies: Reply) -> Device:
    """A device with other replies to some messages."""
    device = Device()
    execute = device.execute
    device.identity = identity or device.identity
    named = {Message[name]: reply for name, reply in replies.items()}
    device.execute = lambda frame: named.get(Message(frame.type)) or execute(frame)  # type: ignore[method-assign]
    return device


@pytest.mark.parametrize(
    ("device", "status"),
    [
        (Device(loaded=False), Status.NOT_LOADED),
        (refusing(IDENTIFY=Reply(Status.OK, PROTOCOL_VERSION + 1, bytes(18))), Status.OK),
        (refusing(IDENTIFY=Reply(Status.OK, PROTOCOL_VERSION, bytes(17))), Status.OK),
        (refusing(RESET=Reply(Status.NOT_LOADED)), Status.NOT_LOADED),
        (refusing(RUN=Reply(Status.NOT_LOADED)), Status.NOT_LOADED),
        (refusing(RUN=Reply(Status.OK, 0)), Status.OK),
        (refusing(RUN=Reply(Status.OK, 2)), Status.OK),
        (refusing(RUN=Reply(Status.EVENTS_REFUSED, 1)), Status.EVENTS_REFUSED),
        (refusing(READ_OUT=Reply(Status.NOT_LOADED)), Status.NOT_LOADED),
    ],
)
def test_a_device_that_does_not_play_along_stops_the_node(device: Device, status: Status) -> None:
    node = Node(window_steps=1)
    feed(node, device, [[3]], [], [])
    assert (node.stopped, node.status, node.decisions) == (1, status, [])
    assert node.poll(1000) == b""


def test_a_step_without_events_that_is_refused_is_not_tried_for_ever() -> None:
    device = refusing(RUN=Reply(Status.EVENTS_REFUSED, 0))
    node = Node(window_steps=1)
    feed(node, device, [[3]], [], [])
    assert (node.stopped, node.status, node.lost_steps) == (1, Status.EVENTS_REFUSED, 1)


def test_a_word_that_is_no_event_stops_the_node() -> None:
    node, device = started()
    feed(node, device, [[0x8000]], [], [])
    assert (node.stopped, node.status) == (1, Status.BAD_WORD)


def test_nothing_decided_is_said_so() -> None:
    node = Node(window_steps=1)
    feed(node, refusing(READ_OUT=Reply(Status.OK, NO_DECISION)), [[3]], [], [])
    assert node.decisions == [NO_DECISION]


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=300), max_size=5))
def test_noise_instead_of_a_device_does_no_harm(noise: list[bytes]) -> None:
    node, device = started()
    for data in noise:
        node.take(data)
    node.take(b"\0")
    feed(node, device, [[1], [2], [3], [4]], [], [])
    assert device.windows == [[[1], [2], [3], [4]], []]


@contextlib.contextmanager
def firmware_board(config: CoreConfig) -> Iterator[FirmwareBoard]:
    if not (firmware_dir() / "src/edgesnn.c").is_file():
        pytest.skip("needs firmware/src/edgesnn.c")
    with FirmwareBoard(config) as board:
        yield board


@pytest.mark.parametrize("kind", [VirtualBoard, firmware_board], ids=["gates", "firmware"])
def test_decisions_of_a_real_device_are_those_of_the_reference(
    kind: type[VirtualBoard],
) -> None:
    """Over a terminal; a step that the network does not allow runs empty."""
    network = small_network()
    rng = np.random.default_rng(3)
    window_steps = network.readout.window_steps
    rasters = rng.integers(0, 2, (8, window_steps, network.num_inputs))
    too_much = rng.random(rasters.shape[:2]) < 0.1
    sent_rasters = rasters + too_much[..., np.newaxis]
    steps = [
        events.tolist() for raster in sent_rasters for events in EventStream.from_raster(raster)
    ]
    rasters[sent_rasters.max(axis=2) > 1] = 0
    with kind(SMALL) as board:
        with SerialDevice(board.port, timeout=2.0) as device:
            device.load(network)
        port = open_port(board.port)
        port.timeout = 0.01
        node, waiting = Node(window_steps), deque(steps)
        gives_up = time.monotonic() + 60
        while node.windows < len(rasters) and time.monotonic() < gives_up:
            while waiting and node.put_step(waiting[0]):
                waiting.popleft()
            # In hundredths of a second, as the port waits.
            if sent := node.poll():
                port.write(sent)
            node.take(port.read(max(1, port.in_waiting)))
        port.close()
    image = pack(network, SMALL)
    assert node.image_crc == int.from_bytes(image[-4:], "little")
    assert node.lost_steps == (sent_rasters.max(axis=2) > 1).sum() > 0
    results = [Reference(network).run(EventStream.from_raster(raster)) for raster in rasters]
    assert node.decisions == [result.decision for result in results]
