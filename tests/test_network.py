"""Networks are checked when they are made."""

import re
from dataclasses import replace

import numpy as np
import pytest

from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.neuron import ResetMode
from edgesnn.synapses import Synapses

KEYS, CELLS = InputPopulation("keys", 2), LifPopulation("cells", [5], [9], [0])
ROWS = Synapses.from_dense(np.array([[1], [2]]))


def refusal(*arguments, **named):
    try:
        Network(*arguments, **named)
    except ValueError as error:
        return str(error)
    return "nothing was refused"


def test_ids_count_inputs_and_neurons_apart(small_network):
    assert small_network.first_id == (0, 0, 2)
    assert (small_network.num_inputs, small_network.num_neurons) == (3, 4)
    assert small_network.num_synapses == 4 + 2 + 3
    assert small_network.neuron_slice(2) == slice(2, 4)
    assert [p.name for p in small_network.inputs] == ["keys"]
    assert [p.name for p in small_network.neurons] == ["hidden", "output"]


def test_only_connections_to_later_populations_deliver_at_once(small_network):
    assert [small_network.is_same_step(c) for c in small_network.connections] == [True, False, True]


def test_connections_are_sorted_by_target_then_source():
    populations = (KEYS, InputPopulation("more", 1), CELLS, replace(CELLS, name="last"))
    one = Synapses.from_dense(np.array([[1]]))
    network = Network(
        populations,
        (Connection(2, 3, one), Connection(1, 2, one, 1), Connection(0, 2, ROWS)),
        Readout(3),
    )
    assert [(c.source, c.target) for c in network.connections] == [(0, 2), (1, 2), (2, 3)]
    assert [c.source for c in network.incoming(2)] == [0, 1]


def test_order_of_populations_is_checked():
    message = "populations must be one or more inputs, then one or more LIF ones"
    for populations in ((), (CELLS,), (KEYS,), (CELLS, KEYS)):
        assert refusal(populations, (), Readout(0)) == message


def test_parts_that_do_not_fit_are_refused():
    both = (KEYS, CELLS)
    assert refusal((KEYS, replace(CELLS, name="keys")), (), Readout(1)) == (
        "population names must differ, not ['keys', 'keys']"
    )
    assert refusal(both, (), Readout(1), 17) == "state_bits must be one of (16, 18, 24), not 17"
    assert refusal(both, (Connection(0, 2, ROWS),), Readout(1)) == (
        "a connection must join populations 0..1, not 0 and 2"
    )
    assert refusal(both, (Connection(1, 0, ROWS),), Readout(1)) == (
        "'keys' is an input and cannot be a target"
    )
    assert refusal(both, (Connection(0, 1, ROWS, delay=3),), Readout(1)) == (
        "delay of 'keys' -> 'cells' must be 0, since it comes from an input, not 3; "
        "delay the events of that input instead"
    )
    assert refusal(both, (Connection(1, 1, ROWS),), Readout(1)) == (
        "synapses 'cells' -> 'cells' must be 1 x 1, not 2 x 1"
    )
    for population in (0, 2, -1):
        assert refusal(both, (), Readout(population)) == "the read-out must be a LIF population"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InputPopulation("x", 0), "size of 'x' must be at least 1, not 0"),
        (lambda: Connection(0, 1, ROWS, 16), "weight_shift must be in 0..15, not 16"),
        (lambda: Connection(0, 1, ROWS, -1), "weight_shift must be in 0..15, not -1"),
        (lambda: Connection(0, 1, ROWS, delay=16), "delay must be in 0..15, not 16"),
        (lambda: Connection(0, 1, ROWS, delay=-1), "delay must be in 0..15, not -1"),
        (lambda: EventLimit(EventLimitForm.FULL, 16), "event limit must be in 1..15, not 16"),
        (lambda: EventLimit(EventLimitForm.FULL, 0), "event limit must be in 1..15, not 0"),
        (lambda: EventLimit(EventLimitForm.LIMITED, 65536), "event limit must be in 1..65535"),
        (lambda: Readout(1, window_steps=0), "window_steps must be in 1..65535, not 0"),
        (lambda: Readout(1, window_steps=65536), "window_steps must be in 1..65535, not 65536"),
        (
            lambda: LifPopulation("x", [1], [1, 2], [0]),
            "threshold, decay and bias of 'x' must have one length >= 1, not [1, 2]",
        ),
        (
            lambda: LifPopulation("x", [1], [1], [0], synaptic_decay=[1, 2], current_bits=8),
            "threshold, decay, bias and synaptic_decay of 'x' must have one length >= 1",
        ),
        (
            lambda: LifPopulation("x", [1], [1], [0], current_bits=8),
            "current_bits of 'x' must be 0 without a synaptic_decay, not 8",
        ),
        (lambda: LifPopulation("x", np.zeros(0, int), [], []), "must be a list of integers"),
        (
            lambda: LifPopulation("x", [0.5], [1], [0]),
            "threshold of 'x' must be a list of integers",
        ),
        (lambda: LifPopulation("x", [2**31], [1], [0]), "threshold of 'x' must fit 32 bits"),
        (lambda: LifPopulation("x", [1], [[1]], [0]), "decay of 'x' must be a list of integers"),
    ],
)
def test_impossible_parts_are_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_empty_population_is_refused():
    nothing = np.zeros(0, int)
    with pytest.raises(ValueError, match="must have one length >= 1, not .0."):
        LifPopulation("x", nothing, nothing, nothing)


def test_parameters_of_a_neuron_are_its_own():
    cells = LifPopulation(
        "cells", [5, 6], [7, 8], [9, -9], reset_mode=2, strict=True, membrane_bits=12
    )
    second = cells.parameters(1, 18)
    assert (second.threshold, second.decay, second.bias) == (6, 8, -9)
    assert (second.strict, second.membrane_bits, second.state_bits) == (True, 12, 18)
    assert second.reset_mode is ResetMode.NONE
    assert (second.synaptic_decay, second.current_bits) == (None, 0)
    late = replace(cells, synaptic_decay=[10, 11], current_bits=9).parameters(1, 18)
    assert (late.synaptic_decay, late.current_bits) == (11, 9)


def test_network_tells_what_it_needs(small_network, late_network):
    assert (small_network.has_currents, small_network.max_delay) == (False, 0)
    assert (late_network.has_currents, late_network.max_delay) == (True, 2)
    assert [p.current_based for p in late_network.neurons] == [True, False]


def test_network_is_frozen(small_network):
    with pytest.raises(AttributeError):
        small_network.state_bits = 18
    with pytest.raises(ValueError, match="read-only"):
        small_network.neurons[0].threshold[0] = 1
