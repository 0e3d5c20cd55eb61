"""The simulator gives the reference's bits, in every form in which it runs."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings

from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DesignRuleError, DoesNotFit, EventLimitError, InputError
from edgesnn.events import EventStream
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
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.number_format import ACCUMULATOR
from edgesnn.reference import Reference, simulate
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.simulator.compiled_network import compile_network
from edgesnn.simulator.core_timing import CoreTiming
from edgesnn.simulator.kernels import gather_inputs
from edgesnn.synapses import Synapses
from tests.strategies import networks_with_events, random_events, random_network
from tests.vectors.generate import network_from_json

VECTORS = [
    vector
    for name in ("networks", "late_networks")
    for vector in json.loads((Path(__file__).parent / f"vectors/{name}.json").read_text())
]
# Uncompiled kernels are a hundred times slower and run once more, for coverage.
COMPILED = not numba.config.DISABLE_JIT
SEEDS = range(120 if COMPILED else 12)
STEPS = 50 if COMPILED else 12


def broken(network: Network) -> Network:
    """The same network with sums that leave the state word."""
    return replace(
        network,
        populations=tuple(
            replace(p, membrane_bits=network.state_bits) if isinstance(p, LifPopulation) else p
            for p in network.populations
        ),
        connections=tuple(replace(c, weight_shift=15) for c in network.connections),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_agree_to_the_last_bit(seed):
    late = seed % 2 > 0
    network = random_network(seed, max_synapses=4000, currents=late, delays=late)
    stream = random_events(network, seed + 1, STEPS, max_events=100)
    result, _ = Simulator(network).run(stream, record=True)
    assert differences(simulate(network, stream), result) == []


@settings(max_examples=60 if COMPILED else 10)
@given(networks_with_events(currents=True, delays=True))
def test_any_network_agrees_to_the_last_bit(case):
    network, stream = case
    result, _ = Simulator(network).run(stream, record=True)
    assert differences(simulate(network, stream), result) == []


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_frozen_runs_give_the_same_answers(vector):
    network = network_from_json(vector["network"])
    result, _ = Simulator(network).run(EventStream.from_steps(vector["events"]), record=True)
    assert [np.flatnonzero(row).tolist() for row in result.spikes] == vector["spikes"]
    assert result.membranes.tolist() == vector["membranes"]
    assert result.values.tolist() == vector["values"]
    assert result.accumulators.tolist() == vector["accumulators"]
    assert result.decision == vector["decision"]


def test_overflows_wrap_and_count_as_on_the_reference():
    overflows = 0
    for seed in range(30 if COMPILED else 6):
        late = seed % 2 > 0
        network = broken(random_network(seed, max_size=40, currents=late, delays=late))
        stream = random_events(network, seed, 12, max_events=20)
        expected = Reference(network, check=False).run(stream)
        result, _ = Simulator(network, check=False).run(stream, record=True)
        assert differences(expected, result) == []
        overflows += expected.counters.overflows
    assert overflows > 100


def test_checked_kernels_agree_where_nothing_overflows(any_network):
    stream = random_events(any_network, 5, 30)
    checked, _ = Simulator(any_network, check=False).run(stream, record=True)
    blind, _ = Simulator(any_network).run(stream, record=True)
    assert differences(checked, blind) == []


def test_events_of_other_inputs_are_left_out():
    source_ids, sources = np.array([2, 5, 3, 6, 4, 5, 2], np.uint16), np.full(7, -1, np.int32)
    assert gather_inputs(source_ids, 3, 3, sources) == 4
    assert sources.tolist() == [2, 0, 1, 2, -1, -1, -1]


@pytest.mark.parametrize("rule", ReadoutRule)
@pytest.mark.parametrize("mode", ResetMode)
@pytest.mark.parametrize("order", ResetOrder)
@pytest.mark.parametrize("strict", [False, True])
def test_every_flag_agrees(small_network, rule, mode, order, strict):
    network = replace(
        small_network,
        populations=tuple(
            replace(p, reset_mode=mode, reset_order=order, strict=strict)
            if isinstance(p, LifPopulation)
            else p
            for p in small_network.populations
        ),
        readout=Readout(2, rule, 10),
    )
    stream = random_events(network, 7, 40)
    expected = simulate(network, stream)
    result, _ = Simulator(network).run(stream, record=True)
    assert expected.counters.spikes > 0
    assert differences(expected, result) == []


def test_accumulators_wrap_in_32_bits():
    top = (1 << 15) - 1
    cell = LifPopulation("cell", [1], [4096], [top], spiking=False, membrane_bits=2)
    network = Network(
        (InputPopulation("in", 1), cell), (), Readout(1, ReadoutRule.MEMBRANE_SUM, 65535)
    )
    simulator, state = Simulator(network, check=False), None
    state = replace(
        simulator.initial_state(), accumulators=np.array([ACCUMULATOR.maximum - 3], np.int64)
    )
    result, _ = simulator.run(EventStream.from_steps([[]]), state)
    assert result.accumulators.tolist() == [ACCUMULATOR.wrap(ACCUMULATOR.maximum - 3 + top)]
    count = replace(network, readout=Readout(1, ReadoutRule.SPIKE_COUNT))
    fires = replace(count, populations=(count.populations[0], replace(cell, spiking=True)))
    result, _ = Simulator(fires, check=False).run(
        EventStream.from_steps([[]]), replace(state, accumulators=np.array([ACCUMULATOR.maximum]))
    )
    assert result.accumulators.tolist() == [ACCUMULATOR.minimum]


def test_population_of_more_than_4096_neurons_uses_wide_words():
    rng = np.random.default_rng(0)
    size = 4097
    weights = np.zeros((3, size), int)
    weights[rng.integers(3, size=300), rng.integers(size, size=300)] = -3
    weights[0, size - 1] = 7
    cells = LifPopulation(
        "cells", np.full(size, 4), np.full(size, 4000), np.zeros(size, int), membrane_bits=8
    )
    last = Synapses.from_dense(np.eye(1, size, size - 1, dtype=int).T)
    network = Network(
        (InputPopulation("in", 3), cells, LifPopulation("out", [1], [4096], [0], membrane_bits=8)),
        (Connection(0, 1, Synapses.from_dense(weights)), Connection(1, 2, last)),
        Readout(2),
    )
    assert compile_network(network, False).words.dtype == np.uint32
    stream = EventStream.from_steps([[0], [1, 2], [0], [], [0]])
    result, _ = Simulator(network).run(stream, record=True)
    assert result.spikes[:, size].tolist() == [True, False, True, False, True]
    assert differences(simulate(network, stream), result) == []


def test_population_of_4096_neurons_uses_short_words():
    size = 4096
    cells = LifPopulation(
        "cells", np.full(size, 4), np.full(size, 9), np.zeros(size, int), membrane_bits=8
    )
    rows = Synapses.from_dense(np.full((1, size), -8))
    network = Network((InputPopulation("in", 1), cells), (Connection(0, 1, rows),), Readout(1))
    arrays = compile_network(network, False)
    assert arrays.words.dtype == np.uint16
    assert arrays.words[[0, 1, -1]].tolist() == [8, 16 + 8, 0xFFF8]
    assert arrays.contributions[0].tolist() == [*range(8), *range(-8, 0)]
    result, _ = Simulator(network).run(EventStream.from_steps([[0]]), record=True)
    assert set(result.values[0].tolist()) == {-8}


def test_streaming_step_by_step_is_one_run():
    for seed in range(10 if COMPILED else 6):
        network = random_network(seed, max_size=40, currents=seed % 2 > 0, delays=seed % 2 > 0)
        stream = random_events(network, seed, 20)
        whole, end = Simulator(network).run(stream, record=True)
        simulator, state, spikes, membranes = Simulator(network), None, [], []
        for step in stream:
            result, state = simulator.run(EventStream.from_steps([step]), state, record=True)
            spikes.append(result.spikes)
            membranes.append(result.membranes)
        assert np.array_equal(np.concatenate(spikes), whole.spikes)
        assert np.array_equal(np.concatenate(membranes), whole.membranes)
        assert np.array_equal(result.accumulators, whole.accumulators)
        assert state.steps_since_reset == end.steps_since_reset == 20


def test_state_given_is_not_changed(any_network):
    simulator = Simulator(any_network)
    _, state = simulator.run(random_events(any_network, 1, 10))
    before = [np.copy(part) for part in vars(state).values()]
    first, _ = simulator.run(random_events(any_network, 2, 10), state, record=True)
    again, _ = simulator.run(random_events(any_network, 2, 10), state, record=True)
    after = vars(state).values()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert differences(first, again) == []


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_batch_is_every_sample_alone(threads):
    for seed in range(8 if COMPILED else 2):
        network = random_network(seed, max_size=40, currents=seed % 2 > 0, delays=seed % 2 > 0)
        streams = [random_events(network, n, n % 7) for n in range(20)]
        batch = Simulator(network).run_batch(streams, threads)
        for n, stream in enumerate(streams):
            expected = simulate(network, stream)
            assert batch.accumulators[n].tolist() == expected.accumulators.tolist()
            assert batch.spike_counts[n].tolist() == expected.spikes.sum(axis=0).tolist()
            assert batch.sops[n] == expected.counters.sops
            assert batch.decisions[n] == (-1 if expected.decision is None else expected.decision)
        assert batch.counters.spikes == batch.spike_counts.sum()
        assert batch.counters.steps == sum(n % 7 for n in range(20))
        assert batch.counters.events == sum(s.num_events for s in streams)


@pytest.mark.parametrize("threads", [1, 2])
def test_batch_may_be_empty(small_network, threads):
    batch = Simulator(small_network).run_batch([], threads)
    assert batch.decisions.shape == (0,)
    assert batch.counters.steps == 0


def test_chosen_populations_are_recorded(any_network):
    stream = random_events(any_network, 4, 25)
    whole = simulate(any_network, stream)
    records, _ = Simulator(any_network).record(stream, ["output", "hidden"])
    for name, columns in (("hidden", slice(0, 2)), ("output", slice(2, 4))):
        assert np.array_equal(records[name].spikes, whole.spikes[:, columns])
        assert np.array_equal(records[name].membranes, whole.membranes[:, columns])
        assert np.array_equal(records[name].values, whole.values[:, columns])
        assert np.array_equal(records[name].currents, whole.currents[:, columns])
    only, _ = Simulator(any_network).record(stream, ["output"])
    assert list(only) == ["output"]
    assert np.array_equal(only["output"].spikes, whole.spikes[:, 2:])


def test_membranes_are_recorded_on_request_only(small_network):
    result, _ = Simulator(small_network).run(random_events(small_network, 4, 5))
    assert result.membranes is None
    assert result.values is None
    assert result.spikes.shape == (5, 4)


def test_wrong_arguments_are_refused(small_network):
    simulator = Simulator(small_network)
    for name in ("keys", "nothing"):
        message = f"must be one of .'hidden', 'output'., not {name!r}"
        with pytest.raises(ValueError, match=message):
            simulator.record(EventStream.from_steps([[]]), [name])
    with pytest.raises(ValueError, match="threads must be at least 1, not 0"):
        simulator.run_batch([], threads=0)


def test_network_that_breaks_a_rule_is_refused(small_network):
    with pytest.raises(DesignRuleError):
        Simulator(broken(small_network))
    cells = replace(small_network.neurons[0], threshold=[0, 5])
    impossible = replace(
        small_network,
        populations=(small_network.populations[0], cells, small_network.populations[2]),
    )
    with pytest.raises(ValueError, match="threshold . strict of 'hidden' must be in 1..32767"):
        Simulator(impossible, check=False)


@pytest.mark.parametrize("limit", [EventLimit(), EventLimit(EventLimitForm.LIMITED, 2)])
def test_events_beyond_the_limit_are_refused_as_on_the_reference(small_network, limit):
    network = replace(small_network, event_limit=limit)
    simulator = Simulator(network)
    for steps in ([[0], [1, 1, 2, 2]], [[3]], [[0], [], [0, 0, 0]], [[65535]]):
        stream = EventStream.from_steps(steps)
        with pytest.raises(InputError) as expected:
            Reference(network).run(stream)
        for run in (simulator.run, lambda s: simulator.run_batch([s])):
            with pytest.raises(type(expected.value)) as caught:
                run(stream)
            assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ([0, 3], "step_start must go from 0 to 2"),
        ([1, 2], "step_start must go from 0 to 2"),
        ([], "step_start must go from 0 to 2"),
        ([0, 2, 1, 2], "step_start must not decrease"),
    ],
)
def test_broken_streams_never_reach_the_kernels(small_network, starts, message):
    stream = EventStream(np.array(starts, np.int64), np.array([0, 1], np.uint16))
    with pytest.raises(InputError) as caught:
        Simulator(small_network).run(stream)
    assert str(caught.value) == message


def test_cycles_are_predicted_for_a_given_core(small_network):
    config = CoreConfig(lanes=2)
    stream = random_events(small_network, 3, 20)
    spikes = simulate(small_network, stream).spikes
    expected = CoreTiming(small_network, config).cycles(stream, spikes)
    simulator = Simulator(small_network, config)
    result, _ = simulator.run(stream)
    assert result.counters.cycles == expected.sum() > 0
    batch = simulator.run_batch([stream, EventStream.from_steps([]), stream], threads=2)
    assert batch.cycles.tolist() == [expected.sum(), 0, expected.sum()]
    assert batch.counters == result.counters + result.counters
    plain = Simulator(small_network).run_batch([stream, EventStream.from_steps([]), stream])
    for name in ("decisions", "accumulators", "spike_counts", "sops"):
        assert np.array_equal(getattr(batch, name), getattr(plain, name))
    backend = SimulatorBackend(config)
    backend.load(small_network)
    first, second = list(stream)[:9], list(stream)[9:]
    counted = backend.run(EventStream.from_steps(first)).counters
    counted += backend.run(EventStream.from_steps(second)).counters
    assert counted == result.counters
    assert Simulator(small_network).run(stream)[0].counters.cycles == 0


def test_core_that_is_too_small_is_refused():
    network = random_network(3, max_size=300)
    with pytest.raises(DoesNotFit):
        Simulator(network, CoreConfig(neurons=16))


def test_memory_follows_the_synapses():
    """A budget: a million synapses, network and simulator together, in less than 10 MB."""
    size, fan_out = 4096, 256
    targets = np.tile(np.arange(0, size, size // fan_out), size)
    row_start = np.arange(0, size * fan_out + 1, fan_out)
    weights = np.full(size * fan_out, 3)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    cells = LifPopulation(
        "cells", np.full(size, 9), np.full(size, 9), np.zeros(size, int), membrane_bits=15
    )
    rows = Synapses(row_start, targets, weights, size)
    network = Network((InputPopulation("in", size), cells), (Connection(0, 1, rows),), Readout(1))
    simulator = Simulator(network)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert network.num_synapses == simulator.network.num_synapses == 2**20
    assert used - before < 10e6


@pytest.mark.parametrize("make", [ReferenceBackend, SimulatorBackend])
def test_backends_run_on_and_reset(small_network, make):
    backend = make()
    with pytest.raises(RuntimeError, match="a network must be loaded first"):
        backend.run(EventStream.from_steps([[]]))
    with pytest.raises(RuntimeError, match="a network must be loaded first"):
        backend.reset()
    backend.load(small_network)
    streams = [random_events(small_network, seed, 15) for seed in (1, 2)]
    reference = Reference(small_network)
    for stream in streams:
        assert differences(reference.run(stream), backend.run(stream, record=True)) == []
    backend.reset()
    first = backend.run(streams[0])
    assert first.membranes is None
    assert differences(simulate(small_network, streams[0]), first) == []
    with pytest.raises(EventLimitError):
        backend.run(EventStream.from_steps([[0] * 4]))
    reference.reset()
    reference.run(streams[0])
    assert differences(reference.run(streams[1]), backend.run(streams[1], record=True)) == []
    backend.load(small_network)
    assert differences(simulate(small_network, streams[0]), backend.run(streams[0])) == []
    backend.close()
    backend.close()
