"""Training runs the same neuron as the reference: compared on integers that floats hold exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError, UnsupportedModel
from edgesnn.event_windows import EventWindows
from edgesnn.events import EventStream
from edgesnn.model import ConvConnection, Model, ModelConnection, ModelPopulation
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
from edgesnn.train import dynamics
from edgesnn.train.arriving import Dropout
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
    run = Dynamics(model).record(torch.from_numpy(rasters))
    results = [simulate(network, EventStream.from_raster(r)) for r in rasters]
    assert [r.accumulators.tolist() for r in results] == run.accumulators.tolist()
    spikes = torch.cat(run.spikes[1:], dim=2)
    assert spikes.any()
    assert np.array_equal(spikes, np.stack([r.spikes for r in results]))
    values = torch.cat([v for v in run.values if v is not None], dim=2)
    assert np.array_equal(values, np.stack([r.values for r in results]))
    assert run.values[0] is None
    assert np.array_equal(run.spikes[0], rasters)


def step_by_step(model: Model, rasters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and ``v`` of all neurons [window, step, neuron], from the words of the documents.

    One neuron population after the other, one step after the other, with matrices only; so it knows
    nothing of groups, events or convolutions.
    """
    neurons = [p for p in model.populations if isinstance(p, ModelPopulation)]
    offset = len(model.populations) - len(neurons)
    spikes = [np.zeros((len(rasters), p.size)) for p in model.populations]
    membrane = {p.name: np.zeros(p.size) for p in neurons}
    current = {p.name: np.zeros(p.size) for p in neurons}
    recorded = []
    for t in range(rasters.shape[1]):
        values = []
        first = 0
        for i, p in enumerate(model.populations):
            if isinstance(p, InputPopulation):
                spikes[i] = rasters[:, t, first : first + p.size].astype(float)
                first += p.size
                continue
            arrived = sum(spikes[c.source] @ c.weights for c in model.connections if c.target == i)
            if p.synaptic_decay is not None:
                current[p.name] = current[p.name] + arrived
                arrived = current[p.name]
                current[p.name] = current[p.name] * p.synaptic_decay
            v = membrane[p.name] + arrived + p.bias
            spikes[i] = ((v >= p.threshold) & p.spiking).astype(float)
            membrane[p.name] = (v - spikes[i] * p.threshold) * p.decay
            values.append(v)
        recorded.append((np.concatenate(spikes[offset:], 1), np.concatenate(values, 1)))
    return tuple(np.stack(list(of), 1) for of in zip(*recorded, strict=True))


def mixed(seed: int = 0) -> Model:
    """Two inputs, a convolution, a current-based loop of two populations, a read-out.

    All numbers are small multiples of 1/4, and decays 1 or 1/2, so that sums are exact.
    """
    rng = np.random.default_rng(seed)

    def quarters(*shape: int) -> np.ndarray:
        return rng.integers(-6, 9, shape) / 4

    def neurons(name: str, size: int, **settings: object) -> ModelPopulation:
        decay = rng.choice([0.0, 0.5, 1.0], size)
        return ModelPopulation(name, rng.integers(1, 5, size), decay, quarters(size), **settings)

    return Model(
        (
            InputPopulation("camera", 2 * 4 * 4),
            InputPopulation("sensor", 3),
            neurons("conv", 3 * 2 * 2),
            neurons("a", 4, synaptic_decay=np.array([0.0, 0.5, 1.0, 0.5])),
            neurons("b", 5),
            neurons("out", 2, spiking=False),
        ),
        (
            ConvConnection(0, 2, quarters(3, 2, 1, 1), (2, 4, 4), pool=(2, 2)),
            ModelConnection(1, 3, quarters(3, 4)),
            ModelConnection(2, 3, quarters(12, 4)),
            ModelConnection(3, 4, quarters(4, 5)),
            ModelConnection(4, 3, quarters(5, 4)),
            ModelConnection(4, 4, quarters(5, 5)),
            ModelConnection(4, 5, quarters(5, 2)),
            ModelConnection(0, 5, quarters(32, 2)),
        ),
        Readout(5, ReadoutRule.MEMBRANE_SUM, 8),
    )


@pytest.mark.parametrize("as_events", [False, True])
def test_every_kind_of_part_equals_a_step_by_step_calculation(as_events: bool) -> None:
    model = mixed()
    rasters = np.random.default_rng(3).integers(0, 3, (5, 8, 35)).astype(np.uint8)
    inputs = EventWindows.from_rasters(rasters) if as_events else torch.from_numpy(rasters)
    run = Dynamics(model).record(inputs)
    spikes, values = step_by_step(model, rasters)
    assert spikes[:, :, :21].mean((0, 1)).astype(bool).sum() >= 9
    assert np.array_equal(torch.cat(run.spikes[2:], 2), spikes)
    assert np.array_equal(torch.cat([v for v in run.values if v is not None], 2), values)
    assert np.array_equal(torch.cat(run.spikes[:2], 2), rasters)
    dense = model.with_weights(tuple(c.weights for c in model.connections))
    assert torch.equal(Dynamics(dense).record(inputs).accumulators, run.accumulators)


def test_populations_in_a_loop_run_together() -> None:
    assert dynamics._groups(mixed()) == [range(2, 3), range(3, 5), range(5, 6)]
    looped, _ = twins(ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY, False, RULES[0])
    assert dynamics._groups(looped) == [range(1, 3)]


@pytest.mark.parametrize("as_events", [False, True])
def test_gradient_of_events_is_that_of_counts(as_events: bool) -> None:
    """Compared with numeric differences where nothing fires, and so everything is smooth."""
    model = mixed()
    silent = [
        replace(p, threshold=np.full(p.size, 1e6)) if isinstance(p, ModelPopulation) else p
        for p in model.populations
    ]
    model = replace(model, populations=tuple(silent))
    rasters = np.random.default_rng(3).integers(0, 3, (3, 8, 35)).astype(np.uint8)
    inputs = EventWindows.from_rasters(rasters) if as_events else torch.from_numpy(rasters)
    trained = Dynamics(model)
    factor = torch.tensor([1.0, -2.0])
    (trained(inputs).accumulators * factor).sum().backward()
    into_out = trained.weights[-1].grad
    assert into_out is not None
    # A weight in step t acts on the sum of v for all the steps that its decay leaves over.
    decay = torch.tensor(model.populations[-1].decay, dtype=torch.float64)
    left = torch.stack([sum((decay**n for n in range(8 - t)), 0 * decay) for t in range(8)])
    counts = torch.from_numpy(rasters[:, :, :32]).double()
    expected = torch.einsum("bts,to->so", counts, left) * factor
    assert torch.allclose(into_out.double(), expected)


def test_gradient_reaches_every_weight_bias_and_decay() -> None:
    model = mixed()
    trained = Dynamics(model, learn_decay=True)
    events = EventWindows.from_rasters(np.ones((2, STEPS, 35), int))
    trained(events).accumulators.square().sum().backward()
    names = {name for name, _ in trained.named_parameters()}
    assert "decay_logits.current 3" in names
    for name, parameter in trained.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_dropout_silences_neurons_for_a_whole_window() -> None:
    model = mixed()
    dropout = Dropout(0.0, 0.5, torch.Generator().manual_seed(1))
    factors = dropout.of_neurons(100, 20)
    assert factors is not None
    assert set(factors.unique().tolist()) == {0.0, 2.0}
    rasters = torch.from_numpy(np.random.default_rng(3).integers(0, 3, (5, 8, 35)))
    run = Dynamics(model)(rasters, dropout=dropout)
    assert not torch.equal(run.accumulators, Dynamics(model)(rasters).accumulators)


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


def test_events_of_other_sources_are_refused() -> None:
    counts = np.ones((2, 3, 34), np.uint8)
    for inputs in (EventWindows.from_rasters(counts), torch.from_numpy(counts)):
        with pytest.raises(InputError, match="events must come from 35 sources, not 34"):
            Dynamics(mixed()).record(inputs)


def test_neurons_that_never_fire_send_nothing() -> None:
    model = mixed()
    silent = replace(model.populations[2], spiking=False)
    changed = replace(model, populations=(*model.populations[:2], silent, *model.populations[3:]))
    rasters = np.random.default_rng(3).integers(0, 3, (5, 8, 35)).astype(np.uint8)
    run = Dynamics(changed).record(torch.from_numpy(rasters))
    spikes, values = step_by_step(changed, rasters)
    assert not run.spikes[2].any()
    assert np.array_equal(torch.cat(run.spikes[2:], 2), spikes)
    assert np.array_equal(torch.cat([v for v in run.values if v is not None], 2), values)


def test_events_given_as_counts_are_dropped_too() -> None:
    counts = torch.ones(40, 50, 35)
    dropped = Dropout(0.2, 0.0, torch.Generator().manual_seed(0)).of_inputs(counts)
    assert isinstance(dropped, torch.Tensor)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert dropped.mean() == pytest.approx(1.0, abs=0.01)
    trained = Dynamics(mixed())
    dropout = Dropout(0.2, 0.0, torch.Generator().manual_seed(0))
    assert trained(counts, dropout=dropout).accumulators.shape == (40, 2)
