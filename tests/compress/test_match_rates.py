"""Thresholds and biases of integers follow the float model's firing, on calibration samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn import design_rules
from edgesnn.compress.match_rates import TOLERATED, Target, match_rates
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.quantize import connections_of, quantize, quantized_model
from edgesnn.compress.statistics import collect
from edgesnn.compress.to_integers import IntegerNetwork, to_integers
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.network import EventLimit, LifPopulation, Network
from edgesnn.simulator import Simulator
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.trainer import decisions
from tests.compress.models import current_based, events, feed_forward, recurrent


def crude(model: Model, samples: EventWindows) -> IntegerNetwork:
    """A network with so few weights left that its neurons fire at other rates."""
    statistics = collect(model, samples, ())
    kept = [c.parameters.size // 2 for c in model.connections]
    pruned = prune(model, statistics, kept, "magnitude")
    quantized = quantize(pruned_model(model, pruned), statistics, pruned, "nearest")
    rounded = quantized_model(model, quantized)
    return to_integers(
        rounded,
        connections_of(quantized),
        collect(rounded, samples, ()),
        EventLimit(value=1),
    )


def target(model: Model, samples: EventWindows, found: IntegerNetwork | None = None) -> Target:
    means = None
    if found is not None:
        unit = found.units[-1]
        assert unit is not None
        means = Dynamics(model).record(samples).accumulators.double().mean(dim=0).numpy() / unit
    rates = collect(model, samples, ()).rates
    return Target(rates, decisions(model, samples), means)


def rates(network: Network, samples: EventWindows) -> np.ndarray:
    result = Simulator(network).run_batch(list(samples.streams()))
    return (result.spike_counts.sum(axis=0) / result.counters.steps)[network.neuron_slice(1)]


@pytest.mark.parametrize("make", [feed_forward, recurrent, current_based])
def test_rates_come_nearer_to_those_of_the_model(make: object) -> None:
    model: Model = make(hidden=24)  # type: ignore[operator]
    samples = events(20, windows=80)
    network = crude(model, samples).network
    # What is decided does not stand in the way here.
    wanted = replace(target(model, samples), decisions=np.full(len(samples), -2))
    corrected, before, after = match_rates(network, samples, wanted)
    assert after.rate_error < 0.6 * before.rate_error
    missed = np.abs(rates(corrected, samples) - wanted.rates[1]).sum() / wanted.rates[1].sum()
    assert after.rate_error == pytest.approx(missed)
    assert [c.synapses for c in corrected.connections] == [c.synapses for c in network.connections]


def test_a_read_out_gets_the_mean_sum_of_the_model() -> None:
    model, samples = feed_forward(), events(20, windows=80)
    found = crude(model, samples)
    wanted = target(model, samples, found)
    assert wanted.accumulators is not None
    # What is decided does not stand in the way here.
    result = Simulator(found.network).run_batch(list(samples.streams()))
    wanted = replace(wanted, decisions=np.full(len(samples), -2))
    corrected, _, _ = match_rates(found.network, samples, wanted)
    after = Simulator(corrected).run_batch(list(samples.streams())).accumulators.mean(axis=0)
    before = result.accumulators.mean(axis=0)
    missed = np.abs(after - wanted.accumulators)
    assert missed.max() < 0.1 * np.abs(before - wanted.accumulators).max()


def test_a_correction_that_changes_decisions_for_the_worse_is_left_out() -> None:
    model, samples = feed_forward(hidden=24), events(20, windows=80)
    network = crude(model, samples).network
    # The model is said to decide as the network does already, so nothing can get better.
    own = Simulator(network).run_batch(list(samples.streams())).decisions
    wanted = replace(target(model, samples), decisions=own)
    corrected, before, after = match_rates(network, samples, wanted)
    assert before.agreement == 1.0
    assert after.agreement >= 1.0 - 2 * TOLERATED
    assert corrected is network


def test_thresholds_move_by_a_quarter_at_most_and_stay_legal() -> None:
    model, samples = feed_forward(hidden=24), events(20)
    network = crude(model, samples).network
    present = rates(network, samples)
    seldom = (np.zeros(20), present / 10, np.zeros(4))
    corrected, _, _ = match_rates(network, samples, Target(seldom, np.full(30, -2)))
    design_rules.check(corrected)
    before, after = network.populations[1], corrected.populations[1]
    assert isinstance(before, LifPopulation)
    assert isinstance(after, LifPopulation)
    assert (after.threshold > before.threshold)[present > 0].all()
    assert (after.threshold <= np.ceil(1.25 * before.threshold)).all()
