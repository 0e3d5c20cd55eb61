"""A board in software: its port, its clock, its end."""

import threading
import time

import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.errors import PortError
from edgesnn.events import EventStream
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.serial_link import open_port
from edgesnn.virtual_board import VirtualBoard
from tests.small_board import SMALL, small_network

STREAM = EventStream.from_steps([[1, 2, 3], [], [4, 5], [0, 8], [1, 2, 3, 4]] * 5)


def run_on(port):
    with SerialDevice(port) as device:
        device.load(small_network())
        return device.run(STREAM, record=True)


@pytest.mark.parametrize("tcp", [False, True], ids=["terminal", "tcp"])
def test_a_network_runs_behind_either_kind_of_port(tcp):
    expected = Reference(small_network()).run(STREAM)
    with VirtualBoard(SMALL, tcp=tcp) as board:
        assert board.port.startswith("socket://127.0.0.1:" if tcp else "/dev/")
        for _ in range(2):  # whoever comes later finds it as well
            assert differences(expected, run_on(board.port)) == []


@pytest.mark.slow
def test_the_rate_of_the_line_is_a_choice():
    with VirtualBoard(SMALL, clocks_per_bit=12) as board:
        assert differences(Reference(small_network()).run(STREAM), run_on(board.port)) == []


def test_the_clock_rests_while_there_is_nothing_to_do():
    with VirtualBoard(SMALL) as board, SerialDevice(board.port) as device:
        device.identify()
        time.sleep(0.05)
        before, used = board.cycles, time.process_time()
        time.sleep(0.3)
        assert board.cycles == before
        assert time.process_time() - used < 0.1


def test_two_boards_do_not_meet():
    with VirtualBoard(SMALL) as one, VirtualBoard(SMALL) as other:
        with SerialDevice(one.port) as device:
            device.load(small_network())
        with SerialDevice(other.port) as device:
            assert not device.identify().loaded


def test_closing_ends_the_thread_and_the_port():
    board = VirtualBoard(SMALL)
    port = board.port
    board.close()
    board.close()
    assert not any(t.name == "virtual board" for t in threading.enumerate())
    with pytest.raises(PortError):
        open_port(port)


def test_a_line_that_is_too_fast_is_refused():
    with pytest.raises(ValueError, match="baud must be at most 3000000"):
        VirtualBoard(SMALL, clocks_per_bit=3)
