"""Power up, boot from a flash, take events from pins, decide: nobody speaks to the board."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgesnn.boot_image import BOOT_HEADER_WORDS, BootImage
from edgesnn.events import EventStream
from edgesnn.framing import Frame, encode
from edgesnn.memory_image import pack
from edgesnn.memory_layout import CounterWord, Region
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.protocol import (
    NO_DECISION,
    REPLY_BIT,
    Identity,
    Message,
    Status,
    read_memory_argument,
    request_payload,
)
from edgesnn.run_result import Counters
from edgesnn.simulator import Simulator
from edgesnn.synapses import Synapses
from edgesnn_hdl.event_input import DEPTH
from tests.hdl.standalone_board import StandaloneBoard
from tests.small_board import SMALL, small_network

#: Clock cycles of a step; what is said in a turn and the longest step take less.
STEP = 4000
#: Cycles of a request between two steps, at most, and from the load to the start of the timer.
MARGIN = 1000
BOOT_CYCLES = 4_000_000
NETWORK = small_network(22)
WINDOW = NETWORK.readout.window_steps
IMAGE = pack(NETWORK, SMALL)

Steps = Sequence[Sequence[int]]


def booted(network: Network = NETWORK, step_cycles: int = STEP) -> StandaloneBoard:
    board = StandaloneBoard(BootImage.of(pack(network, SMALL), step_cycles).encode())
    board.boot(BOOT_CYCLES)
    return board


def strobes(board: StandaloneBoard, steps: Steps, rng: np.random.Generator) -> None:
    """Strobe the events of each step, some time before it begins, and let the steps run."""
    for number, events in enumerate(steps):
        first = board.loaded_at + number * STEP + MARGIN
        room = STEP - 2 * MARGIN
        starts = np.sort(rng.choice(room // 16, len(events), replace=False)) * 16 + first
        for start, source in zip(starts.tolist(), events, strict=True):
            board.event(start, source, high=int(rng.integers(2, 9)))
    board.run_to(board.loaded_at + len(steps) * STEP + STEP // 2)


def simulated(network: Network, steps: Steps) -> tuple[list[int], Counters]:
    """The decision of every window, each from reset, and the counters of all of them."""
    simulator = Simulator(network, SMALL)
    window = network.readout.window_steps
    decisions, counters = [], Counters()
    for first in range(0, len(steps) - window + 1, window):
        stream = EventStream.from_steps(steps[first : first + window])
        result, _ = simulator.run(stream)
        decisions.append(NO_DECISION if result.decision is None else result.decision)
        counters += result.counters
    return decisions, counters


def random_steps(count: int, seed: int) -> Steps:
    """Each source at most once in a step, which is the network's event limit."""
    rng = np.random.default_rng(seed)
    inputs = NETWORK.num_inputs
    return [rng.permutation(inputs)[: rng.integers(inputs + 1)].tolist() for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_decisions_and_counters_are_those_of_the_simulator(seed: int) -> None:
    board = booted()
    assert (board.loaded, board.error, board.flash_reads) == (True, False, 1)
    steps = random_steps(6 * WINDOW, seed)
    strobes(board, steps, np.random.default_rng(seed))
    decisions, counters = simulated(NETWORK, steps)
    counted = board.counters()
    assert counted.words[: CounterWord.STEPS_SINCE_RESET] == counters_as_words(counters)
    assert counted.errors == {}
    assert counters.spikes > 100
    assert board.decisions == decisions
    assert len(set(decisions)) > 1
    assert board.sequences == list(range(len(decisions)))
    assert board.decision == decisions[-1] & 15
    assert not board.error
    assert board.flash_faults == ""


def counters_as_words(counters: Counters) -> tuple[int, ...]:
    return tuple(
        getattr(counters, word.name.lower())
        for word in CounterWord
        if word is not CounterWord.STEPS_SINCE_RESET
    )


def damaged(what: str) -> bytes:
    whole = BootImage.of(IMAGE, STEP).encode()
    header = 2 * BOOT_HEADER_WORDS
    match what:
        case "blank":
            return b"\xff" * len(whole)
        case "zeros":
            return bytes(len(whole))
        case "another magic":
            return summed(b"ESNX" + whole[4:])
        case "another version":
            return summed(replaced(whole, 4, 2))
        case "another period, with the old sum":
            return replaced(whole, 12, whole[12] ^ 1)
        case "a bit of the image":
            return replaced(whole, header + 700, whole[header + 700] ^ 0x10)
        case "the end is missing":
            return whole[:-400] + b"\xff" * 400
        case "one word less":
            return BootImage.of(IMAGE[:-2], STEP).encode()
        case "more than any core holds":
            return summed(whole[:8] + (1 << 30).to_bytes(4, "little") + whole[12:])
        case "of another core":
            return BootImage.of(pack(NETWORK, replace(SMALL, lanes=1)), STEP).encode()
        case _:
            return BootImage(b"", STEP, WINDOW).encode()


def summed(boot: bytes) -> bytes:
    """With the header's sum as it should be."""
    return boot[:16] + zlib.crc32(boot[:16]).to_bytes(4, "little") + boot[20:]


def replaced(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes((value,)) + data[at + 1 :]


@pytest.mark.parametrize(
    "what",
    [
        "blank",
        "zeros",
        "another magic",
        "another version",
        "another period, with the old sum",
        "a bit of the image",
        "the end is missing",
        "one word less",
        "more than any core holds",
        "of another core",
        "no image",
    ],
)
def test_nothing_runs_from_a_damaged_flash_and_a_host_can_load(what: str) -> None:
    board = StandaloneBoard(damaged(what))
    board.boot(BOOT_CYCLES)
    assert (board.loaded, board.error, board.busy, board.ready) == (False, True, False, False)
    assert not Identity.from_reply(board.ask(Message.IDENTIFY)).loaded
    assert board.ask(Message.RUN).status == Status.NOT_LOADED
    assert board.counters(clear=True).frame_errors == 0
    assert not board.error
    assert set(board.load(IMAGE)) == {Status.OK}
    steps = random_steps(WINDOW, seed=4)
    assert board.run_steps([list(s) for s in steps]).result == WINDOW
    (decision,), counters = simulated(NETWORK, steps)
    assert board.ask(Message.READ_OUT).result == decision
    assert board.counters().words[CounterWord.SPIKES] == counters.spikes
    board.run(3 * WINDOW * STEP)
    assert board.counters().words[CounterWord.STEPS] == WINDOW  # no timer
    assert (board.decisions, board.error, board.flash_faults) == ([], False, "")


def test_without_a_period_the_network_is_loaded_and_waits_for_a_host() -> None:
    board = booted(step_cycles=0)
    board.run(STEP)
    assert (board.loaded, board.error, board.busy) == (True, False, False)
    board.run(WINDOW * STEP)
    assert board.counters().words[CounterWord.STEPS] == 0
    assert board.decisions == []


def test_a_host_that_only_looks_changes_nothing() -> None:
    board = booted()
    steps = random_steps(3 * WINDOW, seed=5)
    rng = np.random.default_rng(5)
    for number in range(3 * WINDOW):
        for position, source in enumerate(steps[number]):
            board.event(board.loaded_at + number * STEP + MARGIN + 40 * position, source)
    while board.cycle < board.loaded_at + 3 * WINDOW * STEP - 2 * STEP:
        board.run(int(rng.integers(STEP)))
        assert Identity.from_reply(board.ask(Message.IDENTIFY)).loaded
        assert len(board.ask(Message.READ_OUT).data) == 3 * 4
    board.run_to(board.loaded_at + 3 * WINDOW * STEP + STEP // 2)
    board.frames()
    decisions, _ = simulated(NETWORK, steps)
    assert board.decisions == decisions
    assert board.counters().errors == {}


def test_a_window_has_its_steps_however_much_a_host_reads() -> None:
    board = booted()
    # Sixty elements take longer on the line than a step; so some steps are late.
    argument = read_memory_argument(Region.MEMBRANE, 1, 0, 60)
    for _ in range(30):
        assert len(board.ask(Message.READ_MEMORY, argument).data) == 240
    counted = board.counters()
    assert counted.late_steps > 0
    assert len(board.decisions) > 5
    in_windows = WINDOW * len(board.decisions) + counted.words[CounterWord.STEPS_SINCE_RESET]
    assert counted.words[CounterWord.STEPS] == in_windows


def test_a_request_is_told_from_the_boards_own_of_the_same_type_and_sequence() -> None:
    board = booted()
    board.run(WINDOW * STEP + STEP)
    board.frames()
    assert board.sequences == [0]
    read_out = request_payload(Message.READ_OUT)
    board.send(encode(Frame(Message.READ_OUT, 1, read_out)))
    board.run(WINDOW * STEP)
    (reply,) = board.frames()
    assert (reply.type, reply.sequence) == (Message.READ_OUT | REPLY_BIT, 1)
    assert board.sequences == [0, 1]  # the second was executed, and not taken for the host's
    board.send(encode(Frame(Message.RESET, 2, b"")))  # as the board's own that came last
    board.run(STEP)
    assert not board.busy


@pytest.mark.parametrize("message", [Message.RESET, Message.RUN, Message.SET_TIMER])
def test_a_host_that_changes_something_takes_over(message: Message) -> None:
    board = booted()
    board.run(2 * WINDOW * STEP + 5 * STEP)
    assert board.ask(message).status == Status.OK
    board.ask(Message.RESET)
    before = len(board.decisions)
    assert before == 2
    counted = board.counters(clear=True)
    assert counted.errors == {}
    steps = random_steps(3 * WINDOW, seed=6)
    for first in range(0, 3 * WINDOW, WINDOW):
        window = steps[first : first + WINDOW]
        board.ask(Message.RESET)
        for step in window:
            assert board.run_steps([list(step)]).result == 1
        (decision,), _ = simulated(NETWORK, window)
        assert board.ask(Message.READ_OUT).result == decision
    board.run(2 * WINDOW * STEP)
    assert board.counters().words[CounterWord.STEPS] == 3 * WINDOW
    assert len(board.decisions) == before


def test_events_of_a_step_that_is_refused_light_the_error() -> None:
    board = booted()
    steps = [[1, 2, 1], *[[]] * (WINDOW - 1)]  # the network allows each source once
    strobes(board, steps, np.random.default_rng(7))
    assert board.error
    counted = board.counters(clear=True)
    assert counted.words[CounterWord.DROPPED] == 3
    assert counted.words[CounterWord.STEPS] == WINDOW - 1
    assert not board.error


def slow_network() -> Network:
    """Every neuron fires in every step and reaches all others, so a step takes long."""
    size = 100
    rng = np.random.default_rng(0)
    hidden = LifPopulation(
        "hidden", np.full(size, 1), np.full(size, 0), np.full(size, 20), membrane_bits=8
    )
    return Network(
        (InputPopulation("input", 4), hidden),
        (
            Connection(0, 1, Synapses.from_dense(np.ones((4, size), int))),
            Connection(1, 1, Synapses.from_dense(rng.integers(1, 3, (size, size)))),
        ),
        Readout(1, ReadoutRule.SPIKE_COUNT, 3),
        event_limit=EventLimit(EventLimitForm.LIMITED, 1000),
    )


SLOW = slow_network()
SLOW_STEP = 40_000


@pytest.fixture(name="slow_board")
def slow_board_fixture() -> StandaloneBoard:
    """In its second step, the first one that takes long."""
    board = booted(SLOW, SLOW_STEP)
    board.run_to(board.loaded_at + 2 * SLOW_STEP + 2 * MARGIN)
    return board


def test_events_without_room_are_counted_as_dropped(slow_board: StandaloneBoard) -> None:
    many = DEPTH + 130
    start = slow_board.cycle + 10
    for n in range(many):
        slow_board.event(start + 6 * n, n % 4, high=2)
    slow_board.run_to(start + 6 * many)
    assert (slow_board.ready, slow_board.error) == (False, True)
    slow_board.run(2 * SLOW_STEP)
    assert slow_board.ready
    words = slow_board.counters().words
    assert words[CounterWord.EVENTS] == DEPTH
    assert words[CounterWord.DROPPED] == many - DEPTH


def test_a_sender_that_waits_for_ready_loses_nothing(slow_board: StandaloneBoard) -> None:
    sent = 0
    waited = 0
    while sent < 2 * DEPTH:
        if slow_board.ready:
            slow_board.event(slow_board.cycle + 1, sent % 4, high=2)
            sent += 1
        else:
            waited += 1
        slow_board.run(6)
    slow_board.run(2 * SLOW_STEP)
    assert waited > 100
    words = slow_board.counters().words
    assert (words[CounterWord.EVENTS], words[CounterWord.DROPPED]) == (sent, 0)
    assert not slow_board.error


@pytest.mark.parametrize("seed", [8, 9])
def test_no_event_is_lost_between_two_windows(seed: int) -> None:
    network = replace(NETWORK, event_limit=EventLimit(EventLimitForm.LIMITED, 500))
    board = booted(network)
    rng = np.random.default_rng(seed)
    at, sent = board.cycle + 10, 0
    while at < board.loaded_at + 3 * WINDOW * STEP:
        board.event(at, int(rng.integers(NETWORK.num_inputs)), high=int(rng.integers(2, 5)))
        at += int(rng.integers(8, 60))
        sent += 1
    board.run_to(at + 2 * STEP)
    counted = board.counters()
    assert counted.words[CounterWord.EVENTS] == sent > 2000
    assert counted.errors == {}
    assert len(board.decisions) == 3


def test_a_period_that_is_too_short_is_counted_and_locks_nobody_out() -> None:
    board = booted(step_cycles=20)
    board.run(20_000)
    assert board.error
    assert board.counters().late_steps == 255
    assert board.ask(Message.SET_TIMER, 0).status == Status.OK
    assert board.ask(Message.RESET).status == Status.OK
    assert not board.busy


def test_the_board_is_the_same_whatever_the_strobe_is_at_power_up() -> None:
    board = StandaloneBoard(BootImage.of(IMAGE, STEP).encode(), strobe=True)
    board.boot(BOOT_CYCLES)
    board.run(3 * STEP)
    counted = board.counters()
    assert (counted.words[CounterWord.EVENTS], counted.errors) == (0, {})


def test_events_before_a_network_is_loaded_are_dropped_and_do_not_run_later() -> None:
    board = StandaloneBoard(damaged("blank"))
    board.boot(BOOT_CYCLES)
    board.counters(clear=True)
    for n in range(5):
        board.event(board.cycle + 20 * n + 1, n)
    board.run(200)
    assert board.error
    assert board.counters(clear=True).words[CounterWord.DROPPED] == 5
    assert set(board.load(IMAGE)) == {Status.OK}
    assert board.run_steps([[]]).result == 1
    assert board.counters().words[CounterWord.EVENTS] == 0
