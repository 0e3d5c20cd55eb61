"""How many clock cycles a core needs, exactly; the twin of ``edgesnn_hdl.scheduler``.

What happens in a core depends on the events alone, so the cycles follow from the input events and
the spikes of a run. For each population a core fetches descriptors, delivers the events of each
connection, waits until the lanes have drained, and updates one slot a cycle.

A delivery is a race between the scheduler and the lanes. The scheduler emits event i at

    b[i] = max(first cycle in which it sees the event, pop[k, i - Q] + 1 for every lane k)

(Q: room of the queue in front of a lane; full queues make it wait). Lane k takes it at

    pop[k, i] = max(b[i] + 1, pop[k, i - 1] + cost[k, i - 1])

where the cost of a row is one cycle for its row start and those that its words occupy.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.events import EventStream
from edgesnn.memory_layout import ConnectionWord, PopulationWord
from edgesnn.network import InputPopulation, Network
from edgesnn.placement import check_fits, place
from edgesnn.synapse_coding import Coding

#: Cycles from the last slot of a step to idle, as in ``edgesnn_hdl.scheduler``.
FINISH_CYCLES = 6
#: Cycles from the last row of a lane until its sums are written.
PIPELINE_CYCLES = 3
#: A descriptor is fetched at one word a cycle.
POPULATION_CYCLES = len(PopulationWord)
CONNECTION_CYCLES = len(ConnectionWord)
#: Cycles before the pass that forgets events which no connection has read.
REWIND_CYCLES = 1

Array = npt.NDArray[Any]

# Columns of the tables that the kernels read.
NUM_SLOTS, FIRST_CONNECTION, LAST_CONNECTION, FIRST_NEURON, SIZE = range(5)
FROM_INPUT, SAME_STEP, FIRST_SOURCE, NUM_SOURCES, FIRST_ROW = range(5)


def emit(ready: int, index: int, costs: Array, pops: Array, free: Array) -> int:
    """Emit event ``index`` of a delivery no earlier than cycle ``ready``; returns its cycle.

    costs  int64 [lanes]: cycles of its row; pops  int64 [lanes, Q]; free  int64 [lanes]: when
    each lane can take the next row. Updates ``pops`` and ``free``.
    """
    slot = index % pops.shape[1]
    cycle = ready
    if index >= pops.shape[1]:
        for lane in range(len(costs)):
            cycle = max(cycle, pops[lane, slot] + 1)
    for lane in range(len(costs)):
        pop = max(cycle + 1, free[lane])
        pops[lane, slot] = pop
        free[lane] = pop + costs[lane]
    return cycle


def drained(end: int, index: int, free: Array) -> int:
    """Cycles of a delivery that saw its end in cycle ``end``, the wait for the lanes included."""
    last = end + 1
    if index:
        for lane in range(len(free)):
            last = max(last, free[lane] + PIPELINE_CYCLES)
    return last + 1


def input_cycles(
    source_ids: Array, first: int, size: int, costs: Array, pops: Array, free: Array
) -> int:
    """Deliver the step's events to one connection; those of other inputs cost a cycle each."""
    free[:] = 0
    cycle = 0
    index = 0
    for source_id in source_ids:
        source = np.int64(source_id) - first
        if 0 <= source < size:
            cycle = emit(cycle, index, costs[source], pops, free)
            index += 1
        cycle += 1
    return drained(cycle, index, free)


def spike_cycles(spikes: Array, costs: Array, pops: Array, free: Array) -> int:
    """Deliver the spikes of a population, word by word of its bitmap; an empty word costs one."""
    free[:] = 0
    cycle = 0
    index = 0
    for begin in range(0, len(spikes), WORD_BITS):
        before = index
        for source in range(begin, min(begin + WORD_BITS, len(spikes))):
            if spikes[source]:
                cycle = emit(cycle, index, costs[source], pops, free) + 1
                index += 1
        if index == before:
            cycle += 1
    return drained(cycle, index, free)


def run_cycles(
    populations: Array,
    connections: Array,
    row_costs: Array,
    queue_events: int,
    step_start: Array,
    source_ids: Array,
    spikes: Array,
    fired: Array,
    cycles: Array,
) -> None:
    """Fill ``cycles`` int64 [num_steps] of a run.

    row_costs  int64 [rows of all connections, lanes]
    spikes     bool [num_steps, num_neurons]; fired: those of the step before the first
    """
    lanes = row_costs.shape[1]
    pops = np.zeros((lanes, queue_events), np.int64)
    free = np.zeros(lanes, np.int64)
    for step in range(len(cycles)):
        events = source_ids[step_start[step] : step_start[step + 1]]
        previous = spikes[step - 1] if step else fired
        forgotten = False
        total = FINISH_CYCLES
        for population in populations:
            total += POPULATION_CYCLES + population[NUM_SLOTS]
            for c in range(population[FIRST_CONNECTION], population[LAST_CONNECTION]):
                connection = connections[c]
                first, size = connection[FIRST_SOURCE], connection[NUM_SOURCES]
                costs = row_costs[connection[FIRST_ROW] : connection[FIRST_ROW] + size]
                total += CONNECTION_CYCLES
                if connection[FROM_INPUT]:
                    forgotten = True
                    total += input_cycles(events, first, size, costs, pops, free)
                else:
                    source = previous
                    if connection[SAME_STEP]:
                        source = spikes[step]
                    total += spike_cycles(source[first : first + size], costs, pops, free)
        # Counts of events that no connection reads are cleared in a pass of their own.
        if len(events) and not forgotten:
            total += REWIND_CYCLES + len(events) + 1
        cycles[step] = total


_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
emit = _compile(emit)
drained = _compile(drained)
input_cycles = _compile(input_cycles)
spike_cycles = _compile(spike_cycles)
run_cycles = _compile(run_cycles)


class CoreTiming:
    """Predicts the cycles of a network on a core of size ``config``.

    Raises ``DoesNotFit`` if it does not fit.
    """

    def __init__(self, network: Network, config: CoreConfig, coding: Coding | None = None) -> None:
        placement = place(network, config.lanes, coding)
        check_fits(placement, config)
        self.config = config
        inputs = len(network.inputs)
        populations: list[tuple[int, ...]] = []
        connections: list[tuple[int, ...]] = []
        costs = [np.zeros((0, config.lanes), np.int64)]
        rows = 0
        for index in range(inputs, len(network.populations)):
            first_connection = len(connections)
            for placed in placement.connections:
                c = placed.connection
                if c.target != index:
                    continue
                connections.append(
                    (
                        isinstance(network.populations[c.source], InputPopulation),
                        network.is_same_step(c),
                        network.first_id[c.source],
                        c.synapses.num_sources,
                        rows,
                    )
                )
                rows += c.synapses.num_sources
                costs.append(1 + np.stack([lane.cycles for lane in placed.lanes], axis=1))
            where = network.neuron_slice(index)
            populations.append(
                (
                    placement.num_slots[index],
                    first_connection,
                    len(connections),
                    where.start,
                    where.stop - where.start,
                )
            )
        self._populations = np.array(populations, np.int64)
        self._connections = np.array(connections, np.int64).reshape(-1, 5)
        self._row_costs = np.concatenate(costs).astype(np.int64)

    def cycles(
        self,
        stream: EventStream,
        spikes: npt.NDArray[np.bool_],
        fired: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Clock cycles of each time step, int64 [num_steps].

        spikes   bool [num_steps, num_neurons], what the network did on ``stream``
        fired    bool [num_neurons], spikes of the step before the first; None after a reset
        """
        before = np.zeros(spikes.shape[1], bool) if fired is None else fired.astype(bool)
        cycles = np.zeros(stream.num_steps, np.int64)
        # Copies, since a read-only array is another type, for which Numba would compile again.
        run_cycles(
            self._populations,
            self._connections,
            self._row_costs,
            self.config.queue_events,
            np.array(stream.step_start, np.int64),
            np.array(stream.source_ids, np.uint16),
            np.array(spikes, bool, order="C"),
            before,
            cycles,
        )
        return cycles
