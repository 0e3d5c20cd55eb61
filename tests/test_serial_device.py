"""The host's side of a board: the same answers as the reference, over good lines and bad ones."""

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DoesNotFit, EventLimitError, InputError
from edgesnn.events import EventStream
from edgesnn.memory_layout import CounterWord
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network, Readout
from edgesnn.placement import check_fits, place
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.serial_link import open_port
from edgesnn.synapses import Synapses
from edgesnn.virtual_board import VirtualBoard
from tests.small_board import SMALL, FaultyPort, small_network
from tests.strategies import random_events, random_network


@pytest.fixture(scope="module")
def board():
    with VirtualBoard(SMALL) as board:
        yield board


@pytest.fixture
def device(board):
    with SerialDevice(board.port, timeout=3.0) as device:
        yield device


def fitting_networks(count, config):
    """Random networks that fit, a half of them with the features that the core has."""
    seed = 0
    while count:
        network = random_network(
            seed,
            max_size=60,
            currents=config.currents and seed % 2 > 0,
            delays=config.delays and seed % 2 > 0,
        )
        seed += 1
        try:
            assert network.state_bits <= config.state_bits
            check_fits(place(network, config.lanes), config)
        except (DoesNotFit, AssertionError):
            continue
        yield seed, network
        count -= 1


def readout_only(network, result):
    """The result as a device reports it that records nothing."""
    kept = np.zeros_like(result.spikes)
    where = network.neuron_slice(network.readout.population)
    kept[:, where] = result.spikes[:, where]
    return replace(result, spikes=kept, membranes=None, values=None, currents=None)


def test_random_networks_give_the_results_of_the_reference(device):
    for seed, network in fitting_networks(12, SMALL):
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


@pytest.mark.slow
def test_a_board_with_currents_and_delays_says_so_and_runs_them():
    config = replace(SMALL, currents=True, delays=True)
    with VirtualBoard(config) as board, SerialDevice(board.port, timeout=3.0) as device:
        assert device.identify().config == config
        for seed, network in fitting_networks(6, config):
            stream = random_events(network, seed, 20)
            reference = Reference(network)
            device.load(network)
            assert differences(reference.run(stream), device.run(stream, record=True)) == [], seed
            device.reset()
            reference.reset()
            expected = readout_only(network, reference.run(stream))
            assert differences(expected, device.run(stream)) == [], seed


def test_a_board_without_them_takes_no_network_that_needs_them(device, late_network):
    with pytest.raises(DoesNotFit, match="current-based neurons must be at most 0, not 2"):
        device.load(late_network)


def test_long_streams_go_in_many_requests(device):
    network = small_network()
    stream = EventStream.from_raster(np.random.default_rng(2).random((300, 9)) < 0.4)
    device.load(network)
    before = device.link.statistics.requests
    expected = readout_only(network, Reference(network).run(stream))
    found = device.run(stream)
    assert differences(expected, found) == []
    assert found.counters.cycles > 0
    assert device.link.statistics.requests - before < 20


def test_a_read_out_with_more_words_than_a_reply_holds_is_read_back():
    config = CoreConfig(
        neurons=2048, readout_neurons=2048, synapse_words=1024, inputs=16, events=16
    )
    size = 1950
    weights = np.zeros((2, size), int)
    weights[0, ::7] = 3
    weights[1, 1::5] = 5
    network = Network(
        (
            InputPopulation("in", 2),
            LifPopulation(
                "out",
                np.full(size, 3),
                np.full(size, 4096),
                np.zeros(size, int),
                membrane_bits=12,
            ),
        ),
        (Connection(0, 1, Synapses.from_dense(weights)),),
        Readout(1),
    )
    stream = EventStream.from_steps([[0], [1], [0, 1]])
    with VirtualBoard(config) as board, SerialDevice(board.port) as device:
        device.load(network)
        assert differences(Reference(network).run(stream), device.run(stream)) == []


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
        assert device.link.statistics.retries > 3


def test_loading_tells_its_progress(board):
    seen = []
    with SerialDevice(board.port, progress=lambda *at: seen.append(at)) as device:
        device.load(small_network())
    assert [a for a, _ in seen] == sorted({a for a, _ in seen})
    assert seen[-1][0] == seen[-1][1]


def test_what_is_refused_elsewhere_is_refused_before_anything_is_sent(device):
    device.load(small_network())
    requests = device.link.statistics.requests
    with pytest.raises(EventLimitError, match="source 2 must send at most 1 events"):
        device.run(EventStream.from_steps([[1], [2, 2]]))
    with pytest.raises(InputError, match="source ids must be in 0..8, not 9"):
        device.run(EventStream.from_steps([[9]]))
    assert device.link.statistics.requests == requests


def test_a_network_that_does_not_fit_leaves_the_loaded_one_alone(device):
    device.load(small_network())
    crc = device.identify().image_crc
    large = Network(
        (
            InputPopulation("in", 1),
            LifPopulation(
                "out",
                np.full(257, 3),
                np.full(257, 4096),
                np.zeros(257, int),
                membrane_bits=12,
            ),
        ),
        (Connection(0, 1, Synapses.from_dense(np.ones((1, 257), int))),),
        Readout(1),
    )
    with pytest.raises(DoesNotFit, match="neurons must be at most 256, not 258"):
        device.load(large)
    assert device.identify().loaded
    assert device.identify().image_crc == crc
    device.run(EventStream.from_steps([[1]]))


def test_running_needs_a_network(device):
    with pytest.raises(RuntimeError, match="a network must be loaded first"):
        device.run(EventStream.from_steps([]))
    with pytest.raises(RuntimeError, match="a network must be loaded first"):
        device.reset()


def test_the_timer_takes_seconds(device):
    device.load(small_network())
    device.counters(clear=True)
    device.set_timer(1e-3)
    while device.counters().words[CounterWord.STEPS] < 3:
        pass
    device.set_timer(0)
    with pytest.raises(ValueError, match="must be 0 or give 1..2\\*\\*32 - 1 clock cycles"):
        device.set_timer(1e9)
    with pytest.raises(ValueError, match="clock cycles, not 0"):
        device.set_timer(1e-12)


def test_a_device_may_be_closed_twice(board):
    device = SerialDevice(board.port)
    device.close()
    device.close()
