"""Training runs the same neuron as the reference: compared on integers that floats hold exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgesnn.errors import UnsupportedModel
from edgesnn.events import EventStream
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import (
    Connection,
    EventLimit,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.reference import simulate
from edgesnn.synapses import Synapses
from edgesnn.train.dynamics import Dynamics

STEPS = 12
RULES = (
    ReadoutRule.SPIKE_COUNT,
    ReadoutRule.MEMBRANE_LAST,
    ReadoutRule.MEMBRANE_SUM,
    ReadoutRule.MEMBRANE_MAX,
)


def twins(
    mode: ResetMode, order: ResetOrder, strict: bool, rule: ReadoutRule
) -> tuple[Model, Network]:
    """The same network in floats and in integers: recurrent, with feedback from the read-out.

    Decay is 1 or 0, so that no rounding separates the two.
    """
    rng = np.random.default_rng(7)
    sizes = {"in": 5, "a": 6, "out": 3}
    pairs = [(0, 1), (1, 1), (1, 2), (2, 1), (0, 2)]
    names = list(sizes)
    codes = [
        rng.integers(-7, 8, (sizes[names[s]], sizes[names[t]])).astype(np.int8) for s, t in pairs
    ]
    floats: list[InputPopulation | ModelPopulation] = [InputPopulation("in", 5)]
    integers: list[InputPopulation | LifPopulation] = [InputPopulation("in", 5)]
    for name in names[1:]:
        threshold = rng.integers(4, 12, sizes[name])
        decay = rng.integers(0, 2, sizes[name])
        bias = rng.integers(-1, 2, sizes[name])
        flags = {"reset_mode": mode, "reset_order": order, "strict": strict}
        floats.append(ModelPopulation(name, threshold, decay, bias, **flags))
        integers.append(LifPopulation(name, threshold, decay * 4096, bias, **flags))
    readout = Readout(2, rule, STEPS)
    model = Model(
        tuple(floats),
        tuple(ModelConnection(s, t, w) for (s, t), w in zip(pairs, codes, strict=True)),
        readout,
    )
    network = Network(
        tuple(integers),
        tuple(
            Connection(s, t, Synapses.from_dense(w)) for (s, t), w in zip(pairs, codes, strict=True)
        ),
        readout,
        state_bits=24,
        event_limit=EventLimit(value=3),
    )
    return model, network


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("order", list(ResetOrder))
@pytest.mark.parametrize("mode", list(ResetMode))
def test_float_dynamics_equal_the_reference(
    mode: ResetMode, order: ResetOrder, strict: bool, rule: ReadoutRule
) -> None:
    model, network = twins(mode, order, strict, rule)
    rasters = np.random.default_rng(3).integers(0, 4, (6, STEPS, 5)).astype(np.uint8)
    with torch.no_grad():
        activity = Dynamics(model)(torch.from_numpy(rasters))
    results = [simulate(network, EventStream.from_raster(r)) for r in rasters]
    assert [r.accumulators.tolist() for r in results] == activity.accumulators.tolist()
    spikes = np.mean([r.spikes.mean(axis=0) for r in results], axis=0)
    assert spikes.any()
    assert np.allclose(spikes, np.concatenate([a.numpy() for a in activity.source_rates[1:]]))
    values = np.concatenate([r.values for r in results if r.values is not None])
    low = np.concatenate([a.numpy() for a in activity.lowest[1:]])
    high = np.concatenate([a.numpy() for a in activity.highest[1:]])
    assert np.array_equal(low, np.minimum(values.min(axis=0), 0))
    assert np.array_equal(high, np.maximum(values.max(axis=0), 0))


def test_gradient_reaches_every_weight_bias_and_decay() -> None:
    model, _ = twins(ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY, False, ReadoutRule.MEMBRANE_SUM)
    dynamics = Dynamics(model, learn_decay=True)
    rasters = torch.ones(2, STEPS, 5)
    dynamics(rasters).accumulators.square().sum().backward()
    for name, parameter in dynamics.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_untrained_model_comes_back_unchanged() -> None:
    model, _ = twins(ResetMode.TO_ZERO, ResetOrder.BEFORE_DECAY, False, ReadoutRule.SPIKE_COUNT)
    back = Dynamics(model).to_model()
    for a, b in zip(model.connections, back.connections, strict=True):
        assert np.array_equal(a.weights, b.weights)
    for p, q in zip(model.populations[1:], back.populations[1:], strict=True):
        assert isinstance(p, ModelPopulation)
        assert isinstance(q, ModelPopulation)
        assert np.array_equal(p.decay, q.decay)
        assert np.array_equal(p.bias, q.bias)


def test_first_spike_cannot_be_trained() -> None:
    model, _ = twins(ResetMode.NONE, ResetOrder.BEFORE_DECAY, False, ReadoutRule.FIRST_SPIKE)
    with pytest.raises(UnsupportedModel, match="must not be FIRST_SPIKE to be trained"):
        Dynamics(model)
