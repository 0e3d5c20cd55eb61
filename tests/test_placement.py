"""Every part of a network has its own place, and what does not fit is told with numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.core_config import CoreConfig
from edgesnn.errors import DoesNotFit
from edgesnn.memory_layout import ConnectionWord, PopulationWord, Prologue
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.placement import Placement, check_fits, place, place_for_software, usage
from edgesnn.synapse_coding import FIRST_ROW_WORD, Coding
from edgesnn.synapses import Synapses
from tests.strategies import random_network


def layer(name: str, size: int) -> LifPopulation:
    return LifPopulation(name, [99] * size, [0] * size, [0] * size, membrane_bits=8)


def chain(num_inputs: int, *sizes: int, density: float = 0.1) -> Network:
    """Inputs and layers, each to the next."""
    rng = np.random.default_rng(1)
    populations = [InputPopulation("input", num_inputs)]
    populations += [layer(f"layer {i}", size) for i, size in enumerate(sizes)]
    connections = []
    for target in range(1, len(populations)):
        shape = populations[target - 1].size, populations[target].size
        weights = np.where(rng.random(shape) < density, 1, 0)
        connections.append(Connection(target - 1, target, Synapses.from_dense(weights)))
    return Network(tuple(populations), tuple(connections), Readout(len(sizes)))


@pytest.mark.parametrize("coding", [None, *Coding])
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("seed", range(8))
def test_no_two_parts_share_a_place(seed: int, lanes: int, coding: Coding | None) -> None:
    network = random_network(seed, max_size=80, max_synapses=3000)
    placement = place(network, lanes, coding)
    sources = sum(c.synapses.num_sources for c in network.connections)
    table = []
    for placed in placement.connections:
        table += range(
            placed.row_starts, placed.row_starts + placed.connection.synapses.num_sources
        )
    assert table == list(range(sources))
    for lane in range(lanes):
        end = max(sources, FIRST_ROW_WORD)
        for placed in placement.connections:
            assert placed.first_word[lane] == end
            end += len(placed.lanes[lane].words)
        assert placement.synapse_words[lane] == end

    slot = word = 0
    for index, p in enumerate(network.populations):
        if isinstance(p, InputPopulation):
            assert placement.num_slots[index] == 0
            continue
        assert (placement.first_slot[index], placement.first_spike_word[index]) == (slot, word)
        assert placement.num_slots[index] == -(-p.size // lanes)
        slot += placement.num_slots[index]
        word += -(-p.size // 16)
    assert (placement.slots, placement.spike_words) == (slot, word)


def test_codings_may_be_given_for_each_connection() -> None:
    network = chain(4, 30, 30, density=0.5)
    for codings in (list(Coding), list(reversed(Coding))):
        assert [c.coding for c in place(network, 1, codings).connections] == codings
    assert [c.coding for c in place(network, 1, Coding.WIDE).connections] == [Coding.WIDE] * 2
    chosen = place(chain(20, 200, 200, density=0.5), 1)
    assert [c.coding for c in chosen.connections] == [Coding.PACKED] * 2


def test_events_are_bounded_by_either_form_of_the_limit() -> None:
    network = chain(7, 3)
    full = replace(network, event_limit=EventLimit(EventLimitForm.FULL, 4))
    limited = replace(network, event_limit=EventLimit(EventLimitForm.LIMITED, 4))
    assert place(full, 1).most_events == 28
    assert place(limited, 1).most_events == 4


def needs(placement: Placement, config: CoreConfig) -> dict[str, int]:
    return {u.name: u.needed for u in usage(placement, config)}


def test_usage_counts_every_resource() -> None:
    network = chain(7, 5, 3, density=1.0)
    config = CoreConfig(lanes=2)
    placement = place(network, 2, Coding.WIDE)
    assert needs(placement, config) == {
        "state bits": 16,
        "neurons": (3 + 2) * 2,  # what each lane needs for the busiest one
        "inputs": 7,
        "synapse words": (256 + 7 * 3 + 5 * 2) * 2,
        "program words": len(Prologue) + 2 * len(PopulationWord) + 2 * len(ConnectionWord),
        "spike words": 2,
        "read-out neurons": 4,
        "events in a time step": 7,
    }
    assert {u.name: u.available for u in usage(placement, config)} == {
        "state bits": 16,
        "neurons": 1024,
        "inputs": 1024,
        "synapse words": 65536,
        "program words": 256,
        "spike words": 128,
        "read-out neurons": 64,
        "events in a time step": 1024,
    }
    assert all(u.fits for u in usage(placement, config))
    check_fits(placement, config)


LARGER = "take a larger core"


@pytest.mark.parametrize(
    ("network", "sizes", "message"),
    [
        (
            replace(chain(4, 4), state_bits=18),
            {},
            "state bits must be at most 16, not 18 (2 too many); "
            "compress with a smaller --state-bits",
        ),
        (chain(4, 17), {}, f"neurons must be at most 16, not 17 (1 too many); {LARGER}"),
        (chain(19, 4), {}, f"inputs must be at most 16, not 19 (3 too many); {LARGER}"),
        (
            chain(17, 16, density=2.0),
            {"neurons": 16},
            "synapse words must be at most 512, not 528 (16 too many); prune more",
        ),
        (chain(4, 4, 4), {}, f"program words must be at most 16, not 28 (12 too many); {LARGER}"),
        (chain(4, 1, 1, 1), {}, f"spike words must be at most 2, not 3 (1 too many); {LARGER}"),
        (chain(4, 3), {}, f"read-out neurons must be at most 2, not 3 (1 too many); {LARGER}"),
        (
            replace(chain(9, 2), event_limit=EventLimit(EventLimitForm.FULL, 2)),
            {},
            "events in a time step must be at most 16, not 18 (2 too many); "
            "use the LIMITED form of the event limit",
        ),
    ],
)
def test_shortage_is_told_with_numbers_and_a_remedy(
    network: Network, sizes: dict[str, int], message: str
) -> None:
    smallest = CoreConfig(
        neurons=16, synapse_words=512, inputs=16, events=16, program_words=16, readout_neurons=2
    )
    config = replace(smallest, **sizes)
    with pytest.raises(DoesNotFit) as caught:
        check_fits(place(network, 1, Coding.WIDE), config)
    assert message in caught.value.violations


def test_all_shortages_come_at_once() -> None:
    config = CoreConfig(neurons=16, inputs=16, events=16)
    with pytest.raises(DoesNotFit) as caught:
        check_fits(place(chain(20, 40), 1), config)
    assert [text.split(" must")[0] for text in caught.value.violations] == [
        "neurons",
        "inputs",
        "spike words",
        "events in a time step",
    ]
    assert str(caught.value).startswith("the network does not fit:\n  - neurons must be at most 16")


def test_placement_for_other_lanes_is_refused() -> None:
    with pytest.raises(ValueError, match="placement must be for 2 lanes, not 1"):
        check_fits(place(chain(3, 3), 1), CoreConfig(lanes=2))


def test_full_section_leaves_out_the_word_that_it_cannot_count() -> None:
    placement = place(chain(4, 4), 2)
    for config, available in (
        (CoreConfig(lanes=2, synapse_words=1 << 16), 1 << 16),
        (CoreConfig(lanes=2, synapse_words=1 << 17), 2 * 65535),
    ):
        assert {u.name: u.available for u in usage(placement, config)}["synapse words"] == available


def test_software_takes_as_few_lanes_as_hold_a_network() -> None:
    rng = np.random.default_rng(2)

    def dense(size: int) -> Network:
        weights = rng.integers(1, 8, (size, size))
        layer = LifPopulation("layer", [9] * size, [0] * size, [0] * size, membrane_bits=8)
        return Network(
            (InputPopulation("in", size), layer),
            (Connection(0, 1, Synapses.from_dense(weights)),),
            Readout(1),
        )

    assert place_for_software(dense(40)).lanes == 1
    large = place_for_software(dense(400), Coding.WIDE)
    assert large.lanes == 4  # 160,000 words of synapses
    with pytest.raises(DoesNotFit, match="synapse words must be at most 65535 for each lane"):
        place_for_software(dense(1100), Coding.WIDE)
