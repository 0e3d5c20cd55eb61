"""The reference against ``docs/neuron.md`` written anew with dense matrices, and frozen runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from edgesnn.errors import DesignRuleError, EventLimitError
from edgesnn.events import EventStream
from edgesnn.network import InputPopulation, LifPopulation, Network
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.readout import accumulate, initial_accumulator
from edgesnn.reference import Reference, simulate
from edgesnn.run_result import Counters, differences
from tests.strategies import networks_with_events, random_events, random_network
from tests.vectors.generate import network_from_json

VECTORS = [
    vector
    for name in ("networks", "late_networks")
    for vector in json.loads((Path(__file__).parent / f"vectors/{name}.json").read_text())
]


def dense_run(network: Network, raster: np.ndarray) -> dict[str, np.ndarray]:
    """Whole populations at once, floats that hold every integer exactly; nothing is sparse."""
    steps, state, current, fired = len(raster), {}, {}, {}
    names = ("values", "membranes", "currents")
    out = {name: np.zeros((steps, network.num_neurons)) for name in names}
    out["spikes"] = np.zeros((steps, network.num_neurons), bool)
    sops = 0
    for i, p in enumerate(network.populations):
        state[i], current[i] = np.zeros(p.size), np.zeros(p.size)
        fired[i] = np.zeros((steps, p.size))
    for t in range(steps):
        for i, p in enumerate(network.populations):
            if isinstance(p, InputPopulation):
                fired[i][t] = raster[t, network.first_id[i] : network.first_id[i] + p.size]
                continue
            drive = np.zeros(p.size)
            for c in network.connections:
                sent = t - c.delay - (c.source >= c.target)
                if c.target == i and sent >= 0:
                    dense = c.synapses.to_dense().astype(float)
                    drive += fired[c.source][sent] @ dense * 2.0**c.weight_shift
                    sops += int(fired[c.source][sent] @ (dense != 0).sum(axis=1))
            v = state[i] + current[i] + drive + p.bias
            if p.synaptic_decay is not None:
                half = 2.0 ** (p.current_bits - 1)
                left = np.trunc((current[i] + drive) * p.synaptic_decay / 4096)
                current[i] = np.clip(left, -half, half - 1)
            s = p.spiking & (v > p.threshold - (not p.strict))
            subtract = s * p.threshold * (p.reset_mode == ResetMode.SUBTRACT)
            early = p.reset_order == ResetOrder.BEFORE_DECAY
            x = np.where(s & (p.reset_mode == ResetMode.TO_ZERO), 0, v) - subtract * early
            x = np.trunc(x * p.decay / 4096) - subtract * (not early)
            half = 2.0 ** (p.membrane_bits - 1)
            state[i], fired[i][t] = np.clip(x, -half, half - 1), s
            where = network.neuron_slice(i)
            out["values"][t, where], out["membranes"][t, where] = v, state[i]
            out["currents"][t, where] = current[i]
            out["spikes"][t, where] = s
    out["sops"] = np.array(sops)
    return out


def assert_dense_agrees(network: Network, stream: EventStream) -> None:
    result = simulate(network, stream)
    dense = dense_run(network, stream.to_raster(network.num_inputs))
    for name in ("values", "membranes", "currents", "spikes"):
        assert np.array_equal(getattr(result, name), dense[name]), name
    assert result.counters.sops == dense["sops"]
    assert result.counters.spikes == dense["spikes"].sum()
    assert result.counters.overflows == 0


@pytest.mark.parametrize("currents", [False, True])
@pytest.mark.parametrize("delays", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_agree_with_dense_matrices(seed, currents, delays):
    network = random_network(seed, max_size=60, currents=currents, delays=delays)
    assert_dense_agrees(network, random_events(network, seed, num_steps=20, max_events=40))


@given(networks_with_events(currents=True, delays=True))
def test_any_network_agrees_with_dense_matrices(case):
    assert_dense_agrees(*case)


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_frozen_runs_give_the_same_answers(vector):
    result = simulate(
        network_from_json(vector["network"]), EventStream.from_steps(vector["events"])
    )
    assert [np.flatnonzero(row).tolist() for row in result.spikes] == vector["spikes"]
    assert result.membranes.tolist() == vector["membranes"]
    assert result.values.tolist() == vector["values"]
    assert result.currents.tolist() == vector.get("currents", np.zeros_like(result.values).tolist())
    assert result.accumulators.tolist() == vector["accumulators"]
    assert result.decision == vector["decision"]
    c = result.counters
    assert [c.events, c.sops, c.spikes] == vector["counters"]


@given(networks_with_events(max_size=20, max_steps=10, currents=True, delays=True))
def test_order_of_events_changes_nothing(case):
    network, stream = case
    backwards = EventStream.from_steps([step[::-1] for step in stream])
    assert differences(simulate(network, stream), simulate(network, backwards)) == []


def test_run_in_two_pieces_is_one_run(any_network):
    stream = random_events(any_network, 3, num_steps=20)
    steps = [step.tolist() for step in stream]
    whole = simulate(any_network, stream)
    reference = Reference(any_network)
    first = reference.run(EventStream.from_steps(steps[:7]))
    second = reference.run(EventStream.from_steps(steps[7:]))
    assert np.array_equal(whole.spikes, np.concatenate([first.spikes, second.spikes]))
    assert np.array_equal(whole.accumulators, second.accumulators)
    assert first.counters + second.counters == whole.counters


def test_reset_forgets_everything(any_network):
    stream = random_events(any_network, 3, num_steps=20)
    reference = Reference(any_network)
    first = reference.run(stream)
    reference.reset()
    assert differences(first, reference.run(stream)) == []


def test_refused_step_changes_nothing(any_network):
    stream = random_events(any_network, 3, num_steps=20)
    reference = Reference(any_network)
    with pytest.raises(EventLimitError):
        reference.run(EventStream.from_steps([[0, 1], [2] * 4]))
    assert differences(simulate(any_network, stream), reference.run(stream)) == []


def test_accumulators_follow_the_rule(small_network):
    stream = random_events(small_network, 3, num_steps=20)
    result = simulate(small_network, stream)
    rule = small_network.readout.rule
    for column, accumulator in zip((2, 3), result.accumulators.tolist(), strict=True):
        expected = initial_accumulator(rule)
        for t in range(20):
            value, spike = int(result.values[t, column]), bool(result.spikes[t, column])
            expected = accumulate(rule, expected, value, spike, t)
        assert accumulator == expected


def test_network_that_breaks_a_rule_runs_only_on_request(small_network):
    wide = replace(
        small_network,
        populations=tuple(
            replace(p, membrane_bits=16) if isinstance(p, LifPopulation) else p
            for p in small_network.populations
        ),
        connections=tuple(replace(c, weight_shift=15) for c in small_network.connections),
    )
    with pytest.raises(DesignRuleError):
        Reference(wide)
    result = Reference(wide, check=False).run(EventStream.from_steps([[0, 0]]))
    # 7 * 2**15 is 3 * 2**16 + 2**15, so each sum leaves the word: to -32768, then to 0. Nothing
    # fires; the second neuron gets its bias.
    assert result.values[0].tolist() == [0, 1, 0, 0]
    assert result.counters == Counters(1, 2, 2, 0, 2)
