"""Jacobians of spiking populations next to those that PyTorch finds for the same step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian

from edgesnn.analysis.spiking import Linearized
from edgesnn.errors import UnsupportedModel
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout
from edgesnn.neuron import ResetMode, ResetOrder

SIZE = 6


class Triangle(torch.autograd.Function):
    """A step forward, a triangle of the width of the threshold backward."""

    @staticmethod
    def forward(ctx, v, threshold):
        ctx.save_for_backward(v, threshold)
        return (v >= threshold).to(v.dtype)

    @staticmethod
    def backward(ctx, gradient):
        v, threshold = ctx.saved_tensors
        return gradient * (1 - (v / threshold - 1).abs()).clamp(min=0) / threshold, None


def model(mode=ResetMode.SUBTRACT, order=ResetOrder.BEFORE_DECAY, **changes) -> Model:
    rng = np.random.default_rng(0)
    neurons = ModelPopulation(
        "neurons",
        threshold=rng.uniform(0.5, 2, SIZE).astype(np.float32),
        decay=rng.uniform(0.2, 1, SIZE).astype(np.float32),
        bias=np.zeros(SIZE, np.float32),
        reset_mode=mode,
        reset_order=order,
        **changes,
    )
    return Model(
        (InputPopulation("input", 2), neurons),
        (
            ModelConnection(0, 1, np.ones((2, SIZE), np.float32)),
            ModelConnection(1, 1, rng.normal(size=(SIZE, SIZE)).astype(np.float32)),
        ),
        Readout(1, window_steps=5),
    )


@pytest.mark.parametrize("order", ResetOrder)
@pytest.mark.parametrize("mode", ResetMode)
def test_a_step_has_the_jacobian_that_automatic_differentiation_finds(mode, order) -> None:
    made = model(mode, order)
    p = made.populations[1]
    threshold, decay = (torch.tensor(x, dtype=torch.float64) for x in (p.threshold, p.decay))
    weights = torch.tensor(made.connections[1].weights, dtype=torch.float64)

    def next_v(v):
        spikes = Triangle.apply(v, threshold)
        left = v * decay
        if mode is ResetMode.TO_ZERO:
            left = v * (1 - spikes) * decay
        elif mode is ResetMode.SUBTRACT and order is ResetOrder.BEFORE_DECAY:
            left = (v - threshold * spikes) * decay
        elif mode is ResetMode.SUBTRACT:
            left = v * decay - threshold * spikes
        return left + spikes @ weights

    v = np.random.default_rng(1).normal(1, 0.7, (3, 4, SIZE))  # runs, time steps, neurons
    network = Linearized.of(made, 1)
    found = list(network.jacobians(v))
    assert len(found) == 4
    for step, matrices in enumerate(found):
        for run in range(3):
            expected = jacobian(next_v, torch.tensor(v[run, step]))
            assert matrices[run] == pytest.approx(expected.numpy(), abs=1e-6)
    assert network.mean_jacobian(v) == pytest.approx(np.mean(found, axis=(0, 1)))


def test_neurons_that_never_fire_only_decay() -> None:
    network = Linearized.of(model(spiking=False), 1)
    (found,) = network.jacobians(np.ones((1, SIZE)))
    assert found == pytest.approx(np.diag(network.neurons.decay))


def test_inputs_and_current_based_neurons_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="'input' must be neurons, not an input"):
        Linearized.of(model(), 0)
    with pytest.raises(UnsupportedModel, match="'neurons' must not be current-based"):
        Linearized.of(model(synaptic_decay=np.full(SIZE, 0.5, np.float32)), 1)
