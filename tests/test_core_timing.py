"""Cycles counted by hand from the states of ``edgesnn_hdl.scheduler``, and what follows.

Cycles are numbered from 1, the first after the command to advance. A lone row of w words that is
emitted in cycle c is seen at the head of its queue in c + 1 and its start is read then; its words
are there from c + 3 on; the lane is seen at rest in c + 4 + w, and the update begins in the next
cycle. That makes 5 + w cycles to integrate it. A population is settled four cycles after its last
slot, the last one five, unless descriptors (4 words, and 4 for a connection) take longer.

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

SETTLE, FINISH = 4, 5


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


def phases(
    net: Network,
    steps: list[list[int]],
    spikes: npt.NDArray[np.bool_] | None = None,
    **sizes: int,
) -> list[list[list[int]]]:
    """[integrate, update, settle] of each population and step."""
    if spikes is None:
        spikes = np.zeros((len(steps), net.num_neurons), bool)
    timing = CoreTiming(net, CoreConfig(**sizes), Coding.WIDE)
    return timing.phases(EventStream.from_steps(steps), spikes).tolist()


def one_layer(*targets_of_source: list[int], size: int = 10) -> Network:
    synapses = rows(*targets_of_source, size=size)
    inputs = InputPopulation("keys", len(targets_of_source))
    return network([inputs, layer("layer", size)], [Connection(0, 1, synapses)])


AROUND = 10 + FINISH  # of a layer of ten, one lane


def two_inputs(shift: int = 0) -> Network:
    """Keys reach nine neurons, buttons three, with a shift of their own."""
    return network(
        [InputPopulation("keys", 1), InputPopulation("buttons", 1), layer("layer", 10)],
        [
            Connection(0, 2, rows(list(range(9)), size=10)),
            Connection(1, 2, rows([2, 3, 4], size=10), weight_shift=shift),
        ],
    )


def test_population_without_connections_is_passed_in_a_cycle_and_updated() -> None:
    net = network([InputPopulation("keys", 1), layer("layer", 10)], [])
    assert phases(net, [[]]) == [[[1, 10, FINISH]]]


def test_silent_connection_costs_a_cycle() -> None:
    assert phases(one_layer([0, 1]), [[], []]) == [[[1, 10, FINISH]]] * 2


@pytest.mark.parametrize("targets", [[], [4], [0, 1, 2, 9]])
def test_lone_event_costs_its_row_and_five_cycles(targets: list[int]) -> None:
    assert phases(one_layer(targets), [[0]]) == [[[5 + len(targets), 10, FINISH]]]


def test_wide_row_starts_cost_a_cycle() -> None:
    # Rows of 1 + 4 and 1 + 2 cycles one after the other.
    net = one_layer([0, 1, 2, 3], [5, 7])
    assert cycles(net, [[0, 1], [1, 0], [1, 1]]) == [
        AROUND + 2 + 5 + 3 + 2,
        AROUND + 2 + 3 + 5 + 2,
        AROUND + 2 + 3 + 3 + 2,
    ]


def test_packed_word_with_two_synapses_takes_two_cycles() -> None:
    # Three neighbours: a word of two synapses, one with the third and the end. Filler, synapse,
    # synapse, end: two words. Filler and synapse: shifted, so two words as well.
    net = one_layer([0, 1, 2], [20, 21], [20], size=30)
    around = 30 + FINISH
    found = cycles(net, [[0], [1], [2]], coding=Coding.PACKED)
    assert found == [around + 5 + 3, around + 5 + 2, around + 5 + 2]


def test_next_start_is_read_in_the_first_cycle_of_a_word_with_two_synapses() -> None:
    net = one_layer([0, 1, 2], [20, 21], [], size=30)
    around = 30 + FINISH
    steps = [[0, 0], [0, 1], [1, 0], [0, 0, 0], [0, 2, 0]]
    assert cycles(net, steps, coding=Coding.PACKED) == [
        around + 3 + 3 + 3 + 2,  # the row begins in cycle 4, the second in 7
        around + 3 + 3 + 2 + 2,
        around + 3 + 2 + (1 + 3) + 2,  # no such word in the first row
        around + 3 + 3 + 3 + 3 + 2,
        around + 3 + 3 + (1 + 3) + 2,  # the empty row has used the free cycle
    ]


def test_event_of_another_input_costs_a_cycle() -> None:
    # The end of the first connection is seen a cycle after its last event, then four words of
    # the second are read.
    #   [0]: emitted in 1, end in 2; from 7 on the event is another's, end in 8; rest in 14.
    #   [1]: another's in 1, end in 2; emitted in 7.
    #   [1, 0]: another's, emitted in 2, end in 3; emitted in 8, after a row of nine in 5 to 13.
    net = two_inputs()
    assert cycles(net, [[0], [1], [1, 0]]) == [
        AROUND + 5 + 9,
        AROUND + 7 + 4 + 3,
        AROUND + 13 + 1 + 3 + 2,
    ]


def test_lanes_rest_between_connections_only_if_the_lanes_have_to_know_something_else() -> None:
    # Keys in cycles 4 to 12, rest in 14. Alike: the start of the other row is asked for in 12.
    # Else its delivery begins in 15 with an event of another input.
    assert cycles(two_inputs(), [[0, 1]]) == [AROUND + 12 + 1 + 3 + 2]
    assert cycles(two_inputs(shift=1), [[0, 1]]) == [AROUND + 16 + 4 + 3]


def test_many_events_of_another_input_outlast_the_row() -> None:
    net = network(
        [InputPopulation("keys", 1), InputPopulation("buttons", 1), layer("layer", 10)],
        [Connection(0, 2, rows([0], size=10))],
    )
    # The end is seen in cycle 13.
    assert cycles(net, [[0] + [1] * 11]) == [AROUND + 13]


def test_events_that_no_connection_reads_are_forgotten_in_a_pass() -> None:
    net = network([InputPopulation("keys", 2), layer("layer", 10)], [])
    # Rewind, then one cycle for each event and one to see the end.
    found = cycles(net, [[], [0], [1, 0, 1]])
    assert found == [AROUND + 1, AROUND + 1 + 1 + 2, AROUND + 1 + 1 + 4]


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
    around = 20 + FINISH
    assert cycles(net, [[]] * 5, spikes) == [
        around + 3,
        around + 1 + 5 + 3,  # after an empty word
        around + 2 + 2 * (1 + 3) + 2,
        around + 2 + 2 * (1 + 3) + 2,
        around + 3,
    ]


def test_first_step_of_a_run_sees_the_spikes_before_it() -> None:
    synapses = rows([0, 1], [0], size=2)
    net = network([InputPopulation("keys", 1), layer("layer", 2)], [Connection(1, 1, synapses)])
    around = 8  # two slots, and the descriptors that are read from the first of them on
    assert cycles(net, [[]]) == [around + 2]
    assert cycles(net, [[]], fired=np.array([True, False])) == [around + 5 + 2]


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
    # The second one has two slots: eight words of descriptors take longer.
    assert phases(net, [[], []], spikes) == [
        [[2, 4, SETTLE], [5 + 2, 2, 6]],
        [[5 + 3, 4, SETTLE], [2, 2, 6]],
    ]


def test_population_takes_a_cycle_for_each_slot_and_the_readout_one_for_each_neuron() -> None:
    net = network([InputPopulation("keys", 1), layer("a", 9), layer("b", 3)], [])
    assert phases(net, [[]], lanes=4) == [[[1, 3, SETTLE], [1, 4, FINISH]]]
    assert phases(net, [[]], lanes=1) == [[[1, 9, SETTLE], [1, 3, FINISH]]]


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_lanes_share_slots_and_rows(lanes: int) -> None:
    # Nine neurons, all of them targets: the busiest lane has ceil(9 / lanes) of each.
    net = one_layer(list(range(9)), size=9)
    most = -(-9 // lanes)
    assert phases(net, [[0]], lanes=lanes) == [[[5 + most, most * lanes, FINISH]]]


def test_full_queue_makes_the_others_wait() -> None:
    """Two lanes, room for two rows: four rows of lane 0, then four of lane 1, ten synapses each.

    Lane 0 asks for its rows in cycles 2, 13, 24, 35, and for the empty ones from 46 on. Events
    leave in cycles 1, 2, 3, then each in the cycle after lane 0 has let go of the one two before:
    14, 25, 36, 47, 48. So lane 1 asks for its rows in 26, 37, 48 and 59, whose last word is there
    in 70.
    """
    even, odd = list(range(0, 20, 2)), list(range(1, 20, 2))
    net = one_layer(even, odd, size=20)
    found = phases(net, [[0] * 4 + [1] * 4], lanes=2, queue_events=2)
    assert found == [[[70 + 2, 20, FINISH]]]
    # With room for all, lane 1 begins at once: its first row is asked for in cycle 6.
    found = phases(net, [[0] * 4 + [1] * 4], lanes=2, queue_events=8)
    assert found == [[[6 + 4 * 11 + 2, 20, FINISH]]]


def test_network_that_does_not_fit_has_no_cycles() -> None:
    with pytest.raises(DoesNotFit, match="neurons must be at most 16"):
        CoreTiming(one_layer([0], size=17), CoreConfig(neurons=16))


@pytest.mark.parametrize("seed", range(6))
def test_runs_may_be_cut_anywhere(seed: int) -> None:
    late = seed % 2 > 0
    net = random_network(seed, max_size=40, currents=late, delays=late)
    stream = random_events(net, seed, 12)
    spikes = simulate(net, stream).spikes
    config = CoreConfig(lanes=2, state_bits=24, events=32768, currents=True, delays=True)
    timing = CoreTiming(net, config)
    whole = timing.cycles(stream, spikes)
    steps = list(stream)
    first = timing.cycles(EventStream.from_steps(steps[:5]), spikes[:5])
    history = np.zeros((1 + net.max_delay, net.num_neurons), bool)
    seen = spikes[4::-1][: len(history)]
    history[: len(seen)] = seen
    second = timing.cycles(EventStream.from_steps(steps[5:]), spikes[5:], history)
    assert np.concatenate((first, second)).tolist() == whole.tolist()


def num_compilations() -> int:
    """Of the kernel; none where nothing is compiled."""
    return len(getattr(core_timing.run_phases, "signatures", ()))


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
