"""Thresholds and biases of the integer network, corrected so that it fires as the float model did.

Rounded weights, decays that round toward zero and removed weights shift how often a neuron fires.
On the calibration samples the threshold of each spiking neuron is moved until its rate is that of
the float model, and the bias of each read-out neuron until its mean value is. Populations are
corrected in their order, so that each sees inputs that are right already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn.errors import DesignRuleError
from edgesnn.event_windows import EventWindows
from edgesnn.events import EventStream
from edgesnn.network import LifPopulation, Network, ReadoutRule
from edgesnn.number_format import DECAY_ONE, SignedFormat
from edgesnn.simulator import Simulator

#: A correction may change this share of the decisions for the worse; less is chance.
TOLERATED = 0.005

Rates = npt.NDArray[np.float64]
#: A threshold moves by at most this part of itself.
LARGEST_MOVE = 0.25
#: Halvings of that range; the last one moves a threshold by 0.4 %.
HALVINGS = 6


@dataclass(frozen=True, eq=False)
class Target:
    """What the network should do on the calibration samples.

    rates         for each population float64 [size], spikes per neuron and step
    decisions     int64 [windows]
    accumulators  mean accumulators of the read-out float64 [size], in units of the network's
                  membranes; None leaves its biases as they are
    """

    rates: tuple[Rates, ...]
    decisions: npt.NDArray[np.int64]
    accumulators: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Match:
    """How near a network is to its target.

    rate_error   sum of the absolute differences of all rates of spiking neurons, relative to the
                 sum of the wanted ones
    agreement    share of the windows that are decided alike
    """

    rate_error: float
    agreement: float


def _match(network: Network, streams: list[EventStream], target: Target, threads: int) -> Match:
    result = Simulator(network).run_batch(streams, threads)
    missed = total = 0.0
    for index in _spiking(network):
        wanted = target.rates[index]
        missed += float(np.abs(result.rates[network.neuron_slice(index)] - wanted).sum())
        total += float(wanted.sum())
    agreement = float((result.decisions == target.decisions).mean())
    return Match(missed / total if total else float(missed > 0), agreement)


def _spiking(network: Network) -> list[int]:
    return [
        i for i, p in enumerate(network.populations) if isinstance(p, LifPopulation) and p.spiking
    ]


def _with_population(network: Network, index: int, population: LifPopulation) -> Network:
    populations = list(network.populations)
    populations[index] = population
    return replace(network, populations=tuple(populations))


def match_rates(
    network: Network, events: EventWindows, target: Target, threads: int = 1
) -> tuple[Network, Match, Match]:
    """Correct ``network`` on calibration samples.

    The correction of a population is kept only if it brings the rates nearer, that of the read-out
    in any case, and both only if the network still decides like the model on as many windows as at
    the start, but for ``TOLERATED``. Biases of spiking neurons stay.

    Returns the corrected network, and how near it was before and is now.
    """
    streams = list(events.streams())
    before = best = _match(network, streams, target, threads)
    floor = before.agreement - TOLERATED
    for index in _spiking(network):
        corrected = _match_thresholds(network, index, streams, target.rates[index], threads)
        after = _match(corrected, streams, target, threads)
        if after.rate_error < best.rate_error and after.agreement >= floor:
            network, best = corrected, after
    if target.accumulators is not None:
        corrected = _match_readout(network, streams, target.accumulators, threads)
        after = _match(corrected, streams, target, threads)
        if after.agreement >= floor:
            network, best = corrected, after
    return network, before, best


def _match_thresholds(
    network: Network, index: int, streams: list[EventStream], wanted: Rates, threads: int
) -> Network:
    """Bisect the thresholds of one population, all neurons at once."""
    population = network.populations[index]
    assert isinstance(population, LifPopulation)
    start = population.threshold.astype(np.float64)
    low, high = start * (1 - LARGEST_MOVE), start * (1 + LARGEST_MOVE)
    highest = SignedFormat(network.state_bits).maximum - population.strict
    best, least = population.threshold.copy(), np.full(len(start), np.inf)
    guess = start
    for _ in range(HALVINGS + 1):
        rounded = np.clip(np.rint(guess), 1, highest).astype(np.int32)
        candidate = _with_population(network, index, replace(population, threshold=rounded))
        result = Simulator(candidate).run_batch(streams, threads)
        rates = result.rates[network.neuron_slice(index)]
        missed = np.abs(rates - wanted)
        better = missed < least
        best[better], least[better] = rounded[better], missed[better]
        too_often = rates > wanted
        low, high = np.where(too_often, guess, low), np.where(too_often, high, guess)
        guess = (low + high) / 2
    return _with_population(network, index, replace(population, threshold=best))


def _match_readout(
    network: Network,
    streams: list[EventStream],
    wanted: npt.NDArray[np.float64],
    threads: int,
) -> Network:
    """Move each bias of a read-out that sums its membrane until the mean sum is the wanted one.

    A unit of bias moves the accumulator of a read-out without resets by a number that follows
    from its decay alone. Nothing moves if the network would break a design rule.
    """
    index, rule = network.readout.population, network.readout.rule
    population = network.populations[index]
    assert isinstance(population, LifPopulation)
    if population.spiking or rule is not ReadoutRule.MEMBRANE_SUM:
        return network
    steps = network.readout.window_steps
    value, total = np.zeros(population.size), np.zeros(population.size)
    for _ in range(steps):
        value = 1 + value * population.decay / DECAY_ONE
        total = total + value
    found = Simulator(network).run_batch(streams, threads).accumulators
    move = np.rint((wanted - found.mean(axis=0)) / total)
    word = SignedFormat(network.state_bits)
    bias = np.clip(population.bias + move, word.minimum, word.maximum).astype(np.int32)
    corrected = _with_population(network, index, replace(population, bias=bias))
    try:
        design_rules.check(corrected)
    except DesignRuleError:
        return network
    return corrected
