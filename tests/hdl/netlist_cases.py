"""Networks and windows on which a netlist and the simulator are compared; shared with the bench."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.core_config import CoreConfig
from edgesnn.design_rules import RULES
from edgesnn.errors import DoesNotFit
from edgesnn.events import EventStream
from edgesnn.network import Network
from edgesnn.placement import check_fits, place
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator
from edgesnn.verification import Agreement, compare
from edgesnn.virtual_board import VirtualBoard
from tests.strategies import random_events, random_network

#: A netlist in simulation is a thousand times slower than a board.
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """A network and windows for it.

    record   compare the membranes after every step as well, which takes ten times as long
    """

    name: str
    network: Network
    streams: Sequence[EventStream]
    record: bool = False


def random_cases(config: CoreConfig, count: int, steps: int = 5) -> Iterator[Case]:
    """Random networks that fit; membranes are compared in the first one."""
    seed = 0
    found = 0
    while found < count:
        network = random_network(seed, max_size=30, max_synapses=300)
        stream = random_events(network, seed, steps, max_events=60)
        seed += 1
        try:
            check_fits(place(network, config.lanes), config)
        except DoesNotFit:
            continue
        if network.state_bits <= config.state_bits and len(np.concatenate(list(stream))):
            yield Case(f"random network {seed - 1}", network, [stream], record=not found)
            found += 1


@cache
def _digits(hidden: int, epochs: int, sparsity: float) -> Network:
    from edgesnn.compress.pipeline import compress
    from edgesnn.compress.settings import CompressionSettings
    from edgesnn.recipes import find_recipe
    from edgesnn.recipes.training import train_recipe

    recipe = replace(find_recipe("digits"), hidden_sizes=(hidden,))
    trained = train_recipe(recipe, epochs=epochs, threads=1)
    settings = CompressionSettings(sparsity=sparsity, state_bits=16, threads=1)
    network, _report = compress(trained.model, recipe.load().training, settings)
    assert not [text for rule in RULES for text in rule(network)]
    return network


def digits_case(windows: int, hidden: int = 32, epochs: int = 3, sparsity: float = 0.8) -> Case:
    """The recipe ``digits``, trained and compressed, on held-out samples."""
    from edgesnn.recipes import find_recipe

    network = _digits(hidden, epochs, sparsity)
    streams = list(find_recipe("digits").load().held_out.events.streams())[:windows]
    return Case(f"digits, {hidden} hidden neurons", network, streams)


def simulated(case: Case, config: CoreConfig) -> list[RunResult]:
    """What the simulator gives for each window, clock cycles included."""
    simulator = Simulator(case.network, config)
    return [simulator.run(stream, record=case.record)[0] for stream in case.streams]


def agreement(board: VirtualBoard, case: Case) -> Agreement:
    """Load the network, run each window from reset and compare with the simulator."""
    expected = simulated(case, board.config)
    assert all(result.counters.cycles for result in expected)
    with SerialDevice(board.port, timeout=TIMEOUT_SECONDS) as device:
        found, _results = compare(expected, device, case.network, case.streams, case.record)
    return found
