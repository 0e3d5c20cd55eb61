"""Compiled time steps against PyTorch's own, forward and backward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.train.arriving import Dropout
from edgesnn.train.compiled import Pattern
from edgesnn.train.dynamics import Dynamics

#: Few recurrent weights are added one by one, many are a matrix product.
DENSITIES = (0.1, 0.4, 1.0)


def model_of(
    mode: ResetMode,
    order: ResetOrder,
    strict: bool = False,
    seed: int = 0,
    density: float = DENSITIES[0],
) -> Model:
    """Two populations that fire, of which one has a part of its recurrent weights; a read-out."""
    rng = np.random.default_rng(seed)

    def neurons(name: str, size: int, **flags: object) -> ModelPopulation:
        return ModelPopulation(
            name,
            rng.uniform(0.5, 1.5, size).astype(np.float32),
            rng.uniform(0.3, 0.95, size).astype(np.float32),
            rng.normal(0, 0.1, size).astype(np.float32),
            **flags,
        )

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(0, 1 / np.sqrt(shape[0]) + 0.3, shape).astype(np.float32)

    firing = {"reset_mode": mode, "reset_order": order, "strict": strict}
    recurrent = weights(12, 12) * (rng.random((12, 12)) < density)
    assert Pattern.of(recurrent).dense == (density > DENSITIES[0])
    return Model(
        (
            InputPopulation("in", 7),
            neurons("first", 9, **firing),
            neurons("second", 12, **firing),
            neurons("out", 3, spiking=False),
        ),
        (
            ModelConnection(0, 1, weights(7, 9)),
            ModelConnection(1, 2, weights(9, 12)),
            ModelConnection(2, 2, recurrent.astype(np.float32)),
            ModelConnection(2, 3, weights(12, 3)),
        ),
        Readout(3, ReadoutRule.MEMBRANE_SUM, 20),
    )


RASTERS = torch.from_numpy((np.random.default_rng(3).random((4, 20, 7)) < 0.4).astype(np.float32))
MODES = [(m, o, False) for m in ResetMode for o in ResetOrder] + [
    (ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY, True)
]


def gradients(dynamics: Dynamics) -> dict[str, np.ndarray]:
    """Of a loss that every membrane and every spike takes part in, each by its own share."""
    run = dynamics(RASTERS)
    generator = torch.Generator().manual_seed(1)
    parts = [v for v in run.values if v is not None] + run.spikes[1:3]
    loss = sum((p * torch.randn(p.shape, generator=generator)).sum() for p in parts)
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    return {n: p.grad.numpy() for n, p in dynamics.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("mode", "order", "strict"), MODES)
def test_membranes_and_spikes_are_those_of_pytorch(
    mode: ResetMode, order: ResetOrder, strict: bool, density: float
) -> None:
    for seed in range(5):
        model = model_of(mode, order, strict, seed, density)
        one, other = Dynamics(model).record(RASTERS), Dynamics(model, sparse=True).record(RASTERS)
        for i in (1, 2, 3):
            assert torch.equal(one.spikes[i], other.spikes[i])
            assert one.values[i] is not None
            assert torch.allclose(one.values[i], other.values[i], atol=1e-5)
        assert 0.05 < one.spikes[2].mean() < 0.95
        assert torch.allclose(one.accumulators, other.accumulators, atol=1e-4)
        assert torch.allclose(one.mean_spikes(), other.mean_spikes())


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("mode", "order", "strict"), MODES)
def test_gradients_are_those_of_pytorch_for_the_weights_that_are_left(
    mode: ResetMode, order: ResetOrder, strict: bool, density: float
) -> None:
    model = model_of(mode, order, strict, density=density)
    wanted = gradients(Dynamics(model, learn_decay=True))
    found = gradients(Dynamics(model, learn_decay=True, sparse=True))
    assert wanted.keys() == found.keys()
    wanted["weights.2"][model.connections[2].parameters == 0] = 0
    for name, gradient in wanted.items():
        scale = float(np.abs(gradient).max())
        assert found[name] == pytest.approx(gradient, abs=1e-4 * scale), name


def test_windows_of_events_give_the_gradients_of_their_rasters() -> None:
    model = model_of(ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY)
    found = []
    for inputs in (RASTERS, EventWindows.from_rasters(RASTERS.byte().numpy())):
        dynamics = Dynamics(model, sparse=True)
        dynamics(inputs).accumulators.square().sum().backward()
        found.append([p.grad for p in dynamics.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(one.abs().max()))


def test_firing_at_the_threshold_is_told_from_firing_above_it() -> None:
    model = model_of(ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY)
    p = model.populations[1]
    assert isinstance(p, ModelPopulation)
    still = replace(p, threshold=0 * p.bias + 1, bias=0 * p.bias + 1)
    silent = ModelConnection(0, 1, np.zeros((7, 9), np.float32))
    for strict in (False, True):
        populations = (model.populations[0], replace(still, strict=strict), *model.populations[2:])
        changed = Model(populations, (silent, *model.connections[1:]), model.readout)
        spikes = Dynamics(changed, sparse=True).record(RASTERS).spikes[1]
        assert bool(spikes[:, 0].any()) is not strict


def test_populations_that_cannot_be_compiled_run_as_before() -> None:
    model = model_of(ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY)
    p = model.populations[2]
    assert isinstance(p, ModelPopulation)
    current = replace(p, synaptic_decay=np.full(12, 0.5, np.float32))
    mixed = Model(
        (*model.populations[:2], current, model.populations[3]), model.connections, model.readout
    )
    one, other = Dynamics(mixed).record(RASTERS), Dynamics(mixed, sparse=True).record(RASTERS)
    assert torch.allclose(one.accumulators, other.accumulators, atol=1e-4)
    runs = []
    for sparse in (False, True):
        dropout = Dropout(0.0, 0.5, torch.Generator().manual_seed(2))
        runs.append(Dynamics(model, sparse=sparse)(RASTERS, dropout=dropout).accumulators)
    assert torch.allclose(runs[0], runs[1], atol=1e-4)
