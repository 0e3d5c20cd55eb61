"""Imported networks fire as the PyTorch module does; what cannot be taken is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import pytest
import torch
from torch import nn

from edgesnn.errors import UnsupportedModel
from edgesnn.importers.from_torch import from_torch
from edgesnn.model import ConvConnection, Model, ModelConnection, ModelPopulation
from edgesnn.network import ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.neurons import CurrentLif, If, Lif, PerStep, Readout, RecurrentLif, SumPool

STEPS = 9
RULE = ReadoutRule.MEMBRANE_SUM


def exact(module: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """Parameters become small multiples of 1/8, so that sums are exact in any order."""
    rng = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.eps = 0.0
            shape = part.running_mean.shape
            part.running_mean.copy_(torch.randint(-2, 3, shape, generator=rng) / 4)
            part.running_var.copy_(4.0 ** torch.randint(-1, 2, shape, generator=rng))
            part.num_batches_tracked.fill_(1)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "logit" not in name:
                values = torch.randint(-6, 9, parameter.shape, generator=rng) / 8
                parameter.copy_(values)
    return module.eval()


def dense() -> nn.Sequential:
    return nn.Sequential(
        PerStep(nn.Linear(6, 12), nn.BatchNorm1d(12)),
        Lif(decay=[0.5] * 6 + [1.0] * 6, threshold=0.75, reset_mode=ResetMode.TO_ZERO),
        nn.Dropout(0.5),
        nn.Linear(12, 5),
        If(threshold=torch.tensor([0.5, 1.0, 1.5, 2.0, 0.25]), strict=True),
        nn.Linear(5, 3),
        Readout(decay=0.5),
    )


def recurrent() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(6, 8, bias=False),
        CurrentLif(8, decay=0.5, synaptic_decay=0.5, reset_order=ResetOrder.AFTER_DECAY),
        nn.Linear(8, 7),
        RecurrentLif(7, decay=0.5, threshold=2.0),
        nn.Linear(7, 3),
        Readout(),
    )


def images() -> nn.Sequential:
    return nn.Sequential(
        PerStep(nn.Conv2d(2, 3, (3, 2), stride=(1, 2), padding=1, bias=False), nn.BatchNorm2d(3)),
        Lif(decay=torch.tensor([0.5, 1.0, 0.0])[:, None, None]),
        SumPool(2, 1),
        PerStep(nn.Conv2d(3, 4, 2)),
        If(),
        PerStep(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 1 * 1, 3)),
        Readout(decay=0.5),
    )


def sounds() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(
            PerStep(nn.Unflatten(1, (2, 14)), nn.Conv1d(2, 4, 3)), Lif(decay=0.5, learn_decay=False)
        ),
        PerStep(nn.AvgPool1d(2), nn.AvgPool1d(2), nn.Conv1d(4, 3, 2, bias=False)),
        CurrentLif((3, 1), decay=0.5, synaptic_decay=[[0.5], [1.0], [0.0]]),
        PerStep(nn.Flatten(), nn.Linear(6, 2)),
        If(),
    )


NETWORKS: list[tuple[Callable[[], nn.Sequential], tuple[int, ...]]] = [
    (dense, (6,)),
    (recurrent, (6,)),
    (images, (2, 6, 7)),
    (sounds, (28,)),
]


def spikes_of(module: nn.Sequential, x: torch.Tensor) -> list[np.ndarray]:
    """What all neurons give, [batch, time_step, neuron] each."""
    given: list[np.ndarray] = []
    hooks = [
        part.register_forward_hook(lambda _m, _i, out: given.append(out.flatten(2).numpy()))
        for part in module.modules()
        if isinstance(part, Lif | If | CurrentLif | RecurrentLif | Readout)
    ]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    return given


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_model_fires_exactly_as_the_module(
    make: Callable[[], nn.Sequential], shape: tuple[int, ...], seed: int
) -> None:
    module = exact(make(), seed)
    model = from_torch(module, shape, RULE, STEPS, {"labels": ["a", "b"]})
    x = torch.randint(0, 3, (4, STEPS, *shape), generator=torch.Generator().manual_seed(1))
    run = Dynamics(model).record(x.flatten(2))
    expected = spikes_of(module, x.float())
    assert len(expected) == len(model.populations) - 1
    assert sum(bool(e.any()) for e in expected) == len(expected)
    for i, of_module in enumerate(expected, 1):
        p = model.populations[i]
        assert isinstance(p, ModelPopulation)
        found = run.spikes[i] if p.spiking else run.values[i]
        assert np.array_equal(found, of_module)
    assert model.info == {"labels": ["a", "b"]}
    assert (model.readout.rule, model.readout.window_steps) == (RULE, STEPS)


@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_written_out_as_matrices_it_is_the_same(
    make: Callable[[], nn.Sequential], shape: tuple[int, ...]
) -> None:
    model = from_torch(exact(make()), shape, RULE, STEPS)
    unrolled = model.with_weights(tuple(c.weights for c in model.connections))
    x = torch.randint(0, 3, (4, STEPS, prod(shape)), generator=torch.Generator().manual_seed(1))
    one, other = Dynamics(model).record(x), Dynamics(unrolled).record(x)
    for a, b in zip(one.spikes, other.spikes, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(one.accumulators, other.accumulators)


def test_kinds_of_connections_are_those_of_the_modules() -> None:
    model = from_torch(exact(images()), (2, 6, 7), RULE, STEPS)
    first, second, last = model.connections
    assert isinstance(first, ConvConnection)
    assert first.output_shape == (3, 6, 4)
    assert isinstance(second, ConvConnection)
    assert second.pool == (2, 1)
    # A Linear that reads pools is a convolution that covers all of them.
    assert isinstance(last, ConvConnection)
    assert last.output_shape == (3, 1, 1)
    assert all(isinstance(c, ModelConnection) for c in imported(exact(dense())).connections)


def imported(module: nn.Sequential, shape: tuple[int, ...] = (6,)) -> Model:
    return from_torch(module, shape, RULE, STEPS)


def test_module_learns_through_its_spikes() -> None:
    module = nn.Sequential(
        nn.Linear(6, 8),
        Lif(decay=[0.5] * 8, learn_decay=True),
        nn.Linear(8, 8, bias=False),
        CurrentLif(8, 0.9, 0.5, learn_decay=True),
        nn.Linear(8, 7),
        RecurrentLif(7, decay=0.5),
        nn.Linear(7, 3),
        Readout(0.9, learn_decay=True),
    )
    exact(module, seed=1)
    module(torch.ones(2, STEPS, 6)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    with torch.no_grad():
        module[1].decay.logit.fill_(0.0)
    hidden = imported(module).populations[1]
    assert isinstance(hidden, ModelPopulation)
    assert hidden.decay.tolist() == [0.5] * 8


LINEAR, READOUT = nn.Linear(6, 3), Readout()
CONV = (2, 5, 5)


def per_step(*parts: nn.Module) -> tuple[nn.Module, ...]:
    return (PerStep(*parts), Lif(0.5))


@pytest.mark.parametrize(
    ("parts", "shape", "message"),
    [
        ((LINEAR, nn.ReLU()), (6,), r"1 \(ReLU\) is not supported: use the neurons of"),
        ((LINEAR, nn.GELU()), (6,), r"1 \(GELU\) is not supported: leave it out"),
        (per_step(nn.MaxPool2d(2)), CONV, r"0.0 \(MaxPool2d\) is not supported: use AvgPool2d"),
        (per_step(nn.Conv2d(2, 2, 3, groups=2)), CONV, "must have groups=1"),
        (per_step(nn.Conv2d(2, 2, 3, dilation=2)), CONV, "must have dilation=1"),
        (per_step(nn.Conv2d(2, 2, 3, padding_mode="circular")), CONV, "padding_mode='zeros'"),
        (per_step(nn.Conv2d(2, 2, 3, padding="same")), CONV, "padding as numbers, not words"),
        (per_step(nn.Conv2d(3, 2, 3)), CONV, "must have 3 channels of 2 dimension"),
        (per_step(nn.Conv1d(2, 2, 3)), CONV, "must have 2 channels of 1 dimension"),
        (per_step(nn.Conv2d(2, 2, 7)), CONV, "must fit into its padded input"),
        ((nn.Conv2d(2, 2, 3), Lif(0.5)), CONV, "must stand in PerStep: it knows no time"),
        ((LINEAR, nn.BatchNorm1d(3), READOUT), (6,), "must stand in PerStep: it knows no time"),
        ((nn.Flatten(), LINEAR, READOUT), (6,), "must stand in PerStep: it knows no time"),
        ((PerStep(nn.Linear(6, 3), Lif(0.5)),), (6,), "must stand outside of PerStep"),
        ((LINEAR, nn.Linear(3, 3), READOUT), (6,), "two linear maps in a row are one"),
        ((nn.Linear(5, 3), READOUT), (6,), r"one dimension of 5 features before it, not \[6\]"),
        ((LINEAR, READOUT), CONV, "put Flatten before it, or mind the sizes"),
        (per_step(nn.BatchNorm1d(6)), (6,), "must follow Linear or a convolution of 6 outputs"),
        (per_step(LINEAR, nn.BatchNorm1d(3)), (6,), "must have running statistics"),
        (
            per_step(LINEAR, nn.BatchNorm1d(3, track_running_stats=False)),
            (6,),
            "must have running statistics: train it with track_running_stats=True",
        ),
        (per_step(nn.AvgPool2d(2, stride=1)), CONV, "must have pools that do not overlap"),
        (per_step(nn.AvgPool2d(2, ceil_mode=True)), CONV, "must have pools that do not overlap"),
        (per_step(nn.AvgPool2d(6)), CONV, r"not smaller than its pools \[6, 6\]"),
        (per_step(nn.Conv2d(2, 2, 3), nn.AvgPool2d(2)), CONV, "must follow neurons: a pool sums"),
        (per_step(nn.Flatten(0)), CONV, "must flatten all features"),
        (per_step(nn.Unflatten(1, (2, 4))), (6,), "must follow .* flat features"),
        (per_step(LINEAR, nn.Unflatten(1, (1, 3))), (6,), "must follow .* flat features"),
        (per_step(nn.Unflatten(1, (2, 1))), CONV, "must follow .* flat features"),
        ((READOUT,), (6,), "must follow Linear or a convolution"),
        ((LINEAR, CurrentLif(3, 0.5, 0.5)), (6,), "must have no bias and no BatchNorm before it"),
        ((LINEAR, RecurrentLif(4, 0.5)), (6,), "must have size 3, as what arrives"),
        ((LINEAR, Lif([0.5, 0.5])), (6,), r"broadcast to its features \[3\], not \[2\]"),
        ((LINEAR,), (6,), "must end with neurons: add Readout"),
        ((), (6,), "must end with neurons: add Readout"),
        ((LINEAR, READOUT), (0,), "input_shape must be"),
        ((LINEAR, READOUT), (1, 2, 3, 4), "input_shape must be"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(
    parts: tuple[nn.Module, ...], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        imported(nn.Sequential(*parts), shape)


def test_subclass_may_do_anything_and_is_refused() -> None:
    class Doubled(nn.Linear):
        pass

    with pytest.raises(UnsupportedModel, match=r"0 \(Doubled\) is not supported"):
        imported(nn.Sequential(Doubled(6, 3), Readout()))


def test_weights_that_are_not_finite_are_refused() -> None:
    module = exact(dense())
    with torch.no_grad():
        module[3].weight[0, 0] = float("nan")
    with pytest.raises(UnsupportedModel, match="must hold finite numbers"):
        imported(module)
