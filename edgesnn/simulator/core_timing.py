"""How many clock cycles a core needs, exactly; the twin of ``edgesnn_hdl.scheduler``.

What happens in a core depends on the events alone, so the cycles follow from the input events and
the spikes of a run. Each population takes a number of cycles in each of three phases:

INTEGRATE  its connections are delivered, and the lanes come to rest
UPDATE     one slot a cycle; of the read-out population one neuron a cycle
SETTLE     until its last spikes can be delivered and the next descriptors are there; after the
           last population, until everything is written

A delivery is a race between the scheduler and the lanes. The scheduler emits event i at

    emitted[i] = max(first cycle in which it sees the event, left[k, i - Q] + 1 for every lane k)

(Q: room of the queue in front of a lane; full queues make it wait). A row comes to the head of a
lane's queue at

    seen[k, i] = max(emitted[i], left[k, i - 1]) + 1

If a cycle is free in the row that the lane walks then (the first one of a word with two
synapses), its start is read in that cycle, and the row follows when the other has ended.
Otherwise the start is read in the last cycle of that row or later, and the row begins two cycles
after. An empty row leaves the queue as soon as its start has been read.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.events import EventStream
from edgesnn.memory_layout import ConnectionWord
from edgesnn.network import InputPopulation, Network
from edgesnn.placement import PlacedConnection, check_fits, place
from edgesnn.synapse_coding import CodedRows, Coding

#: Cycles from the last slot of a population until a spike of it can be delivered, and from the
#: last slot of a step until everything is written, as in ``edgesnn_hdl.scheduler``.
SETTLE_CYCLES = 4
FINISH_CYCLES = 5
#: Cycles from the last word of a lane until it is seen at rest.
REST_CYCLES = 2
#: Words of a descriptor that are read, one a cycle.
POPULATION_CYCLES = 4
CONNECTION_CYCLES = len(ConnectionWord)
#: Cycles before the pass that forgets events which no connection has read.
REWIND_CYCLES = 1

Array = npt.NDArray[Any]


class Phase(IntEnum):
    """What a core is doing for a population; columns of :meth:`CoreTiming.phases`."""

    INTEGRATE = 0
    UPDATE = 1
    SETTLE = 2


# Columns of the tables that the kernels read.
UPDATE_CYCLES, FIRST_CONNECTION, LAST_CONNECTION = range(3)
FROM_INPUT, STEPS_BACK, FIRST_SOURCE, NUM_SOURCES, FIRST_ROW, LIKE_LAST = range(6)
# What is known of a lane: when the row before left its queue; the cycles in which the row that it
# walks begins and ends (it ends when the next may be asked for); the free cycles that are left.
LEFT, BEGIN, END, FREE, LAST_FREE = range(5)
INTEGRATE, UPDATE, SETTLE = Phase.INTEGRATE, Phase.UPDATE, Phase.SETTLE


def emit(
    ready: int,
    index: int,
    row: int,
    row_cycles: Array,
    free_start: Array,
    free_at: Array,
    lanes: Array,
    left: Array,
) -> int:
    """Emit event ``index`` of a population no earlier than cycle ``ready``; returns its cycle.

    row_cycles  int64 [rows, lanes]: cycles that the words of a row occupy a lane
    free_at     int32: its free cycles, from ``free_start[row * num_lanes + lane]`` on
    lanes       int64 [lanes, 5], left int64 [lanes, Q]: updated
    """
    place = index % left.shape[1]
    cycle = ready
    if index >= left.shape[1]:
        for k in range(len(lanes)):
            cycle = max(cycle, left[k, place] + 1)
    for k in range(len(lanes)):
        lane = lanes[k]
        seen = max(cycle, lane[LEFT]) + 1
        free = lane[FREE]
        while free < lane[LAST_FREE] and lane[BEGIN] + free_at[free] < seen:
            free += 1
        words = row_cycles[row, k]
        if free < lane[LAST_FREE]:
            if words:
                leaves = lane[END]
                lane[BEGIN] = leaves + 1
            else:
                leaves = lane[BEGIN] + free_at[free] + 1
                lane[FREE] = free + 1
        else:
            leaves = max(seen, lane[END])
            lane[BEGIN] = leaves + 2
            if not words:
                lane[END] = leaves + 1
                lane[FREE] = lane[LAST_FREE]
        if words:
            lane[END] = lane[BEGIN] + words - 1
            lane[FREE] = free_start[row * len(lanes) + k]
            lane[LAST_FREE] = free_start[row * len(lanes) + k + 1]
        lane[LEFT] = leaves
        left[k, place] = leaves
    return cycle


def at_rest(index: int, lanes: Array) -> int:
    """First cycle in which the lanes are seen at rest; 0 if they have had nothing to do."""
    rest = 0
    if index:
        for k in range(len(lanes)):
            rest = max(rest, lanes[k, END] + REST_CYCLES)
    return rest


def deliver_inputs(
    cycle: int,
    index: int,
    source_ids: Array,
    first: int,
    size: int,
    first_row: int,
    row_cycles: Array,
    free_start: Array,
    free_at: Array,
    lanes: Array,
    left: Array,
) -> tuple[int, int]:
    """Deliver the step's events from ``cycle`` on; those of other inputs cost a cycle each.

    Returns the cycle in which the end is seen, and the events of the population so far.
    """
    for source_id in source_ids:
        source = int(source_id) - first
        if 0 <= source < size:
            cycle = emit(
                cycle, index, first_row + source, row_cycles, free_start, free_at, lanes, left
            )
            index += 1
        cycle += 1
    return cycle, index


def deliver_spikes(
    cycle: int,
    index: int,
    spikes: Array,
    first_row: int,
    row_cycles: Array,
    free_start: Array,
    free_at: Array,
    lanes: Array,
    left: Array,
) -> tuple[int, int]:
    """Deliver the spikes of a population, word by word of its bitmap; an empty word costs one."""
    for begin in range(0, len(spikes), WORD_BITS):
        before = index
        for source in range(begin, min(begin + WORD_BITS, len(spikes))):
            if spikes[source]:
                cycle = 1 + emit(
                    cycle, index, first_row + source, row_cycles, free_start, free_at, lanes, left
                )
                index += 1
        if index == before:
            cycle += 1
    return cycle, index


def run_phases(
    populations: Array,
    connections: Array,
    row_cycles: Array,
    free_start: Array,
    free_at: Array,
    queue_events: int,
    step_start: Array,
    source_ids: Array,
    spikes: Array,
    phases: Array,
) -> None:
    """Fill ``phases`` int64 [num_steps, num_populations, 3] of a run.

    spikes   bool [num_before + num_steps, num_neurons]: the last ones are those of the run
    """
    lanes = np.zeros((row_cycles.shape[1], 5), np.int64)
    left = np.zeros((row_cycles.shape[1], queue_events), np.int64)
    for step in range(len(phases)):
        events = source_ids[step_start[step] : step_start[step + 1]]
        now = len(spikes) - len(phases) + step
        forgotten = False
        ready = 0  # the cycle before a population begins, counted from the start of the step
        for p in range(len(populations)):
            begin, end = populations[p, FIRST_CONNECTION], populations[p, LAST_CONNECTION]
            lanes[:] = 0
            index = 0
            cycle = ready + 1
            for c in range(begin, end):
                connection = connections[c]
                if c > begin:
                    cycle += CONNECTION_CYCLES
                    if not connection[LIKE_LAST]:
                        cycle = max(cycle, at_rest(index, lanes))
                    cycle += 1
                first, size = connection[FIRST_SOURCE], connection[NUM_SOURCES]
                row = connection[FIRST_ROW]
                if connection[FROM_INPUT]:
                    forgotten = True
                    cycle, index = deliver_inputs(
                        cycle,
                        index,
                        events,
                        first,
                        size,
                        row,
                        row_cycles,
                        free_start,
                        free_at,
                        lanes,
                        left,
                    )
                else:
                    source = spikes[now - connection[STEPS_BACK]]
                    cycle, index = deliver_spikes(
                        cycle,
                        index,
                        source[first : first + size],
                        row,
                        row_cycles,
                        free_start,
                        free_at,
                        lanes,
                        left,
                    )
            cycle = max(cycle, at_rest(index, lanes))
            phases[step, p, INTEGRATE] = cycle - ready
            phases[step, p, UPDATE] = populations[p, UPDATE_CYCLES]
            updated = cycle + populations[p, UPDATE_CYCLES]
            # Descriptors are read from the first cycle of the update on.
            following = (p + 1) % len(populations)
            read = cycle + POPULATION_CYCLES
            if populations[following, LAST_CONNECTION] > populations[following, FIRST_CONNECTION]:
                read += CONNECTION_CYCLES
            wait = SETTLE_CYCLES if following else FINISH_CYCLES
            ready = max(updated + wait, read)
            phases[step, p, SETTLE] = ready - updated
        # Counts of events that no connection reads are cleared in a pass of their own.
        if len(events) and not forgotten:
            phases[step, len(populations) - 1, SETTLE] += REWIND_CYCLES + len(events) + 1


_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
emit = _compile(emit)
at_rest = _compile(at_rest)
deliver_inputs = _compile(deliver_inputs)
deliver_spikes = _compile(deliver_spikes)
run_phases = _compile(run_phases)


def _row_timing(rows: CodedRows) -> tuple[Array, Array, Array]:
    """Of the rows of one lane: cycles; number of free cycles; where these are, all in a row."""
    words = len(rows.words)
    cycle = np.concatenate(([0], np.cumsum(1 + rows.pairs)))
    first = np.where(rows.row_start < 0, 0, rows.row_start)
    begins = cycle[first]
    cycles = cycle[first + rows.num_words] - begins
    row = np.repeat(np.arange(len(first)), rows.num_words)
    free = cycle[:words][rows.pairs] - begins[row[rows.pairs]]
    return cycles, np.bincount(row[rows.pairs], minlength=len(first)), free


def _timing_of(connections: list[PlacedConnection], lanes: int) -> tuple[Array, Array, Array]:
    """``row_cycles``, ``free_start`` and ``free_at`` of all rows, see :func:`emit`."""
    cycles = [np.zeros((0, lanes), np.int64)]
    counts = [np.zeros((0, lanes), np.int64)]
    free_at = [np.zeros(0, np.int32)]
    for placed in connections:
        timed = [_row_timing(rows) for rows in placed.lanes]
        cycles.append(np.stack([t[0] for t in timed], axis=1))
        count = np.stack([t[1] for t in timed], axis=1)
        # From lane by lane to row by row: the place of a lane's row among all of its connection.
        order = np.concatenate(
            [np.repeat(np.arange(len(count)) * lanes + k, count[:, k]) for k in range(lanes)]
        )
        free = np.concatenate([t[2] for t in timed])
        free_at.append(free[np.argsort(order, kind="stable")].astype(np.int32))
        counts.append(count)
    free_start = np.concatenate(([0], np.cumsum(np.concatenate(counts).reshape(-1))))
    return np.concatenate(cycles).astype(np.int64), free_start, np.concatenate(free_at)


class CoreTiming:
    """Predicts the cycles of a network on a core of size ``config``.

    Raises ``DoesNotFit`` if it does not fit.
    """

    def __init__(self, network: Network, config: CoreConfig, coding: Coding | None = None) -> None:
        placement = place(network, config.lanes, coding)
        check_fits(placement, config)
        self.config = config
        populations: list[tuple[int, ...]] = []
        connections: list[tuple[int, ...]] = []
        ordered: list[PlacedConnection] = []
        rows = 0
        for index in range(len(network.inputs), len(network.populations)):
            incoming = [p for p in placement.connections if p.connection.target == index]
            lanes_know: tuple[int, int] | None = None
            for placed in incoming:
                c = placed.connection
                like = (int(placed.coding), c.weight_shift)
                connections.append(
                    (
                        isinstance(network.populations[c.source], InputPopulation),
                        c.delay + (not network.is_same_step(c)),
                        network.first_id[c.source],
                        c.synapses.num_sources,
                        rows,
                        like == lanes_know,
                    )
                )
                lanes_know = like
                rows += c.synapses.num_sources
            ordered += incoming
            each = config.lanes if index == network.readout.population else 1
            populations.append(
                (
                    placement.num_slots[index] * each,
                    len(ordered) - len(incoming),
                    len(ordered),
                )
            )
        self._populations = np.array(populations, np.int64)
        self._connections = np.array(connections, np.int64).reshape(-1, 6)
        self._rows = _timing_of(ordered, config.lanes)
        self._steps_back = 1 + network.max_delay

    def phases(
        self,
        stream: EventStream,
        spikes: npt.NDArray[np.bool_],
        history: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Clock cycles of each step, population and ``Phase``: int64 [num_steps, populations, 3].

        spikes   bool [num_steps, num_neurons], what the network did on ``stream``
        history  bool [1 + longest delay, num_neurons], spikes of the steps before, the latest
                 first; None after a reset
        """
        before = np.zeros((self._steps_back, spikes.shape[1]), bool)
        if history is not None:
            before[:] = np.reshape(history, before.shape)[::-1]
        phases = np.zeros((stream.num_steps, len(self._populations), len(Phase)), np.int64)
        # Copies, since a read-only array is another type, for which Numba would compile again.
        run_phases(
            self._populations,
            self._connections,
            *self._rows,
            self.config.queue_events,
            np.array(stream.step_start, np.int64),
            np.array(stream.source_ids, np.uint16),
            np.ascontiguousarray(np.concatenate((before, spikes.astype(bool)))),
            phases,
        )
        return phases

    def cycles(
        self,
        stream: EventStream,
        spikes: npt.NDArray[np.bool_],
        history: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Clock cycles of each time step, int64 [num_steps]; arguments as of :meth:`phases`."""
        cycles: npt.NDArray[np.int64] = self.phases(stream, spikes, history).sum(axis=(1, 2))
        return cycles
