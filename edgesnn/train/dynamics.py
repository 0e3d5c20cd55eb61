"""A model in PyTorch: the dynamics of :mod:`edgesnn.neuron` in floating point, with gradients.

The order inside a time step is the one of ``docs/neuron.md``: integrate, add the bias, fire,
reset, decay; so what is trained is what runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgesnn.errors import UnsupportedModel
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder

#: Turns the stored weights of all connections into those that act: masks, rounding.
WeightTransform = Callable[[list[Tensor]], list[Tensor]]

#: Steepness of the surrogate gradient, per threshold.
SURROGATE_SLOPE = 5.0


class _Spike(torch.autograd.Function):
    """A step forward; the slope of a fast sigmoid backward. Its argument is relative to threshold.

    Source: Zenke and Ganguli 2018, SuperSpike, equation for the surrogate partial derivative.
    """

    @staticmethod
    def forward(ctx: Any, excess: Tensor, strict: bool) -> Tensor:
        ctx.save_for_backward(excess)
        return (excess > 0 if strict else excess >= 0).to(excess.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (excess,) = ctx.saved_tensors
        return gradients[0] / (1 + SURROGATE_SLOPE * excess.abs()) ** 2, None


@dataclass(frozen=True)
class Activity:
    """What happened in a run of many windows.

    accumulators   [batch, read-out size]; the largest decides
    source_rates   for each population [size], events per step of each source or neuron
    lowest, highest  for each population [size], extremes of ``v`` (empty for inputs)
    """

    accumulators: Tensor
    source_rates: list[Tensor]
    lowest: list[Tensor]
    highest: list[Tensor]


class Dynamics(nn.Module):
    """Runs and trains a :class:`edgesnn.model.Model`.

    learn_decay   also trains one decay for each neuron

    Raises ``UnsupportedModel`` for the read-out rule FIRST_SPIKE, which has no gradient.
    """

    def __init__(self, model: Model, learn_decay: bool = False) -> None:
        super().__init__()
        if model.readout.rule is ReadoutRule.FIRST_SPIKE:
            raise UnsupportedModel("the read-out rule must not be FIRST_SPIKE to be trained")
        self.model = model
        self.weights = nn.ParameterList(
            nn.Parameter(torch.tensor(c.weights)) for c in model.connections
        )
        neurons = {
            str(i): p for i, p in enumerate(model.populations) if isinstance(p, ModelPopulation)
        }
        self.bias = nn.ParameterDict(
            {i: nn.Parameter(torch.tensor(p.bias)) for i, p in neurons.items()}
        )
        # A logit keeps a learned decay inside 0..1; 0 and 1 themselves are approached.
        self.decay = nn.ParameterDict(
            {
                i: nn.Parameter(
                    torch.logit(torch.tensor(p.decay), eps=1e-6), requires_grad=learn_decay
                )
                for i, p in neurons.items()
            }
        )
        self.learn_decay = learn_decay

    def _decay(self, index: int, population: ModelPopulation) -> Tensor:
        if self.learn_decay:
            return torch.sigmoid(self.decay[str(index)])
        return torch.tensor(population.decay)

    def forward(self, rasters: Tensor, transform: WeightTransform | None = None) -> Activity:
        """Run ``rasters`` [batch, time_step, source], event counts, from reset."""
        model, populations = self.model, self.model.populations
        batch, num_steps, _ = rasters.shape
        weights = list(self.weights)
        if transform is not None:
            weights = transform(weights)
        inputs: dict[int, Tensor] = {}
        first = 0
        for i, p in enumerate(populations):
            if isinstance(p, InputPopulation):
                inputs[i] = rasters[:, :, first : first + p.size].to(torch.float32)
                first += p.size
        membranes = [torch.zeros(batch, p.size) for p in populations]
        fired = [torch.zeros(batch, p.size) for p in populations]
        counts = [torch.zeros(p.size) for p in populations]
        lowest = [torch.zeros(p.size) for p in populations]
        highest = [torch.zeros(p.size) for p in populations]
        accumulators: Tensor | None = None

        for t in range(num_steps):
            for i, p in enumerate(populations):
                if isinstance(p, InputPopulation):
                    fired[i] = inputs[i][:, t]
                else:
                    v = membranes[i] + self.bias[str(i)]
                    for c, w in zip(model.connections, weights, strict=True):
                        if c.target == i:
                            v = v + fired[c.source] @ w
                    membranes[i], fired[i] = self._update(i, p, v)
                    lowest[i] = torch.minimum(lowest[i], v.detach().amin(0))
                    highest[i] = torch.maximum(highest[i], v.detach().amax(0))
                    if i == model.readout.population:
                        accumulators = self._accumulate(accumulators, v, fired[i])
                counts[i] = counts[i] + fired[i].detach().sum(0)
        assert accumulators is not None
        source_rates = [c / (batch * num_steps) for c in counts]
        return Activity(accumulators, source_rates, lowest, highest)

    def _update(self, index: int, p: ModelPopulation, v: Tensor) -> tuple[Tensor, Tensor]:
        """Fire, reset, decay: the membrane that is stored, and the spikes."""
        decay = self._decay(index, p)
        if not p.spiking:
            return v * decay, torch.zeros_like(v)
        threshold = torch.tensor(p.threshold)
        spikes: Tensor = _Spike.apply((v - threshold) / threshold, p.strict)
        if p.reset_mode is ResetMode.TO_ZERO:
            return v * (1 - spikes) * decay, spikes
        if p.reset_mode is ResetMode.NONE:
            return v * decay, spikes
        if p.reset_order is ResetOrder.BEFORE_DECAY:
            return (v - spikes * threshold) * decay, spikes
        return v * decay - spikes * threshold, spikes

    def _accumulate(self, before: Tensor | None, v: Tensor, spikes: Tensor) -> Tensor:
        rule = self.model.readout.rule
        if rule is ReadoutRule.MEMBRANE_LAST:
            return v
        new = spikes if rule is ReadoutRule.SPIKE_COUNT else v
        if before is None:
            return new
        return torch.maximum(before, new) if rule is ReadoutRule.MEMBRANE_MAX else before + new

    def to_model(self) -> Model:
        """The model with the weights, biases and decays as trained."""
        populations = tuple(
            replace(
                p,
                bias=self.bias[str(i)].detach().numpy(),
                decay=self._decay(i, p).detach().numpy(),
            )
            if isinstance(p, ModelPopulation)
            else p
            for i, p in enumerate(self.model.populations)
        )
        connections = tuple(
            ModelConnection(c.source, c.target, w.detach().numpy())
            for c, w in zip(self.model.connections, self.weights, strict=True)
        )
        return Model(populations, connections, self.model.readout, self.model.info)
