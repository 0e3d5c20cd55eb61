"""The fast executor: the same results as the reference, event by event, with Numba."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn.core_config import CoreConfig
from edgesnn.errors import InputError
from edgesnn.events import EventStream, check_events
from edgesnn.network import EventLimitForm, LifPopulation, Network
from edgesnn.readout import decide, initial_accumulator
from edgesnn.run_result import Counters, RunResult
from edgesnn.simulator import kernels
from edgesnn.simulator.compiled_network import compile_network
from edgesnn.simulator.core_timing import CoreTiming

#: Samples are handed to threads in this many pieces each, so that uneven samples even out.
PIECES_PER_THREAD = 4


@dataclass(frozen=True, eq=False)
class SimulatorState:
    """Everything that a network remembers between two time steps.

    membranes          int32 [num_neurons], stored words
    currents           int32 [num_neurons], likewise; 0 of neurons that have none
    history            uint8 [1 + longest delay, num_neurons], 1 where a neuron fired in the steps
                       before, the latest first
    accumulators       int64 [read-out size]
    steps_since_reset  time steps since the last reset
    """

    membranes: npt.NDArray[np.int32]
    currents: npt.NDArray[np.int32]
    history: npt.NDArray[np.uint8]
    accumulators: npt.NDArray[np.int64]
    steps_since_reset: int = 0


@dataclass(frozen=True, eq=False)
class PopulationRecord:
    """What one population did in a run.

    spikes     bool [num_steps, size]
    membranes  int32 [num_steps, size] as stored after each step
    values     int32 [num_steps, size], ``v`` before reset and decay
    currents   int32 [num_steps, size] as stored after each step; 0 if there are none
    """

    spikes: npt.NDArray[np.bool_]
    membranes: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    currents: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Results of many samples, each run from reset.

    decisions     int64 [num_samples], index into the read-out population, -1 for no decision
    accumulators  int64 [num_samples, read-out size]
    spike_counts  int32 [num_samples, num_neurons]
    sops          int64 [num_samples], synaptic operations
    cycles        int64 [num_samples], clock cycles of the core; 0 where none is modelled
    counters      of all samples together
    """

    decisions: npt.NDArray[np.int64]
    accumulators: npt.NDArray[np.int64]
    spike_counts: npt.NDArray[np.int32]
    sops: npt.NDArray[np.int64]
    cycles: npt.NDArray[np.int64]
    counters: Counters

    @property
    def rates(self) -> npt.NDArray[np.float64]:
        """Spikes of each neuron in a time step, over all samples, float64 [num_neurons]."""
        rates: npt.NDArray[np.float64] = self.spike_counts.sum(axis=0) / self.counters.steps
        return rates


class Simulator:
    """A network made ready to run; it holds no state, so threads may share it.

    core_config  also predict the clock cycles of a core of this size
    check        False runs a network that breaks design rules (to study overflow), more slowly

    Raises ``DesignRuleError`` if the network breaks a rule, ``ValueError`` in any case if a
    neuron's parameters cannot work, and ``DoesNotFit`` if the core is too small.
    """

    def __init__(
        self, network: Network, core_config: CoreConfig | None = None, check: bool = True
    ) -> None:
        if check:
            design_rules.check(network)
        elif violations := design_rules.parameters_are_in_range(network):
            raise ValueError("; ".join(violations))
        self.network = network
        self._arrays = compile_network(network, checked=not check)
        self._timing = None if core_config is None else CoreTiming(network, core_config)

    def initial_state(self) -> SimulatorState:
        """Membranes and currents 0, no spikes under way, empty accumulators, step 0."""
        net = self.network
        return SimulatorState(
            np.zeros(net.num_neurons, np.int32),
            np.zeros(net.num_neurons, np.int32),
            np.zeros((net.max_delay + 1, net.num_neurons), np.uint8),
            np.full(
                net.populations[net.readout.population].size,
                initial_accumulator(net.readout.rule),
                np.int64,
            ),
        )

    def run(
        self, stream: EventStream, state: SimulatorState | None = None, record: bool = False
    ) -> tuple[RunResult, SimulatorState]:
        """Run all steps of a stream from ``state`` (from reset if None), which is not changed.

        record  also return the stored membranes and currents and ``v`` of every step

        Returns the result and the state after it. Raises ``InputError`` or ``EventLimitError``.
        """
        everything = range(len(self.network.inputs), len(self.network.populations))
        counters, after, room = self._run(stream, state, everything, record)
        spikes = room.spikes.view(np.bool_)
        if self._timing is not None:
            history = None if state is None else state.history.view(np.bool_)
            cycles = self._timing.cycles(stream, spikes, history)
            counters = replace(counters, cycles=int(cycles.sum()))
        result = RunResult(
            spikes,
            after.accumulators.copy(),
            decide(self.network.readout.rule, after.accumulators.tolist()),
            counters,
            room.membranes if record else None,
            room.values if record else None,
            room.currents if record else None,
        )
        return result, after

    def record(
        self,
        stream: EventStream,
        populations: Iterable[str],
        state: SimulatorState | None = None,
    ) -> tuple[dict[str, PopulationRecord], SimulatorState]:
        """Like :meth:`run`, but keep what the named populations did, and nothing else."""
        names = list(dict.fromkeys(populations))
        chosen = []
        for name in names:
            found = [i for i, p in enumerate(self.network.populations) if p.name == name]
            if not found or not isinstance(self.network.populations[found[0]], LifPopulation):
                known = [p.name for p in self.network.neurons]
                raise ValueError(f"a recorded population must be one of {known}, not {name!r}")
            chosen += found
        _, after, room = self._run(stream, state, chosen, True)
        records, column = {}, 0
        for name, index in zip(names, chosen, strict=True):
            where = slice(column, column := column + self.network.populations[index].size)
            records[name] = PopulationRecord(
                room.spikes[:, where].view(np.bool_),
                room.membranes[:, where],
                room.values[:, where],
                room.currents[:, where],
            )
        return records, after

    def run_batch(self, streams: Sequence[EventStream], threads: int = 1) -> BatchResult:
        """Run samples, each from reset, on ``threads`` threads."""
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        checked = [self._checked(stream) for stream in streams]
        net = self.network
        count = len(streams)
        accumulators = np.zeros((count, self.initial_state().accumulators.size), np.int64)
        spike_counts = np.zeros((count, net.num_neurons), np.int32)
        counts = np.zeros((count, kernels.NUM_COUNTS), np.int64)
        cycles = np.zeros(count, np.int64)

        def run_piece(piece: slice) -> None:
            if self._timing is None:
                self._run_samples(
                    checked[piece], accumulators[piece], spike_counts[piece], counts[piece]
                )
                return
            # Cycles follow from every single spike, so each sample is recorded.
            for sample in range(*piece.indices(count)):
                result, _ = self.run(streams[sample])
                c = result.counters
                accumulators[sample] = result.accumulators
                spike_counts[sample] = result.spikes.sum(axis=0)
                counts[sample] = c.sops, c.spikes, c.overflows
                cycles[sample] = c.cycles

        size = -(-count // (threads * PIECES_PER_THREAD)) if threads > 1 else count
        pieces = [slice(i, i + size) for i in range(0, count, max(size, 1))]
        if threads == 1:
            for piece in pieces:
                run_piece(piece)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(run_piece, pieces))

        decisions = [decide(net.readout.rule, row) for row in accumulators.tolist()]
        sums = counts.sum(axis=0).tolist()
        return BatchResult(
            np.array([-1 if d is None else d for d in decisions], np.int64),
            accumulators,
            spike_counts,
            counts[:, kernels.SOPS].copy(),
            cycles,
            Counters(
                steps=sum(s.num_steps for s in streams),
                events=sum(s.num_events for s in streams),
                sops=sums[kernels.SOPS],
                spikes=sums[kernels.SPIKES],
                overflows=sums[kernels.OVERFLOWS],
                cycles=int(cycles.sum()),
            ),
        )

    def _checked(self, stream: EventStream) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
        """Step starts and source ids as own arrays, which kernels may read blindly."""
        step_start = np.array(stream.step_start, np.int64)
        source_ids = np.array(stream.source_ids, np.uint16)
        if not len(step_start) or step_start[0] != 0 or step_start[-1] != len(source_ids):
            raise InputError(f"step_start must go from 0 to {len(source_ids)}")
        if np.any(step_start[1:] < step_start[:-1]):
            raise InputError("step_start must not decrease")
        limit = self.network.event_limit
        limited = limit.form is EventLimitForm.LIMITED
        if not kernels.events_are_allowed(
            step_start, source_ids, self.network.num_inputs, limited, limit.value
        ):
            check_events(self.network, stream)
        return step_start, source_ids

    def _working_state(self, state: SimulatorState) -> kernels.StateArrays:
        size = self.network.num_neurons
        ring = len(state.history)
        return kernels.StateArrays(
            state.membranes.copy(),
            state.currents.copy(),
            np.zeros(size, np.int32),
            np.zeros(size, np.int32),
            np.zeros(size, np.uint8),
            np.zeros((ring, size), np.int32),
            np.zeros((ring, len(self.network.neurons)), np.int64),
            state.accumulators.copy(),
        )

    def _run(
        self,
        stream: EventStream,
        state: SimulatorState | None,
        populations: Iterable[int],
        membranes: bool,
    ) -> tuple[Counters, SimulatorState, kernels.RecordArrays]:
        step_start, source_ids = self._checked(stream)
        if state is None:
            state = self.initial_state()
        slices = [self.network.neuron_slice(i) for i in populations]
        width = sum(s.stop - s.start for s in slices)
        steps = stream.num_steps
        states = width if membranes else 0
        currents = np.zeros((steps, states), np.int32)
        room = kernels.RecordArrays(
            np.array([(s.start, s.stop - s.start) for s in slices], np.int64).reshape(-1, 2),
            np.zeros((steps, width), np.uint8),
            np.zeros((steps, states), np.int32),
            np.zeros((steps, states), np.int32),
            currents if self.network.has_currents else currents[:, :0],
        )
        work = self._working_state(state)
        history = state.history.copy()
        counts = kernels.run_steps(
            self._arrays,
            work,
            history,
            state.steps_since_reset,
            step_start,
            source_ids,
            room,
        ).tolist()
        counters = Counters(
            steps=steps,
            events=stream.num_events,
            sops=counts[kernels.SOPS],
            spikes=counts[kernels.SPIKES],
            overflows=counts[kernels.OVERFLOWS],
        )
        after = SimulatorState(
            work.membranes,
            work.currents,
            history,
            work.accumulators,
            state.steps_since_reset + steps,
        )
        return counters, after, room._replace(currents=currents)

    def _run_samples(
        self,
        streams: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]],
        accumulators: npt.NDArray[np.int64],
        spike_counts: npt.NDArray[np.int32],
        counts: npt.NDArray[np.int64],
    ) -> None:
        """Run samples one after the other into their rows of the results."""
        first_step = np.cumsum([0] + [len(starts) - 1 for starts, _ in streams])
        first_event = np.cumsum([0] + [len(ids) for _, ids in streams])
        step_start = [s[:-1] + e for (s, _), e in zip(streams, first_event[:-1], strict=True)]
        kernels.run_samples(
            self._arrays,
            self._working_state(self.initial_state()),
            initial_accumulator(self.network.readout.rule),
            first_step,
            np.concatenate([*step_start, first_event[-1:]]),
            np.concatenate([ids for _, ids in streams]),
            accumulators,
            spike_counts,
            counts,
        )
