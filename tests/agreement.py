"""The random networks on which all executors must agree, and what comes in.

One list for the agreement suite itself, the runtime under sanitizers and the bench of the spine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgesnn.events import EventStream
from edgesnn.network import EventLimit, EventLimitForm, Network
from edgesnn.synapse_coding import Coding
from tests.strategies import random_events, random_network

LANES = (1, 2, 4, 8, 16)
CODINGS = (None, Coding.WIDE, Coding.PACKED)
NETWORKS_PER_LANES = {1: 104, 2: 104, 4: 104, 8: 52, 16: 52}
#: Lanes, currents, delays; and the networks of each.
FEATURES = ((1, True, False), (2, False, True), (2, True, True), (8, True, True))
NETWORKS_PER_FEATURES = 26
NUM_STEPS = 50
#: Events that the core of the suite takes in a step.
EVENTS = 8192


@dataclass(frozen=True)
class Case:
    """One random network: lanes it is placed on, seed, and what its neurons may have."""

    lanes: int
    seed: int
    currents: bool = False
    delays: bool = False

    @property
    def coding(self) -> Coding | None:
        """The coding of the synapses; None leaves the choice to the packer."""
        return CODINGS[self.seed % len(CODINGS)]

    def network(self) -> Network:
        rng = np.random.default_rng([self.lanes, self.seed])
        network = random_network(rng, currents=self.currents, delays=self.delays)
        limit = network.event_limit
        if limit.form is EventLimitForm.LIMITED and limit.value > EVENTS:
            limit = EventLimit(limit.form, EVENTS)
        return replace(network, event_limit=limit)

    def stream(self, network: Network) -> EventStream:
        return random_events(network, np.random.default_rng([self.lanes, self.seed, 1]), NUM_STEPS)


PLAIN = tuple(Case(lanes, seed) for lanes in LANES for seed in range(NETWORKS_PER_LANES[lanes]))
WITH_FEATURES = tuple(
    Case(lanes, seed, currents, delays)
    for lanes, currents, delays in FEATURES
    for seed in range(NETWORKS_PER_FEATURES)
)
CASES = PLAIN + WITH_FEATURES
