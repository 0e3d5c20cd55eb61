"""Cycles counted by hand from the states of ``edgesnn_hdl.scheduler``, and what follows.

A step costs, for each population: 7 cycles (descriptor), for each connection 4 (descriptor), its
delivery, and 1 for each slot; then 6 to finish. A delivery that meets nothing costs 2: it sees
that it is at its end, then that the lanes rest. A lone row of w cycles that is emitted in cycle c
enters the queue; its start is asked for in cycle c + 1 and read in c + 2; its words are there
until c + 2 + w; the lane is seen at rest in c + 5 + w.

That these numbers are those of the gates is what ``test_backends_agree`` shows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from edgesnn.backends.gates import GatesBackend
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DoesNotFit
from edgesnn.events import EventStream
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.reference import simulate
from edgesnn.simulator import core_timing
from edgesnn.simulator.core_timing import CoreTiming
from edgesnn.synapse_coding import Coding
from edgesnn.synapses import Synapses
from tests.strategies import random_events, random_network

POPULATION, CONNECTION, NOTHING, FINISH = 7, 4, 2, 6


def layer(name: str, size: int) -> LifPopulation:
    """Neurons that never fire; spikes are given to the prediction as they are."""
    return LifPopulation(name, [30_000] * size, [4096] * size, [0] * size, membrane_bits=10)


def rows(*targets_of_source: list[int], size: int) -> Synapses:
    dense = np.zeros((len(targets_of_source), size), int)
    for source, targets in enumerate(targets_of_source):
        dense[source, targets] = 1
    return Synapses.from_dense(dense)


def network(
    populations: list[InputPopulation | LifPopulation], connections: list[Connection]
) -> Network:
    return Network(
        tuple(populations),
        tuple(connections),
        Readout(len(populations) - 1),
        event_limit=EventLimit(EventLimitForm.LIMITED, 20),
    )


def cycles(
    net: Network,
    steps: list[list[int]],
    spikes: npt.NDArray[np.bool_] | None = None,
    fired: npt.NDArray[np.bool_] | None = None,
    coding: Coding = Coding.WIDE,
    **sizes: int,
) -> list[int]:
    if spikes is None:
        spikes = np.zeros((len(steps), net.num_neurons), bool)
    timing = CoreTiming(net, CoreConfig(**sizes), coding)
    return timing.cycles(EventStream.from_steps(steps), spikes, fired).tolist()


def one_layer(*targets_of_source: list[int], size: int = 10) -> Network:
    synapses = rows(*targets_of_source, size=size)
    inputs = InputPopulation("keys", len(targets_of_source))
    return network([inputs, layer("layer", size)], [Connection(0, 1, synapses)])


AROUND = POPULATION + CONNECTION + 10 + FINISH  # of a layer of ten, one connection, one lane


def test_population_without_connections_is_fetched_and_updated() -> None:
    net = network([InputPopulation("keys", 1), layer("layer", 10)], [])
    assert cycles(net, [[]]) == [POPULATION + 10 + FINISH]


def test_silent_connection_costs_its_descriptor_and_two_cycles() -> None:
    assert cycles(one_layer([0, 1]), [[], []]) == [AROUND + NOTHING] * 2


@pytest.mark.parametrize("targets", [[], [4], [0, 1, 2, 9]])
def test_lone_event_costs_its_row_and_six_cycles(targets: list[int]) -> None:
    assert cycles(one_layer(targets), [[0]]) == [AROUND + len(targets) + 6]


def test_next_row_starts_when_the_one_before_ends() -> None:
    # Rows of 1 + 4 and 1 + 2 cycles one after the other, then the three until rest is seen.
    net = one_layer([0, 1, 2, 3], [5, 7])
    assert cycles(net, [[0, 1], [1, 0], [1, 1]]) == [
        AROUND + 1 + 5 + 3 + 4,
        AROUND + 1 + 3 + 5 + 4,
        AROUND + 1 + 3 + 3 + 4,
    ]


def test_packed_word_with_two_synapses_takes_two_cycles() -> None:
    # Neighbours: one word of two synapses, one with the end: 3 cycles. Filler and synapse: 1 + 1.
    net = one_layer([0, 1], [20], size=30)
    around = AROUND + 20
    assert cycles(net, [[0], [1]], coding=Coding.PACKED) == [around + 3 + 6, around + 2 + 6]


def test_event_of_another_input_costs_a_cycle() -> None:
    net = network(
        [InputPopulation("keys", 1), InputPopulation("buttons", 1), layer("layer", 10)],
        [
            Connection(0, 2, rows([0, 1], size=10)),
            Connection(1, 2, rows([2, 3, 4], size=10)),
        ],
    )
    one = POPULATION + 10 + FINISH + 2 * CONNECTION
    # Another input's event first: the row is emitted a cycle later. Last: the end is seen later,
    # but before the lane rests.
    assert cycles(net, [[0], [1], [1, 0]]) == [
        one + (2 + 6) + (1 + NOTHING),
        one + (1 + NOTHING) + (3 + 6),
        one + (1 + 2 + 6) + (3 + 6),
    ]


def test_many_events_of_another_input_outlast_the_row() -> None:
    net = network(
        [InputPopulation("keys", 1), InputPopulation("buttons", 1), layer("layer", 10)],
        [Connection(0, 2, rows([0], size=10))],
    )
    # The end is seen in cycle 12, the lanes' rest in 13.
    assert cycles(net, [[0] + [1] * 11]) == [AROUND + 14]


def test_events_that_no_connection_reads_are_forgotten_in_a_pass() -> None:
    net = network([InputPopulation("keys", 2), layer("layer", 10)], [])
    around = POPULATION + 10 + FINISH
    # Rewind, then one cycle for each event and one to see the end.
    assert cycles(net, [[], [0], [1, 0, 1]]) == [around, around + 1 + 2, around + 1 + 4]


def test_gates_forget_events_that_no_connection_reads_in_as_many_cycles() -> None:
    net = replace(
        network([InputPopulation("keys", 2), layer("layer", 10)], []),
        event_limit=EventLimit(EventLimitForm.FULL, 1),
    )
    config = CoreConfig(neurons=2048, state_bits=24, events=8192, readout_neurons=512)
    gates = GatesBackend(config)
    gates.load(net)
    # An event that was not forgotten would be one too many in the next step.
    steps = [[0], [0, 1], [], [1]]
    counted = [gates.run(EventStream.from_steps([step])).counters.cycles for step in steps]
    assert counted == cycles(net, steps)


def test_spikes_are_read_word_by_word_of_the_bitmap() -> None:
    # Twenty neurons: two words. Recurrent, so the spikes of the step before count.
    synapses = rows(*[[0, 1, 2]] * 20, size=20)
    net = network([InputPopulation("keys", 1), layer("layer", 20)], [Connection(1, 1, synapses)])
    spikes = np.zeros((5, 20), bool)
    spikes[0, 17] = True
    spikes[1, [3, 5]] = True
    spikes[2, [0, 19]] = True
    around = POPULATION + CONNECTION + 20 + FINISH
    assert cycles(net, [[]] * 5, spikes) == [
        around + 2 + NOTHING,
        around + 1 + 3 + 6,  # after an empty word
        around + 2 * (1 + 3) + 5,
        around + 2 * (1 + 3) + 5,
        around + 2 + NOTHING,
    ]


def test_first_step_of_a_run_sees_the_spikes_before_it() -> None:
    synapses = rows([0, 1], [0], size=2)
    net = network([InputPopulation("keys", 1), layer("layer", 2)], [Connection(1, 1, synapses)])
    around = POPULATION + CONNECTION + 2 + FINISH
    assert cycles(net, [[]]) == [around + 1 + NOTHING]
    assert cycles(net, [[]], fired=np.array([True, False])) == [around + 2 + 6]


def test_spikes_reach_a_later_population_in_the_same_step_and_an_earlier_one_in_the_next() -> None:
    first, second = layer("first", 4), layer("second", 2)
    net = network(
        [InputPopulation("keys", 1), first, second],
        [
            Connection(1, 2, rows(*[[0, 1]] * 4, size=2)),
            Connection(2, 1, rows(*[[0, 1, 2]] * 2, size=4)),
        ],
    )
    spikes = np.zeros((2, 6), bool)
    spikes[0, [1, 5]] = True  # one neuron of each
    around = 2 * POPULATION + 2 * CONNECTION + 4 + 2 + FINISH
    silent = 1 + NOTHING
    assert cycles(net, [[], []], spikes) == [
        around + silent + (2 + 6),
        around + (3 + 6) + silent,
    ]


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_lanes_share_slots_and_rows(lanes: int) -> None:
    # Nine neurons, all of them targets: the busiest lane has ceil(9 / lanes) of each.
    net = one_layer(list(range(9)), size=9)
    most = -(-9 // lanes)
    around = POPULATION + CONNECTION + FINISH
    assert cycles(net, [[0]], lanes=lanes) == [around + most + (most + 6)]


def test_full_queue_makes_the_others_wait() -> None:
    """Two lanes, room for two rows: four rows of lane 0, then four of lane 1, ten synapses each.

    Lane 0 takes its rows in cycles 1, 12, 23, 34, and the empty ones from 45 on. The events leave
    in cycles 0, 1, 2, then each in the cycle after lane 0 has taken the one two before: 13, 24,
    35, 46, 47. So lane 1 takes its rows in 25, 36, 47 and 58, and is done in 69.
    """
    even, odd = list(range(0, 20, 2)), list(range(1, 20, 2))
    net = one_layer(even, odd, size=20)
    around = POPULATION + CONNECTION + 10 + FINISH
    found = cycles(net, [[0] * 4 + [1] * 4], lanes=2, queue_events=2)
    assert found == [around + 69 + 4]
    # With room for all, lane 1 begins at once: its first row is taken in cycle 5.
    found = cycles(net, [[0] * 4 + [1] * 4], lanes=2, queue_events=8)
    assert found == [around + 5 + 4 * 11 + 4]


def test_network_that_does_not_fit_has_no_cycles() -> None:
    with pytest.raises(DoesNotFit, match="neurons must be at most 16"):
        CoreTiming(one_layer([0], size=17), CoreConfig(neurons=16))


@pytest.mark.parametrize("seed", range(6))
def test_runs_may_be_cut_anywhere(seed: int) -> None:
    net = random_network(seed, max_size=40)
    stream = random_events(net, seed, 12)
    spikes = simulate(net, stream).spikes
    config = CoreConfig(lanes=2, state_bits=24, events=32768)
    timing = CoreTiming(net, config)
    whole = timing.cycles(stream, spikes)
    steps = list(stream)
    first = timing.cycles(EventStream.from_steps(steps[:5]), spikes[:5])
    second = timing.cycles(EventStream.from_steps(steps[5:]), spikes[5:], spikes[4])
    assert np.concatenate((first, second)).tolist() == whole.tolist()


def num_compilations() -> int:
    """Of the kernel; none where nothing is compiled."""
    return len(getattr(core_timing.run_cycles, "signatures", ()))


def test_frozen_arrays_need_no_compilation_of_their_own() -> None:
    net = one_layer([0, 1])
    stream = EventStream.from_steps([[0], []])
    spikes = np.zeros((2, 10), bool)
    timing = CoreTiming(net, CoreConfig())
    plain = timing.cycles(stream, spikes)
    compiled = num_compilations()
    for array in (stream.step_start, stream.source_ids, spikes):
        array.flags.writeable = False
    wide = EventStream(stream.step_start, stream.source_ids.astype(np.int32))
    columns = np.asfortranarray(np.zeros((2, 10), bool))
    assert timing.cycles(stream, spikes, spikes[0]).tolist() == plain.tolist()
    assert timing.cycles(wide, columns).tolist() == plain.tolist()
    assert num_compilations() == compiled
