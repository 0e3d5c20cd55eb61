"""Rules about numbers: every message, and proof by brute force that the bound is safe and tight."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgesnn import design_rules
from edgesnn.errors import DesignRuleError
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
from edgesnn.neuron import ResetMode
from edgesnn.synapses import Synapses


def reachable(network: Network, population: int) -> tuple[int, int]:
    """Highest and lowest word of the first neuron at any moment of any allowed step.

    Tries every multiset of input events, every set of neurons that fired, both clamp bounds, with
    the highest and the lowest order of the events, before and after the bias. A current starts at
    its own clamp bound and meets the membrane when all events are in.
    """
    limit = network.event_limit
    most = limit.value
    if limit.form is EventLimitForm.FULL:
        choices = itertools.product(range(most + 1), repeat=network.num_inputs)
    else:
        choices = (
            counts
            for counts in itertools.product(range(most + 1), repeat=network.num_inputs)
            if sum(counts) <= most
        )
    cells = network.populations[population]
    bias = int(cells.bias[0])
    top = 1 << (cells.membrane_bits - 1)
    high, low = top - 1, -top
    if cells.current_based:
        bound = 1 << (cells.current_bits - 1)
        high, low = high + bound - 1, low - bound
    highest, lowest = -(2**40), 2**40
    for counts in choices:
        for fired in itertools.product((0, 1), repeat=network.num_neurons):
            sums = []
            for c in network.incoming(population):
                dense = c.synapses.to_dense()[:, 0].astype(int) << c.weight_shift
                first = network.first_id[c.source]
                times = (
                    counts if isinstance(network.populations[c.source], InputPopulation) else fired
                )
                sums += [int(w) * times[first + s] for s, w in enumerate(dense)]
            ups, downs = sum(x for x in sums if x > 0), sum(x for x in sums if x < 0)
            if cells.current_based:
                highest = max(highest, high + ups + downs, high + ups + downs + bias)
                lowest = min(lowest, low + ups + downs, low + ups + downs + bias)
                highest, lowest = max(highest, bound - 1 + ups), min(lowest, -bound + downs)
            else:
                highest = max(highest, high + ups, high + ups + downs + bias)
                lowest = min(lowest, low + downs, low + ups + downs + bias)
    return highest, lowest


def tiny_network(rng: np.random.Generator, form: EventLimitForm, connections: int) -> Network:
    """Two inputs of one or two sources, one recurrent population; few enough cases to try all."""
    populations = (
        InputPopulation("left", 2),
        InputPopulation("right", 1),
        LifPopulation("cells", [5, 5], [9, 9], rng.integers(-30, 30, 2), membrane_bits=6),
    )
    joined = [
        Connection(
            int(source),
            2,
            Synapses.from_dense(rng.integers(-8, 8, (populations[source].size, 2))),
            int(rng.integers(3)),
        )
        for source in rng.permutation([0, 0, 1, 2])[:connections]
    ]
    return Network(
        populations,
        tuple(joined),
        Readout(2),
        event_limit=EventLimit(form, int(rng.integers(1, 4))),
    )


def with_current(network: Network) -> Network:
    """Its population made current-based."""
    current = replace(network.populations[2], synaptic_decay=[9, 9], current_bits=5)
    return replace(network, populations=(*network.populations[:2], current))


@pytest.mark.parametrize("current", [False, True])
@pytest.mark.parametrize("form", EventLimitForm)
@pytest.mark.parametrize("seed", range(40))
def test_bound_is_never_exceeded(form, seed, current):
    network = tiny_network(np.random.default_rng(seed), form, connections=4)
    if current:
        network = with_current(network)
    highest, lowest = design_rules.membrane_range(network, 2)
    reached_high, reached_low = reachable(network, 2)
    assert reached_high <= highest[0]
    assert reached_low >= lowest[0]


@pytest.mark.parametrize("seed", range(40))
def test_bound_of_the_full_form_is_reached(seed):
    network = tiny_network(np.random.default_rng(seed), EventLimitForm.FULL, connections=4)
    network = replace(network, populations=(*network.populations[:2], no_bias(network)))
    highest, lowest = design_rules.membrane_range(network, 2)
    assert (int(highest[0]), int(lowest[0])) == reachable(network, 2)


@pytest.mark.parametrize("current", [False, True])
@pytest.mark.parametrize("form", EventLimitForm)
@pytest.mark.parametrize("seed", range(40))
def test_bound_is_reached_with_one_connection_a_source(seed, form, current):
    network = tiny_network(np.random.default_rng(seed), form, connections=4)
    one_each = {c.source: c for c in network.connections}
    network = replace(
        network,
        populations=(*network.populations[:2], no_bias(network)),
        connections=tuple(one_each.values()),
    )
    if current:
        network = with_current(network)
    highest, lowest = design_rules.membrane_range(network, 2)
    assert (int(highest[0]), int(lowest[0])) == reachable(network, 2)


def no_bias(network: Network) -> LifPopulation:
    return replace(network.populations[2], bias=[0, 0])


def one_neuron(**changes) -> Network:
    fields = {"threshold": [5], "decay": [9], "bias": [0], "membrane_bits": 15} | changes
    bits = fields.pop("state_bits", 16)
    weight, shift = fields.pop("weight", 1), fields.pop("weight_shift", 0)
    limit = fields.pop("event_limit", EventLimit())
    return Network(
        (InputPopulation("in", 1), LifPopulation("cell", **fields)),
        (Connection(0, 1, Synapses.from_dense(np.array([[weight]])), shift),),
        Readout(1),
        bits,
        limit,
    )


def test_bias_makes_no_room_for_events():
    # 16383 + 16384 leaves the word before the bias takes 5 away.
    network = one_neuron(weight=4, weight_shift=12, bias=[-5])
    assert design_rules.membrane_range(network, 1)[0].tolist() == [32767]
    design_rules.check(network)
    with pytest.raises(DesignRuleError):
        design_rules.check(replace(network, event_limit=EventLimit(EventLimitForm.FULL, 2)))


def test_word_may_be_filled_to_the_last_number():
    design_rules.check(one_neuron(weight=4, weight_shift=12))
    design_rules.check(one_neuron(weight=-4, weight_shift=12))
    with pytest.raises(DesignRuleError, match="must be in -32768..32767, not 32768 "):
        design_rules.check(one_neuron(weight=4, weight_shift=12, bias=[1]))
    with pytest.raises(DesignRuleError, match="must be in -32768..32767, not -32769 "):
        design_rules.check(one_neuron(weight=-4, weight_shift=12, bias=[-1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"decay": [4097]},
            "decay of 'cell' must be in 0..4096, not 4097 (neuron 0; 1 of 1 neurons)",
        ),
        ({"decay": [-1]}, "decay of 'cell' must be in 0..4096, not -1"),
        ({"bias": [40000]}, "bias of 'cell' must be in -32768..32767, not 40000"),
        ({"threshold": [0]}, "threshold + strict of 'cell' must be in 1..32767, not 0"),
        (
            {"threshold": [32767], "strict": True},
            "threshold + strict of 'cell' must be in 1..32767, not 32768",
        ),
        ({"membrane_bits": 17}, "membrane_bits of 'cell' must be in 2..16, not 17"),
        ({"membrane_bits": 1}, "membrane_bits of 'cell' must be in 2..16, not 1"),
        (
            {"synaptic_decay": [4097], "current_bits": 9},
            "synaptic_decay of 'cell' must be in 0..4096, not 4097",
        ),
        (
            {"synaptic_decay": [9], "current_bits": 17},
            "current_bits of 'cell' must be in 2..16, not 17",
        ),
        ({"synaptic_decay": [9]}, "current_bits of 'cell' must be in 2..16, not 0"),
        (
            {"synaptic_decay": [9], "current_bits": 15, "bias": [-1]},
            "lowest possible membrane of 'cell' must be in -32768..32767, not -32769",
        ),
        (
            {"membrane_bits": 16},
            "highest possible membrane of 'cell' must be in -32768..32767, not 32768 "
            "(neuron 0; 1 of 1 neurons); "
            "lower weight_shift, membrane_bits, current_bits or the event limit, "
            "or widen state_bits",
        ),
        (
            {"weight": -8, "weight_shift": 15},
            "lowest possible membrane of 'cell' must be in -32768..32767, not -278528",
        ),
    ],
)
def test_each_violation_is_told_with_its_numbers(changes, message):
    with pytest.raises(DesignRuleError) as caught:
        design_rules.check(one_neuron(**changes))
    assert any(text.startswith(message) for text in caught.value.violations)


def test_worst_neuron_is_named():
    cells = LifPopulation("cells", [5, 0, -9, 5], [9, 9, 9, 9], [0, 0, 0, 0], membrane_bits=8)
    network = Network((InputPopulation("in", 1), cells), (), Readout(1))
    assert design_rules.parameters_are_in_range(network) == [
        "threshold + strict of 'cells' must be in 1..32767, not -9 (neuron 2; 2 of 4 neurons)"
    ]


def test_window_of_a_sum_is_bounded():
    network = replace(one_neuron(), readout=Readout(1, ReadoutRule.MEMBRANE_SUM, 65535))
    design_rules.check(network)
    wide = replace(network, state_bits=24)
    with pytest.raises(DesignRuleError, match="window_steps must be at most 255 for a sum, not 65"):
        design_rules.check(wide)
    design_rules.check(replace(wide, readout=Readout(1, ReadoutRule.MEMBRANE_SUM, 255)))


def test_read_out_that_never_fires_needs_no_threshold():
    design_rules.check(one_neuron(threshold=[-3], spiking=False, reset_mode=ResetMode.NONE))


def test_both_words_of_a_current_based_neuron_may_be_filled():
    design_rules.check(one_neuron(synaptic_decay=[9], current_bits=15))
    # Above, 16383 + 16383 leave room for 1; below, -16384 - 16384 for nothing.
    with pytest.raises(DesignRuleError, match="highest possible .* not 32768 "):
        design_rules.check(one_neuron(synaptic_decay=[9], current_bits=15, weight=2))
    with pytest.raises(DesignRuleError, match="lowest possible .* not -32769 "):
        design_rules.check(one_neuron(synaptic_decay=[9], current_bits=15, weight=-1))


def test_all_violations_come_at_once():
    network = one_neuron(decay=[5000], threshold=[0], weight=7, weight_shift=15)
    with pytest.raises(DesignRuleError) as caught:
        design_rules.check(network)
    assert len(caught.value.violations) == 3
    assert str(caught.value).startswith("3 design rules are broken:\n  - decay of 'cell'")
    with pytest.raises(DesignRuleError, match="^1 design rule is broken:"):
        design_rules.check(one_neuron(decay=[5000]))
