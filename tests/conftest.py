"""Settings and fixtures of all tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

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
from edgesnn.synapses import Synapses

# The same examples on every machine and in every run; machines differ in speed.
settings.register_profile("edgesnn", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("edgesnn")


@pytest.fixture
def small_network() -> Network:
    """Three keys, a recurrent population of two, a read-out of two; obeys every rule."""
    return Network(
        (
            InputPopulation("keys", 3),
            LifPopulation("hidden", [6, 9], [3000, 4096], [0, 1], membrane_bits=12),
            LifPopulation("output", [5, 5], [4096, 2048], [0, 0], membrane_bits=12),
        ),
        (
            Connection(0, 1, Synapses.from_dense(np.array([[7, 0], [-3, 4], [0, 2]]))),
            Connection(1, 1, Synapses.from_dense(np.array([[0, 3], [-2, 0]])), 1),
            Connection(1, 2, Synapses.from_dense(np.array([[5, 0], [-1, 6]]))),
        ),
        Readout(2, ReadoutRule.SPIKE_COUNT, 10),
        event_limit=EventLimit(EventLimitForm.FULL, 3),
    )


@pytest.fixture
def late_network(small_network: Network) -> Network:
    """The same with a current-based recurrent population, whose spikes are late."""
    keys, hidden, output = small_network.populations
    current = replace(hidden, synaptic_decay=[1500, 3500], current_bits=9)
    into, around, out = small_network.connections
    return replace(
        small_network,
        populations=(keys, current, output),
        connections=(into, replace(around, delay=1), replace(out, delay=2)),
    )


@pytest.fixture(params=["small_network", "late_network"])
def any_network(request: pytest.FixtureRequest) -> Network:
    """Without currents and delays, and with both."""
    network: Network = request.getfixturevalue(request.param)
    return network
