"""What a run gives back, the same from every executor, so that results can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Counters:
    """What an executor counted.

    steps      time steps
    events     input events that were taken
    sops       synaptic operations: one stored weight added once to one membrane
    spikes     spikes of neurons
    overflows  additions that left the state word (and wrapped)
    dropped    input events that were refused
    cycles     clock cycles of the core, from the command to advance to idle; 0 where no core
               is modelled
    """

    steps: int = 0
    events: int = 0
    sops: int = 0
    spikes: int = 0
    overflows: int = 0
    dropped: int = 0
    cycles: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Counters) -> Counters:
        return Counters(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class RunResult:
    """Result of one run over an event stream.

    spikes        bool [num_steps, num_neurons]
    accumulators  int64 [read-out size], after the last step
    decision      index into the read-out population, or None
    counters      of this run alone
    membranes     int32 [num_steps, num_neurons] as stored after each step; None if not recorded
    values        int32 [num_steps, num_neurons], ``v`` before reset and decay; None likewise
    currents      int32 [num_steps, num_neurons], synaptic currents as stored after each step, 0 of
                  neurons that have none; None likewise
    """

    spikes: npt.NDArray[np.bool_]
    accumulators: npt.NDArray[np.int64]
    decision: int | None
    counters: Counters = field(default_factory=Counters)
    membranes: npt.NDArray[np.int32] | None = None
    values: npt.NDArray[np.int32] | None = None
    currents: npt.NDArray[np.int32] | None = None


def differences(expected: RunResult, actual: RunResult, cycles: bool = False) -> list[str]:
    """Every way in which two results differ, in words; empty if they agree to the last bit.

    Membranes, values and currents are compared where both have them; cycles only if asked for.
    """
    found = []
    for name in ("spikes", "membranes", "values", "currents"):
        a, b = getattr(expected, name), getattr(actual, name)
        if a is None or b is None:
            continue
        if a.shape != b.shape:
            found.append(f"{name} must have shape {a.shape}, not {b.shape}")
        elif not np.array_equal(a, b):
            step, neuron = (int(i) for i in np.argwhere(a != b)[0])
            found.append(
                f"{name}: {int((a != b).sum())} differ, first in step {step} at neuron {neuron}: "
                f"must be {a[step, neuron]}, not {b[step, neuron]}"
            )
    if not np.array_equal(expected.accumulators, actual.accumulators):
        found.append(
            f"accumulators must be {expected.accumulators.tolist()}, "
            f"not {actual.accumulators.tolist()}"
        )
    if expected.decision != actual.decision:
        found.append(f"decision must be {expected.decision}, not {actual.decision}")
    for f in fields(Counters):
        a, b = getattr(expected.counters, f.name), getattr(actual.counters, f.name)
        if a != b and (f.name != "cycles" or cycles):
            found.append(f"{f.name} must be {a}, not {b}")
    return found
