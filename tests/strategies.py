"""Random networks and event streams that obey the design rules, up to their very edge.

``random_network`` and ``random_events`` are seeded and serve long loops; ``networks`` and
``networks_with_events`` are the same for Hypothesis, with sizes that shrink. Current-based
populations and delays come only where they are asked for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from edgesnn.design_rules import RULES, membrane_range
from edgesnn.events import EventStream
from edgesnn.network import (
    MAX_EVENTS_PER_SOURCE,
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Population,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.number_format import ACCUMULATOR, DECAY_ONE, MAX_DELAY, STATE_BITS, SignedFormat
from edgesnn.synapses import Synapses

EXTREME_DECAYS = (0, 1, 2048, DECAY_ONE - 1, DECAY_ONE)


def _size(rng: np.random.Generator, largest: int) -> int:
    """Mostly small, sometimes up to ``largest``."""
    ceiling = int(rng.choice([1, 3, 16, 16, 80, largest]))
    return int(rng.integers(1, min(ceiling, largest) + 1))


def _some(
    rng: np.random.Generator, size: int, extremes: tuple[int, ...], low: int, high: int
) -> npt.NDArray[np.int64]:
    """One value for all, or one each; extremes as often as values in between."""
    drawn = rng.integers(low, high + 1, size)
    picked = np.where(rng.random(size) < 0.5, rng.choice(extremes, size), drawn)
    return np.full(size, picked[0]) if rng.random() < 0.4 else picked


def _population(rng: np.random.Generator, name: str, size: int, state_bits: int) -> LifPopulation:
    word = SignedFormat(state_bits)
    spiking = bool(rng.random() < 0.8)
    strict = bool(rng.integers(2))
    lowest = 1 - strict if spiking else word.minimum
    # Most thresholds lie where random weights reach them, so that there is something to see.
    near = int(rng.choice([8, 40, 300, 3000]))
    threshold = _some(rng, size, (lowest, 1, near), 1, near)
    threshold[rng.random(size) < 0.05] = word.maximum - strict
    span = int(rng.choice([0, 1, 20, 400, word.maximum]))
    return LifPopulation(
        name,
        threshold,
        _some(rng, size, EXTREME_DECAYS, 0, DECAY_ONE),
        _some(rng, size, (0, 0, -span - 1, span), -span, span),
        spiking=spiking,
        reset_mode=ResetMode(int(rng.integers(3))),
        reset_order=ResetOrder(int(rng.integers(2))),
        strict=strict,
        membrane_bits=int(rng.choice([2, 5, 8, state_bits - 1, state_bits - 1, state_bits])),
    )


def random_synapses(
    rng: np.random.Generator, num_sources: int, num_targets: int, max_synapses: int = 12_000
) -> Synapses:
    """0 to 100 % of a matrix, with rows that are empty and rows that are full."""
    density = float(rng.choice([0.0, 1.0, rng.random(), rng.random() ** 3]))
    density = min(density, max_synapses / (num_sources * num_targets))
    lowest, highest = ((-8, 7), (-8, 7), (1, 7), (-1, 1), (-8, -8))[int(rng.integers(5))]
    weights = rng.integers(lowest, highest + 1, (num_sources, num_targets))
    weights[rng.random(weights.shape) >= density] = 0
    weights[rng.random(num_sources) < rng.choice([0.0, 0.3])] = 0
    return Synapses.from_dense(weights)


def random_network(
    seed: int | np.random.Generator,
    *,
    max_populations: int = 4,
    max_size: int = 300,
    max_synapses: int = 12_000,
    currents: bool = False,
    delays: bool = False,
) -> Network:
    """A network that obeys every design rule.

    max_populations  LIF populations, at most
    max_size         neurons in a population and sources in an input, at most
    max_synapses     stored weights of one connection, about, at most (keeps the reference bearable)
    currents         make some of the populations current-based, at least one
    delays           give some of the connections between neurons a delay
    """
    rng = np.random.default_rng(seed)
    state_bits = int(rng.choice(STATE_BITS))
    populations: list[Population] = [
        InputPopulation(f"input {i}", _size(rng, max_size)) for i in range(rng.integers(1, 3))
    ]
    num_inputs = len(populations)
    for i in range(int(rng.integers(1, max_populations + 1))):
        populations.append(_population(rng, f"layer {i}", _size(rng, max_size), state_bits))
    connections = []
    for target in range(num_inputs, len(populations)):
        sources = [s for s in range(len(populations)) if rng.random() < 0.6]
        sources.append(target - 1)
        sources += [int(rng.choice(sources))] if rng.random() < 0.3 else []
        for source in sources:
            shape = populations[source].size, populations[target].size
            synapses = random_synapses(rng, *shape, max_synapses)
            shift = int(rng.choice([0, 0, 1, 2, 5, 11, 15]))
            connections.append(Connection(source, target, synapses, shift))
    rule = ReadoutRule(int(rng.integers(len(ReadoutRule))))
    longest = 65535
    if rule is ReadoutRule.MEMBRANE_SUM:
        longest = min(longest, ACCUMULATOR.maximum >> (state_bits - 1))
    if rng.random() < 0.5:
        limit = EventLimit(EventLimitForm.FULL, int(rng.choice([1, 2, MAX_EVENTS_PER_SOURCE])))
    else:
        limit = EventLimit(EventLimitForm.LIMITED, int(rng.choice([1, 7, 40, 1000, 65535])))
    network = Network(
        tuple(populations),
        tuple(connections),
        Readout(
            int(rng.integers(num_inputs, len(populations))),
            rule,
            int(rng.choice([1, 20, longest])),
        ),
        state_bits,
        limit,
    )
    if currents:
        network = with_currents(network, rng)
    if delays:
        network = with_delays(network, rng)
    return make_obedient(network, rng)


def with_currents(network: Network, rng: np.random.Generator) -> Network:
    """The network with at least one population made current-based."""
    populations = list(network.populations)
    first = len(network.inputs)
    chosen = rng.random(len(populations)) < 0.6
    chosen[rng.integers(first, len(populations))] = True
    for index in range(first, len(populations)):
        p = populations[index]
        assert isinstance(p, LifPopulation)
        bits = int(rng.choice([2, 5, 8, network.state_bits - 2, network.state_bits - 1]))
        decay = _some(rng, p.size, EXTREME_DECAYS, 0, DECAY_ONE)
        if chosen[index]:
            populations[index] = replace(
                p,
                membrane_bits=min(p.membrane_bits, network.state_bits - 1),
                synaptic_decay=decay,
                current_bits=bits,
            )
    return replace(network, populations=tuple(populations))


def with_delays(network: Network, rng: np.random.Generator) -> Network:
    """The network with delays between neurons, mostly short ones; now and then none has one."""
    longest = int(rng.choice([1, 2, 7, MAX_DELAY]))
    return replace(
        network,
        connections=tuple(
            replace(c, delay=int(rng.choice([0, 1, longest, rng.integers(longest + 1)])))
            if c.source >= len(network.inputs)
            else c
            for c in network.connections
        ),
    )


def _breaking(network: Network) -> list[int]:
    """Populations whose membranes could leave the state word."""
    word = SignedFormat(network.state_bits)
    found = []
    for index, p in enumerate(network.populations):
        if isinstance(p, LifPopulation):
            highest, lowest = membrane_range(network, index)
            if highest.max() > word.maximum or lowest.min() < word.minimum:
                found.append(index)
    return found


def make_obedient(network: Network, rng: np.random.Generator) -> Network:
    """Lower shifts, membrane widths, biases and the event limit, one at a time, until all fits."""
    while breaking := _breaking(network):
        index = int(rng.choice(breaking))
        population = network.populations[index]
        assert isinstance(population, LifPopulation)
        incoming = [i for i, c in enumerate(network.connections) if c.target == index]
        shifted = [i for i in incoming if network.connections[i].weight_shift]
        populations = list(network.populations)
        connections = list(network.connections)
        limit = network.event_limit
        choice = rng.random()
        if choice < 0.5 and shifted:
            worst = max(shifted, key=lambda i: connections[i].weight_shift)
            c = connections[worst]
            connections[worst] = replace(c, weight_shift=c.weight_shift - 1)
        elif choice < 0.6 and population.current_bits > 2:
            populations[index] = replace(population, current_bits=population.current_bits - 1)
        elif choice < 0.7 and population.membrane_bits > 2:
            populations[index] = replace(population, membrane_bits=population.membrane_bits - 1)
        elif choice < 0.8 and limit.value > 1:
            limit = EventLimit(limit.form, max(limit.value // 2, 1))
        elif choice < 0.9:
            bias = np.trunc(population.bias / 2).astype(np.int64)
            populations[index] = replace(population, bias=bias)
        elif not shifted and limit.value == 1:
            worst = max(incoming, key=lambda i: connections[i].synapses.num_synapses)
            dense = connections[worst].synapses.to_dense()
            dense[rng.random(dense.shape) < 0.5] = 0
            connections[worst] = replace(connections[worst], synapses=Synapses.from_dense(dense))
        network = replace(
            network,
            populations=tuple(populations),
            connections=tuple(connections),
            event_limit=limit,
        )
    violations = [text for rule in RULES for text in rule(network)]
    assert not violations, violations
    return network


def _events_of_step(network: Network, rng: np.random.Generator, most: int) -> list[int]:
    """Source ids of one time step: silence, a few, a burst of one source, or all there may be."""
    limit = network.event_limit
    kind = int(rng.integers(5))
    if kind == 0:
        return []
    if limit.form is EventLimitForm.LIMITED:
        allowed = min(limit.value, most)
        count = (1, allowed, int(rng.integers(allowed + 1)), int(rng.integers(allowed + 1)))[
            kind - 1
        ]
        one_source = kind == 4
        ids = rng.integers(network.num_inputs, size=1 if one_source else count)
        return np.repeat(ids, count).tolist() if one_source else ids.tolist()
    counts = np.zeros(network.num_inputs, np.int64)
    if kind == 1:
        counts[rng.integers(network.num_inputs)] = limit.value
    else:
        activity = (0.03, 0.3, 1.0)[kind - 2]
        counts[:] = rng.integers(1, limit.value + 1, network.num_inputs)
        counts[rng.random(network.num_inputs) >= activity] = 0
        if rng.random() < 0.2:
            counts[counts > 0] = limit.value
    ids = np.repeat(np.arange(network.num_inputs), counts)
    if len(ids) > most:
        ids = rng.choice(ids, most, replace=False)
    rng.shuffle(ids)
    return ids.tolist()


def random_events(
    network: Network, seed: int | np.random.Generator, num_steps: int, max_events: int = 300
) -> EventStream:
    """Events that the network takes, in random order within each step.

    max_events  in one time step (the event limit itself may be higher)
    """
    rng = np.random.default_rng(seed)
    return EventStream.from_steps(
        [_events_of_step(network, rng, max_events) for _ in range(num_steps)]
    )


@st.composite
def networks(
    draw: st.DrawFn,
    max_populations: int = 3,
    max_size: int = 40,
    currents: bool = False,
    delays: bool = False,
) -> Network:
    """Networks that obey the design rules; with currents and delays, or without, where allowed."""
    return random_network(
        draw(st.integers(0, 2**32 - 1)),
        max_populations=draw(st.integers(1, max_populations)),
        max_size=draw(st.integers(1, max_size)),
        currents=currents and draw(st.booleans()),
        delays=delays and draw(st.booleans()),
    )


@st.composite
def networks_with_events(
    draw: st.DrawFn,
    max_populations: int = 3,
    max_size: int = 40,
    max_steps: int = 20,
    currents: bool = False,
    delays: bool = False,
) -> tuple[Network, EventStream]:
    """A network, and events that it takes."""
    network = draw(networks(max_populations, max_size, currents, delays))
    num_steps = draw(st.integers(0, max_steps))
    return network, random_events(network, draw(st.integers(0, 2**32 - 1)), num_steps)
