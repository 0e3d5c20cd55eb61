"""Neurons as PyTorch modules, to build and train a network as a plain ``nn.Sequential``.

Every module takes and gives ``[batch, time_step, ...]``. Modules of PyTorch that know no time, as
convolutions, batch norms and pools, go into :class:`PerStep`::

    nn.Sequential(
        PerStep(nn.Conv2d(2, 8, 3, bias=False), nn.BatchNorm2d(8)),
        Lif(decay=0.9),
        PerStep(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(288, 10)),
        Readout(decay=0.95),
    )

:func:`edgesnn.importers.from_torch.from_torch` makes a model of it. The neurons are those of
:mod:`edgesnn.train.lif`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias, TypedDict, Unpack

import torch
from torch import Tensor, nn

from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.train.convolution import sum_pool
from edgesnn.train.lif import SURROGATE_SLOPE, State
from edgesnn.train.lif import Lif as LifNeurons

#: One number for all neurons, or numbers that broadcast to the shape of the features.
PerNeuron: TypeAlias = float | Sequence[float] | Tensor


class PerStep(nn.Sequential):
    """Modules one after the other, on each time step by itself: time is folded into the batch."""

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time_step, ...] to [batch, time_step, ...]."""
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class SumPool(nn.Module):
    """Sums over pools that do not overlap, of the last dimensions; what fills no pool is left out.

    kernel_size   one number for each dimension
    """

    def __init__(self, *kernel_size: int) -> None:
        super().__init__()
        if not kernel_size or min(kernel_size) < 1:
            raise ValueError("kernel_size must be at least 1 in each of one or two dimensions")
        self.kernel_size = kernel_size

    def forward(self, x: Tensor) -> Tensor:
        return sum_pool(x, self.kernel_size)


class _Decay(nn.Module):
    """Decays 0..1, learned as their logits, or fixed."""

    def __init__(self, decay: PerNeuron, learn: bool) -> None:
        super().__init__()
        values = torch.as_tensor(decay, dtype=torch.float32)
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ValueError("a decay must be in 0..1")
        self.learn = learn
        self.values: Tensor
        if learn:
            self.logit = nn.Parameter(torch.logit(values, eps=1e-6))
        else:
            self.register_buffer("values", values)

    def forward(self) -> Tensor:
        return torch.sigmoid(self.logit) if self.learn else self.values


class NeuronSettings(TypedDict, total=False):
    """Settings that all firing neurons take by name.

    reset_mode, reset_order, strict   as in :class:`edgesnn.model.ModelPopulation`
    learn_decay                       train the decays: one for all, or each where each has its own
    slope                             steepness of the surrogate gradient, per threshold
    """

    reset_mode: ResetMode
    reset_order: ResetOrder
    strict: bool
    learn_decay: bool
    slope: float


class Neurons(nn.Module):
    """What all neurons have in common; use one of the classes below."""

    threshold: Tensor

    def __init__(
        self,
        decay: PerNeuron,
        threshold: PerNeuron,
        *,
        spiking: bool = True,
        reset_mode: ResetMode = ResetMode.SUBTRACT,
        reset_order: ResetOrder = ResetOrder.BEFORE_DECAY,
        strict: bool = False,
        learn_decay: bool = False,
        slope: float = SURROGATE_SLOPE,
    ) -> None:
        super().__init__()
        self.decay = _Decay(decay, learn_decay)
        self.register_buffer("threshold", torch.as_tensor(threshold, dtype=torch.float32))
        if not bool((self.threshold > 0).all()):
            raise ValueError("a threshold must be above 0")
        self.spiking = spiking
        self.reset_mode = reset_mode
        self.reset_order = reset_order
        self.strict = strict
        self.slope = slope

    def constants(self) -> LifNeurons:
        """The neurons with their present decays."""
        return LifNeurons(
            self.threshold,
            self.decay(),
            None,
            0.0,
            self.spiking,
            self.reset_mode,
            self.reset_order,
            self.strict,
            self.slope,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Spikes from what arrives, both [batch, time_step, ...]."""
        neurons, state, given = self.constants(), State(), []
        for arriving in x.unbind(1):
            v, spikes, state = neurons.step(arriving, state)
            given.append(v if spikes is None else spikes)
        return torch.stack(given, 1)


class If(Neurons):
    """Integrate and fire, without decay; settings as in :class:`NeuronSettings`."""

    def __init__(self, threshold: PerNeuron = 1.0, **settings: Unpack[NeuronSettings]) -> None:
        super().__init__(1.0, threshold, **settings)


class Lif(Neurons):
    """Leaky integrate-and-fire.

    decay   factor of the membrane in each step, 0..1
    Settings as in :class:`NeuronSettings`.
    """

    def __init__(
        self, decay: PerNeuron, threshold: PerNeuron = 1.0, **settings: Unpack[NeuronSettings]
    ) -> None:
        super().__init__(decay, threshold, **settings)


class CurrentLif(Neurons):
    """Leaky integrate-and-fire with a synaptic current that decays of its own.

    shape            of the features, or one that broadcasts to it: shape of the learned ``bias``,
                     which adds to the membrane. What comes before must have no bias: it would go
                     into the current
    synaptic_decay   factor of the current in each step, 0..1
    Settings as in :class:`NeuronSettings`.
    """

    def __init__(
        self,
        shape: int | Sequence[int],
        decay: PerNeuron,
        synaptic_decay: PerNeuron,
        threshold: PerNeuron = 1.0,
        **settings: Unpack[NeuronSettings],
    ) -> None:
        super().__init__(decay, threshold, **settings)
        self.synaptic_decay = _Decay(synaptic_decay, settings.get("learn_decay", False))
        self.bias = nn.Parameter(torch.zeros(shape))

    def constants(self) -> LifNeurons:
        return replace(super().constants(), synaptic_decay=self.synaptic_decay(), bias=self.bias)


class RecurrentLif(Neurons):
    """Leaky integrate-and-fire neurons that also send to themselves, one step later.

    size    of the population; the weights are ``recurrent``, an ``nn.Linear`` without bias
    decay   factor of the membrane in each step, 0..1
    Settings as in :class:`NeuronSettings`.
    """

    def __init__(
        self,
        size: int,
        decay: PerNeuron,
        threshold: PerNeuron = 1.0,
        **settings: Unpack[NeuronSettings],
    ) -> None:
        super().__init__(decay, threshold, **settings)
        self.recurrent = nn.Linear(size, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes from what arrives, both [batch, time_step, size]."""
        neurons, state = self.constants(), State()
        given: list[Tensor] = []
        for arriving in x.unbind(1):
            drive = arriving + self.recurrent(given[-1]) if given else arriving
            _, spikes, state = neurons.step(drive, state)
            assert spikes is not None
            given.append(spikes)
        return torch.stack(given, 1)


class Readout(Neurons):
    """Neurons that never fire: gives ``v``, on which the read-out rule acts.

    decay         factor of the membrane in each step, 0..1
    learn_decay   train it
    """

    def __init__(self, decay: PerNeuron = 1.0, *, learn_decay: bool = False) -> None:
        super().__init__(decay, 1.0, spiking=False, learn_decay=learn_decay)
