"""Rules about numbers that a network must obey before anything runs it.

One function for each rule, named for it; each returns one text for each violation.
:func:`check` runs them all and raises with every violation at once. Rules about the size of a
core are in :mod:`edgesnn.memory_image`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgesnn.errors import DesignRuleError
from edgesnn.network import EventLimitForm, InputPopulation, LifPopulation, Network, ReadoutRule
from edgesnn.number_format import ACCUMULATOR, DECAY_ONE, SignedFormat

#: Ends the texts about overflow; the compressor, which sets the first two itself, says another.
OVERFLOW_REMEDY = (
    "lower weight_shift, membrane_bits, current_bits or the event limit, or widen state_bits"
)


def _worst(name: str, values: npt.NDArray[np.int64], low: int, high: int) -> list[str]:
    """One text if some of ``values`` leave low..high: how many, and the worst one."""
    excess = np.maximum(values - high, low - values)
    if not len(values) or excess.max() <= 0:
        return []
    worst = int(excess.argmax())
    return [
        f"{name} must be in {low}..{high}, not {int(values[worst])} "
        f"(neuron {worst}; {int((excess > 0).sum())} of {len(values)} neurons)"
    ]


def parameters_are_in_range(network: Network) -> list[str]:
    """Threshold, decays, bias and clamp widths fit the state word; nothing fires at rest alone."""
    word = SignedFormat(network.state_bits)
    found = []
    for p in network.neurons:
        found += _worst(f"decay of {p.name!r}", p.decay.astype(np.int64), 0, DECAY_ONE)
        if p.synaptic_decay is not None:
            decays = p.synaptic_decay.astype(np.int64)
            found += _worst(f"synaptic_decay of {p.name!r}", decays, 0, DECAY_ONE)
        found += _worst(f"bias of {p.name!r}", p.bias.astype(np.int64), word.minimum, word.maximum)
        if p.spiking:
            level = p.threshold.astype(np.int64) + p.strict
            found += _worst(f"threshold + strict of {p.name!r}", level, 1, word.maximum)
        found += [
            f"{name} of {p.name!r} must be in 2..{network.state_bits}, not {bits}"
            for name, bits in _clamp_widths(p).items()
            if not 2 <= bits <= network.state_bits
        ]
    return found


def _clamp_widths(p: LifPopulation) -> dict[str, int]:
    """Widths to which the state words of a population are clamped, by name."""
    widths = {"membrane_bits": p.membrane_bits}
    return widths | {"current_bits": p.current_bits} if p.current_based else widths


def _event_sums(
    network: Network, population: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Largest and smallest sum of shifted weights that can reach each neuron in one step."""
    size = network.populations[population].size
    limit = network.event_limit
    sums = []
    for sign in (1, -1):
        total = np.zeros(size, np.int64)
        largest_of_source: dict[int, npt.NDArray[np.int64]] = {}
        for c in network.incoming(population):
            weights = np.maximum(sign * c.synapses.weights.astype(np.int64), 0) << c.weight_shift
            from_input = isinstance(network.populations[c.source], InputPopulation)
            if from_input and limit.form is EventLimitForm.LIMITED:
                largest = np.zeros(size, np.int64)
                np.maximum.at(largest, c.synapses.targets, weights)
                before = largest_of_source.get(c.source, np.zeros(size, np.int64))
                largest_of_source[c.source] = before + largest
            else:
                times = limit.value if from_input else 1
                np.add.at(total, c.synapses.targets, times * weights)
        if largest_of_source:
            total += limit.value * np.maximum.reduce(list(largest_of_source.values()))
        sums.append(sign * total)
    return sums[0], sums[1]


def membrane_range(
    network: Network, population: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Highest and lowest value that each membrane can take within a step, in any event order.

    Start from the clamp bounds (of a current-based population those of both state words, which
    bounds the current, too), add every event of one sign and the bias of that sign.
    Returns two int64 [size].
    """
    p = network.populations[population]
    assert isinstance(p, LifPopulation)
    highest, lowest = _event_sums(network, population)
    clamps = [SignedFormat(bits) for bits in _clamp_widths(p).values()]
    bias = p.bias.astype(np.int64)
    return (
        sum(c.maximum for c in clamps) + np.maximum(bias, 0) + highest,
        sum(c.minimum for c in clamps) + np.minimum(bias, 0) + lowest,
    )


def accumulator_cannot_overflow(network: Network) -> list[str]:
    """No order of the allowed events can drive a membrane out of the state word."""
    word = SignedFormat(network.state_bits)
    found = []
    for index, p in enumerate(network.populations):
        if isinstance(p, InputPopulation):
            continue
        if not all(2 <= bits <= network.state_bits for bits in _clamp_widths(p).values()):
            continue
        highest, lowest = membrane_range(network, index)
        for name, values in (("highest", highest), ("lowest", lowest)):
            for text in _worst(
                f"{name} possible membrane of {p.name!r}", values, word.minimum, word.maximum
            ):
                found.append(f"{text}; {OVERFLOW_REMEDY}")
    return found


def readout_cannot_overflow(network: Network) -> list[str]:
    """A sum of membranes over the window fits the 32-bit accumulator."""
    if network.readout.rule is not ReadoutRule.MEMBRANE_SUM:
        return []
    highest = network.readout.window_steps << (network.state_bits - 1)
    if highest <= ACCUMULATOR.maximum:
        return []
    steps = ACCUMULATOR.maximum >> (network.state_bits - 1)
    return [f"window_steps must be at most {steps} for a sum, not {network.readout.window_steps}"]


RULES: tuple[Callable[[Network], list[str]], ...] = (
    parameters_are_in_range,
    accumulator_cannot_overflow,
    readout_cannot_overflow,
)


def check(network: Network) -> None:
    """Raise ``DesignRuleError`` that lists every violation of every rule."""
    violations = [text for rule in RULES for text in rule(network)]
    if violations:
        raise DesignRuleError(violations)
