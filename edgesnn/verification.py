"""The same samples on several executors: do they agree to the last bit?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgesnn.backends.base import Backend
from edgesnn.core_config import CoreConfig
from edgesnn.events import EventStream
from edgesnn.network import Network
from edgesnn.run_result import Counters, RunResult, differences
from edgesnn.simulator import Simulator

#: Called after each window with the number of windows done.
Progress = Callable[[int], None]
#: So many differing windows are described in words; the others are only counted.
DESCRIBED = 5


@dataclass(frozen=True)
class Agreement:
    """How one executor compares with the expected results.

    windows      that were run, each from reset
    mismatches   windows in which anything differed
    examples     the first differences in words, with the number of the window
    counters     over all windows
    seconds      wall time
    """

    backend: str
    windows: int
    mismatches: int
    examples: tuple[str, ...]
    counters: Counters
    seconds: float


def run_windows(
    backend: Backend,
    streams: Sequence[EventStream],
    record: bool = False,
    progress: Progress | None = None,
) -> list[RunResult]:
    """Run each window from reset on a backend that has a network loaded.

    record   keep the membranes of every step
    """
    results = []
    for done, stream in enumerate(streams, 1):
        backend.reset()
        results.append(backend.run(stream, record))
        if progress is not None:
            progress(done)
    return results


def with_predicted_cycles(
    expected: Sequence[RunResult],
    network: Network,
    core_config: CoreConfig,
    streams: Sequence[EventStream],
) -> list[RunResult]:
    """``expected`` with the clock cycles that a core of this size must take for each window.

    Raises ``DoesNotFit``.
    """
    simulator = Simulator(network, core_config)
    cycles = [simulator.run(stream)[0].counters.cycles for stream in streams]
    return [
        replace(e, counters=replace(e.counters, cycles=c))
        for e, c in zip(expected, cycles, strict=True)
    ]


def _with_readout_spikes_only(network: Network, result: RunResult) -> RunResult:
    spikes = np.zeros_like(result.spikes)
    where = network.neuron_slice(network.readout.population)
    spikes[:, where] = result.spikes[:, where]
    return replace(result, spikes=spikes)


def compare(
    expected: Sequence[RunResult],
    backend: Backend,
    network: Network,
    streams: Sequence[EventStream],
    record: bool = False,
    progress: Progress | None = None,
) -> tuple[Agreement, list[RunResult]]:
    """Load ``network``, run every window, and compare with the expected results.

    Spikes, accumulators, decisions and counters must be equal; cycles where ``expected`` has them
    and the executor counts them (processors do not), and with ``record`` the membranes of every
    step. Without ``record`` a device on a serial port reports the spikes of the read-out population
    only; those of the others are then compared by their number.
    """
    if backend.name == "device" and not record:
        expected = [_with_readout_spikes_only(network, e) for e in expected]
    began = time.perf_counter()
    backend.load(network)
    results = run_windows(backend, streams, record, progress)
    seconds = time.perf_counter() - began
    mismatches, examples = 0, []
    for index, (a, b) in enumerate(zip(expected, results, strict=True)):
        counted = backend.counts_cycles or bool(b.counters.cycles)
        cycles = counted and bool(a.counters.cycles)
        if found := differences(a, b, cycles=cycles):
            mismatches += 1
            if mismatches <= DESCRIBED:
                examples.append(f"window {index}: {'; '.join(found)}")
    counters = sum((r.counters for r in results), Counters())
    agreement = Agreement(
        backend.name, len(streams), mismatches, tuple(examples), counters, seconds
    )
    return agreement, results
