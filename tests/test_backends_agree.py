"""One suite over all executors: the same networks, equal to the last bit and cycle.

Every spike, every membrane after every step, every read-out and every counter, on networks up to
the edge of the design rules; and the cycles of the gates against their prediction.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from edgesnn.backends.c_library import CLibraryBackend
from edgesnn.backends.gates import GatesBackend
from edgesnn.core_config import CoreConfig
from edgesnn.errors import EventLimitError
from edgesnn.events import EventStream
from edgesnn.memory_image import pack_placement
from edgesnn.network import EventLimit, EventLimitForm, Network
from edgesnn.placement import place
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.simulator.core_timing import CoreTiming
from tests.agreement import EVENTS, FEATURES, LANES, NETWORKS_PER_FEATURES, NETWORKS_PER_LANES, Case
from tests.strategies import random_events, random_network

BLOCK = 13


def slow_if_wide(lanes: int) -> tuple[pytest.MarkDecorator, ...]:
    """Cores of many lanes take long to compile."""
    return (pytest.mark.slow,) if lanes > 4 else ()


EACH_WIDTH = [pytest.param(lanes, marks=slow_if_wide(lanes)) for lanes in LANES]


@lru_cache
def gates(
    lanes: int, state_bits: int = 24, currents: bool = False, delays: bool = False
) -> GatesBackend:
    config = CoreConfig(
        lanes=lanes,
        state_bits=state_bits,
        neurons=2048,
        synapse_words=max(65536, 16384 * lanes),
        inputs=1024,
        events=EVENTS,
        readout_neurons=512,
        currents=currents,
        delays=delays,
    )
    return GatesBackend(config)


@lru_cache
def runtime(lanes: int) -> CLibraryBackend:
    return CLibraryBackend(lanes=lanes)


def mismatches(case: Case) -> list[str]:
    """Every way in which the executors differ on one random network; empty if they agree."""
    core = gates(case.lanes, currents=case.currents, delays=case.delays)
    network = case.network()
    stream = case.stream(network)
    core.coding = case.coding
    core.load(network)
    core.phases()

    expected = Reference(network).run(stream)
    simulated, _ = Simulator(network).run(stream, record=True)
    counted = core.run(stream, record=True)
    phases = CoreTiming(network, core.config, core.coding).phases(stream, expected.spikes)

    in_c = runtime(case.lanes)
    in_c.coding = case.coding
    in_c.load(network)

    found = [f"simulator: {text}" for text in differences(expected, simulated)]
    found += [f"c: {text}" for text in differences(expected, in_c.run(stream, record=True))]
    found += [f"gates: {text}" for text in differences(expected, counted)]
    if int(phases.sum()) != counted.counters.cycles:
        found.append(f"cycles must be {counted.counters.cycles}, not {int(phases.sum())}")
    measured, predicted = core.phases().tolist(), phases.sum(axis=0).tolist()
    if predicted != measured:
        found.append(f"cycles of populations by phase must be {measured}, not {predicted}")
    return [f"{case}: {text}" for text in found]


@pytest.mark.parametrize(
    ("lanes", "first"),
    [
        pytest.param(lanes, first, marks=slow_if_wide(lanes))
        for lanes in LANES
        for first in range(0, NETWORKS_PER_LANES[lanes], BLOCK)
    ],
)
def test_reference_simulator_gates_and_c_agree(lanes: int, first: int) -> None:
    for seed in range(first, first + BLOCK):
        assert not mismatches(Case(lanes, seed))


@pytest.mark.parametrize("first", range(0, NETWORKS_PER_FEATURES, BLOCK))
@pytest.mark.parametrize(
    ("lanes", "currents", "delays"),
    [pytest.param(*features, marks=slow_if_wide(features[0])) for features in FEATURES],
)
def test_all_agree_on_currents_and_delays(
    lanes: int, currents: bool, delays: bool, first: int
) -> None:
    for seed in range(first, first + BLOCK):
        assert not mismatches(Case(lanes, seed, currents, delays))


def test_core_with_everything_runs_what_needs_nothing_of_it(small_network: Network) -> None:
    core = gates(2, currents=True, delays=True)
    for seed in range(6):
        late = random_network(seed, max_size=40, currents=True, delays=True)
        for made in (late, random_network(seed, max_size=40), small_network):
            limit = EventLimit(made.event_limit.form, min(made.event_limit.value, 15))
            network = replace(made, event_limit=limit)
            stream = random_events(network, seed, 12)
            core.coding = None
            core.load(network)
            expected = Reference(network).run(stream)
            assert not differences(expected, core.run(stream, record=True))
            core.reset()
            assert not differences(expected, core.run(stream, record=True))


@pytest.mark.parametrize("lanes", [2, pytest.param(8, marks=slow_if_wide(8))])
def test_runs_with_spikes_under_way_may_be_cut_anywhere(lanes: int) -> None:
    core = gates(lanes, currents=True, delays=True)
    for seed in range(6):
        network = Case(lanes, seed, currents=True, delays=True).network()
        steps = list(random_events(network, seed, 20))
        core.coding = None
        core.load(network)
        simulator = Simulator(network, core.config)
        state = None
        for part in (steps[:7], steps[7:8], steps[8:]):
            piece = EventStream.from_steps(part)
            simulated, state = simulator.run(piece, state, record=True)
            assert not differences(simulated, core.run(piece, record=True), cycles=True)


@pytest.mark.parametrize("lanes", EACH_WIDTH)
def test_runs_may_be_cut_anywhere(lanes: int) -> None:
    core = gates(lanes)
    for seed in range(6):
        network = Case(lanes, seed).network()
        stream = random_events(network, seed, 20)
        steps = list(stream)
        core.coding = None
        core.load(network)
        simulator = Simulator(network)
        state = None
        for part in (steps[:7], steps[7:8], steps[8:]):
            piece = EventStream.from_steps(part)
            simulated, state = simulator.run(piece, state, record=True)
            assert not differences(simulated, core.run(piece, record=True))
        core.reset()
        whole = core.run(stream, record=True)
        assert not differences(Reference(network).run(stream), whole)


@pytest.mark.parametrize("lanes", EACH_WIDTH)
def test_overflows_are_counted_alike_where_a_rule_is_broken(lanes: int) -> None:
    core = gates(lanes, state_bits=16)
    total = 0
    for seed in range(12):
        network = random_network(np.random.default_rng([9, lanes, seed]), max_size=60)
        broken = replace(
            network,
            state_bits=16,
            event_limit=EventLimit(EventLimitForm.LIMITED, 1000),
            populations=tuple(
                p
                if p in network.inputs
                else replace(
                    p,
                    membrane_bits=16,
                    threshold=np.clip(p.threshold, 1, 30_000),
                    bias=np.clip(p.bias, -30_000, 30_000),
                )
                for p in network.populations
            ),
            connections=tuple(replace(c, weight_shift=12) for c in network.connections),
        )
        stream = random_events(broken, seed, 12)
        expected = Reference(broken, check=False).run(stream)
        simulated, _ = Simulator(broken, check=False).run(stream, record=True)
        placement = place(broken, lanes)
        core.load_unchecked(placement, pack_placement(placement))
        assert not differences(expected, simulated)
        assert not differences(expected, core.run(stream, record=True))
        total += expected.counters.overflows
    assert total > 1000


@pytest.mark.parametrize("lanes", EACH_WIDTH)
@pytest.mark.parametrize(
    ("limit", "too_many"),
    [
        (EventLimit(EventLimitForm.FULL, 2), [0, 1, 0, 0]),
        (EventLimit(EventLimitForm.LIMITED, 3), [0, 1, 2, 0]),
        (EventLimit(EventLimitForm.LIMITED, 3), [0, 3]),
    ],
)
def test_gates_refuse_a_step_with_too_many_events_and_change_nothing(
    small_network: Network, lanes: int, limit: EventLimit, too_many: list[int]
) -> None:
    core = gates(lanes)
    core.coding = None
    network = replace(small_network, event_limit=limit)
    core.load(network)
    reference = Reference(network)
    before, after = [[0, 1], [2, 2, 0], []], [[1], [0, 0, 2], [2], []]
    reference.run(EventStream.from_steps(before))
    core.run(EventStream.from_steps(before))

    counters = core.counters()
    core.push(np.array(too_many, np.uint16))
    with pytest.raises(EventLimitError, match="refused"):
        core.advance()
    lost = core.counters() - counters
    assert (lost.steps, lost.events, lost.cycles) == (0, 0, 0)
    assert lost.dropped == len(too_many)

    expected = reference.run(EventStream.from_steps(after))
    assert not differences(expected, core.run(EventStream.from_steps(after), record=True))


@pytest.mark.parametrize("lanes", [1, 2])
def test_gates_without_a_compiler_give_the_same(small_network: Network, lanes: int) -> None:
    config = CoreConfig(
        lanes=lanes, neurons=64, synapse_words=1024, inputs=16, events=64, program_words=64
    )
    core = GatesBackend(config, compiled=False)
    core.load(small_network)
    stream = random_events(small_network, 5, 6)
    expected = Reference(small_network).run(stream)
    counted = core.run(stream, record=True)
    assert not differences(expected, counted)
    predicted = CoreTiming(small_network, config).phases(stream, expected.spikes)
    assert int(predicted.sum()) == counted.counters.cycles
    assert core.phases().tolist() == predicted.sum(axis=0).tolist()

    core.push(np.zeros(4, np.uint16))
    with pytest.raises(EventLimitError, match="refused"):
        core.advance()
