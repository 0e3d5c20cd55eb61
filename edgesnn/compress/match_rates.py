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
from edgesnn.network import LifPopulation, Network, ReadoutRule
from edgesnn.number_format import DECAY_ONE, SignedFormat
from edgesnn.simulator import Simulator

Rates = npt.NDArray[np.float64]
#: A threshold moves by at most this part of itself.
LARGEST_MOVE = 0.25
#: Halvings of that range; the last one moves a threshold by 0.4 %.
HALVINGS = 6


@dataclass(frozen=True)
class RateMatch:
    """What the correction gained on the calibration samples.

    error_before, error_after   sum of the absolute differences of all rates of spiking neurons,
                                relative to the sum of the float model's rates
    """

    error_before: float
    error_after: float


def _error(found: Rates, wanted: Rates) -> float:
    return float(np.abs(found - wanted).sum() / max(wanted.sum(), np.finfo(float).tiny))


def _with_population(network: Network, index: int, population: LifPopulation) -> Network:
    populations = list(network.populations)
    populations[index] = population
    return replace(network, populations=tuple(populations))


def _rates(network: Network, events: EventWindows, threads: int) -> Rates:
    """Spikes for each neuron and time step."""
    result = Simulator(network).run_batch(list(events.streams()), threads)
    return result.spike_counts.sum(axis=0) / result.counters.steps


def match_rates(
    network: Network,
    events: EventWindows,
    wanted_rates: tuple[Rates, ...],
    wanted_accumulators: npt.NDArray[np.float64] | None = None,
    threads: int = 1,
) -> tuple[Network, RateMatch]:
    """Correct ``network``.

    events               calibration samples
    wanted_rates         for each population, spikes per neuron and step of the float model
    wanted_accumulators  mean accumulators of the read-out [size] in units of the network's
                         membranes; None leaves its biases as they are

    Each population's correction is kept only if its rates are nearer than before.
    """
    spiking = [
        i for i, p in enumerate(network.populations) if isinstance(p, LifPopulation) and p.spiking
    ]
    wanted = np.concatenate([wanted_rates[i] for i in spiking]) if spiking else np.zeros(0)

    def error(candidate: Network) -> float:
        rates = _rates(candidate, events, threads)
        slices = [candidate.neuron_slice(i) for i in spiking]
        found = np.concatenate([rates[s] for s in slices]) if spiking else np.zeros(0)
        return _error(found, wanted)

    before = best = error(network)
    for index in spiking:
        corrected = _match_thresholds(network, index, events, wanted_rates[index], threads)
        after = error(corrected)
        if after < best:
            network, best = corrected, after
    if wanted_accumulators is not None:
        network = _match_readout(network, events, wanted_accumulators, threads)
    return network, RateMatch(before, best)


def _match_thresholds(
    network: Network, index: int, events: EventWindows, wanted: Rates, threads: int
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
        rates = _rates(candidate, events, threads)[network.neuron_slice(index)]
        missed = np.abs(rates - wanted)
        better = missed < least
        best[better], least[better] = rounded[better], missed[better]
        too_often = rates > wanted
        low, high = np.where(too_often, guess, low), np.where(too_often, high, guess)
        guess = (low + high) / 2
    return _with_population(network, index, replace(population, threshold=best))


def _match_readout(
    network: Network, events: EventWindows, wanted: npt.NDArray[np.float64], threads: int
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
    found = Simulator(network).run_batch(list(events.streams()), threads).accumulators
    move = np.rint((wanted - found.mean(axis=0)) / total)
    word = SignedFormat(network.state_bits)
    bias = np.clip(population.bias + move, word.minimum, word.maximum).astype(np.int32)
    corrected = _with_population(network, index, replace(population, bias=bias))
    try:
        design_rules.check(corrected)
    except DesignRuleError:
        return network
    return corrected
