"""The slow, obvious simulation of a whole network: the arbiter of every dispute.

Plain Python integers, one loop for each sentence of ``docs/neuron.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgesnn import design_rules
from edgesnn.events import EventStream, check_events
from edgesnn.network import InputPopulation, LifPopulation, Network
from edgesnn.neuron import LifParameters, integrate, lif_step
from edgesnn.readout import accumulate, decide, initial_accumulator
from edgesnn.run_result import Counters, RunResult


class Reference:
    """A network with its state.

    check=False runs a network that breaks design rules (to study overflow).
    """

    def __init__(self, network: Network, check: bool = True) -> None:
        if check:
            design_rules.check(network)
        self.network = network
        self._parameters: list[list[LifParameters]] = [
            []
            if isinstance(p, InputPopulation)
            else [p.parameters(j, network.state_bits) for j in range(p.size)]
            for p in network.populations
        ]
        self.reset()

    def reset(self) -> None:
        """Membranes and currents to 0, no spikes under way, empty accumulators, step 0."""
        net = self.network
        self.membranes = [[0] * p.size for p in net.populations]
        self.currents = [[0] * p.size for p in net.populations]
        nothing: list[list[int]] = [[] for _ in range(net.max_delay + 1)]
        self.history = [nothing for _ in net.populations]
        size = net.populations[net.readout.population].size
        self.accumulators = [initial_accumulator(net.readout.rule)] * size
        self.steps_since_reset = 0

    def step(self, source_ids: Sequence[int]) -> tuple[list[list[int]], Counters]:
        """One time step. Returns ``v`` for each neuron by population, and what was counted.

        ``self.history[population][k]`` then lists the neurons that fired k steps ago, ascending.
        """
        net = self.network
        sops = overflows = spikes = 0
        values: list[list[int]] = [[] for _ in net.populations]
        for index, population in enumerate(net.populations):
            first = net.first_id[index]
            if isinstance(population, InputPopulation):
                inside = range(first, first + population.size)
                events = [s - first for s in source_ids if s in inside]
                self.history[index] = [events, *self.history[index][:-1]]

        for index, population in enumerate(net.populations):
            if not isinstance(population, LifPopulation):
                continue
            membranes, currents = self.membranes[index], self.currents[index]
            sums = currents if population.current_based else membranes
            # Populations before this one have fired in this step already; this one and those
            # after it still show the spikes of the step before first.
            for connection in net.incoming(index):
                for source in self.history[connection.source][connection.delay]:
                    for target, weight in connection.synapses.fan_out(source):
                        sums[target], overflow = integrate(
                            sums[target], weight << connection.weight_shift, net.state_bits
                        )
                        sops += 1
                        overflows += overflow

            fired = []
            for j, parameters in enumerate(self._parameters[index]):
                outcome = lif_step(parameters, membranes[j], currents[j])
                membranes[j], currents[j] = outcome.membrane, outcome.current
                values[index].append(outcome.value)
                overflows += outcome.overflow
                if outcome.spike:
                    fired.append(j)
                if index == net.readout.population:
                    self.accumulators[j] = accumulate(
                        net.readout.rule,
                        self.accumulators[j],
                        outcome.value,
                        outcome.spike,
                        self.steps_since_reset,
                    )
            self.history[index] = [fired, *self.history[index][:-1]]
            spikes += len(fired)
        self.steps_since_reset += 1
        return values, Counters(1, len(source_ids), sops, spikes, overflows)

    def run(self, stream: EventStream) -> RunResult:
        """Run all steps of a stream, from the state that is there; record everything."""
        check_events(self.network, stream)
        net = self.network
        spikes = np.zeros((stream.num_steps, net.num_neurons), bool)
        membranes = np.zeros((stream.num_steps, net.num_neurons), np.int32)
        currents, values = np.zeros_like(membranes), np.zeros_like(membranes)
        total = Counters()
        for t, source_ids in enumerate(stream):
            step_values, counters = self.step(source_ids.tolist())
            total += counters
            for index, population in enumerate(net.populations):
                if isinstance(population, LifPopulation):
                    where = net.neuron_slice(index)
                    spikes[t, where][self.history[index][0]] = True
                    membranes[t, where] = self.membranes[index]
                    currents[t, where] = self.currents[index]
                    values[t, where] = step_values[index]
        accumulators = np.array(self.accumulators, np.int64)
        return RunResult(
            spikes,
            accumulators,
            decide(net.readout.rule, self.accumulators),
            total,
            membranes,
            values,
            currents,
        )


def simulate(network: Network, stream: EventStream) -> RunResult:
    """Run a stream from reset on the reference."""
    return Reference(network).run(stream)
