"""How spikes and membranes of the read-out population become a decision.

Each read-out neuron has one 32-bit accumulator; the largest accumulator decides, ties go to the
lowest index, and "no decision" (None) is a possible answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgesnn.network import ReadoutRule
from edgesnn.number_format import ACCUMULATOR

#: Accumulators that hold nothing yet.
NOTHING = ACCUMULATOR.minimum


def initial_accumulator(rule: ReadoutRule) -> int:
    """Value after a reset."""
    return 0 if rule in (ReadoutRule.SPIKE_COUNT, ReadoutRule.MEMBRANE_SUM) else NOTHING


def accumulate(
    rule: ReadoutRule, accumulator: int, value: int, spike: bool, steps_since_reset: int
) -> int:
    """The accumulator after one time step.

    value               ``v`` of the neuron in this step
    spike               whether it fired
    steps_since_reset   index of this step since the last reset, from 0
    """
    if rule is ReadoutRule.SPIKE_COUNT:
        return ACCUMULATOR.wrap(accumulator + spike)
    if rule is ReadoutRule.MEMBRANE_LAST:
        return value
    if rule is ReadoutRule.MEMBRANE_SUM:
        return ACCUMULATOR.wrap(accumulator + value)
    if rule is ReadoutRule.MEMBRANE_MAX:
        return max(accumulator, value)
    first = spike and accumulator == NOTHING
    return ACCUMULATOR.wrap(-steps_since_reset) if first else accumulator


def decide(rule: ReadoutRule, accumulators: Sequence[int]) -> int | None:
    """Index of the largest accumulator, or None if no neuron has anything to say."""
    best = max(accumulators)
    nothing = 0 if rule is ReadoutRule.SPIKE_COUNT else NOTHING
    return None if best == nothing else list(accumulators).index(best)
