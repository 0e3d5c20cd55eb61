"""One time step of a population in PyTorch: the neuron of :mod:`edgesnn.neuron`, with gradients.

The order is the one of ``docs/neuron.md``: integrate, add the bias, fire, reset, decay; so what is
trained is what runs. The caller integrates and adds the bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgesnn.neuron import ResetMode, ResetOrder

#: Steepness of the surrogate gradient, per threshold.
SURROGATE_SLOPE = 5.0


class _Spike(torch.autograd.Function):
    """A step forward; the slope of a fast sigmoid backward: 1 / (1 + slope |v / threshold - 1|)^2.

    The gradient is taken relative to the threshold. It is a constant here and is not learned.
    Source: Zenke and Ganguli 2018, SuperSpike, equation for the surrogate partial derivative.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: Tensor, strict: bool, slope: float) -> Tensor:
        ctx.save_for_backward(v, threshold)
        ctx.slope = slope
        return (v > threshold if strict else v >= threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        v, threshold = ctx.saved_tensors
        flatness = (v / threshold).sub_(1).abs_().mul_(ctx.slope).add_(1).square_()
        return gradients[0] / flatness.mul_(threshold), None, None, None


class State(NamedTuple):
    """What neurons remember from step to step: [batch, size] each, or 0 at the start.

    current   of a current-based population, else 0
    """

    membrane: Tensor | float = 0.0
    current: Tensor | float = 0.0


class Outcome(NamedTuple):
    """Result of a time step.

    v        [batch, size] the membrane before reset and decay: what a read-out reads
    spikes   [batch, size] of 0 and 1; None of a population that never fires
    state    for the next step
    """

    v: Tensor
    spikes: Tensor | None
    state: State


@dataclass(frozen=True)
class Lif:
    """Leaky integrate-and-fire neurons of one population.

    threshold, decay   [size]
    synaptic_decay     [size] of a current-based population, else None
    bias               [size], used here only in a current-based population; in others it is part of
                       the drive, so that it can be added for all time steps at once
    slope              steepness of the surrogate gradient
    """

    threshold: Tensor
    decay: Tensor
    synaptic_decay: Tensor | None = None
    bias: Tensor | float = 0.0
    spiking: bool = True
    reset_mode: ResetMode = ResetMode.SUBTRACT
    reset_order: ResetOrder = ResetOrder.BEFORE_DECAY
    strict: bool = False
    slope: float = SURROGATE_SLOPE

    def step(self, drive: Tensor, state: State) -> Outcome:
        """One time step; drive [batch, size] is what arrives in it."""
        if self.synaptic_decay is None:
            v, current = state.membrane + drive, state.current
        else:
            arrived = state.current + drive
            v, current = state.membrane + arrived + self.bias, arrived * self.synaptic_decay
        if not self.spiking:
            return Outcome(v, None, State(v * self.decay, current))
        spikes: Tensor = _Spike.apply(v, self.threshold, self.strict, self.slope)
        return Outcome(v, spikes, State(self._after(v, spikes), current))

    def _after(self, v: Tensor, spikes: Tensor) -> Tensor:
        """The membrane after reset and decay."""
        if self.reset_mode is ResetMode.NONE:
            return v * self.decay
        if self.reset_mode is ResetMode.TO_ZERO:
            return torch.addcmul(v, v, spikes, value=-1) * self.decay
        if self.reset_order is ResetOrder.BEFORE_DECAY:
            return torch.addcmul(v, spikes, self.threshold, value=-1) * self.decay
        return torch.addcmul(v * self.decay, spikes, self.threshold, value=-1)
