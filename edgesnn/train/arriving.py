"""What arrives at populations during a run: events, spikes, and what dropout leaves of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgesnn.model import AnyConnection, Model, ModelConnection
from edgesnn.network import InputPopulation
from edgesnn.train.convolution import convolve
from edgesnn.train.event_batch import EventBatch

#: Of a population: [batch, size] of each time step, or [batch, time_step, size] of all.
Steps = list[Tensor] | Tensor


@dataclass(frozen=True)
class Dropout:
    """What a training step leaves out at random; the rest counts for more.

    events     share of input events, each of its own
    neurons    share of neurons whose spikes reach nobody for the length of a window
    generator  of the random numbers
    """

    events: float
    neurons: float
    generator: torch.Generator

    def of_inputs(self, inputs: Tensor | EventBatch) -> Tensor | EventBatch:
        """Inputs without a share of their events."""
        if not self.events:
            return inputs
        if isinstance(inputs, EventBatch):
            return inputs.drop(self.events, self.generator)
        return inputs * self._kept(self.events, inputs.shape)

    def of_neurons(self, batch: int, size: int) -> Tensor | None:
        """A factor for each neuron in each window [batch, size], or None for 1."""
        return self._kept(self.neurons, (batch, size)) if self.neurons else None

    def _kept(self, share: float, shape: tuple[int, ...]) -> Tensor:
        return (torch.rand(shape, generator=self.generator) >= share).float() / (1 - share)


def stacked(steps: Steps) -> Tensor:
    """[batch, time_step, size]."""
    return steps if isinstance(steps, Tensor) else torch.stack(steps, 1)


class Arriving:
    """Sums of weights that arrive at populations, during one run."""

    def __init__(
        self,
        model: Model,
        inputs: Tensor | EventBatch,
        weights: list[Tensor],
        dropout: Dropout | None,
    ) -> None:
        self._connections = list(zip(model.connections, weights, strict=True))
        self._sizes = [p.size for p in model.populations]
        self.batch, self.num_steps = inputs.shape[:2]
        self._inputs: dict[int, Tensor | EventBatch] = {}
        self._kept: dict[int, Tensor | None] = {}
        first = 0
        for i, p in enumerate(model.populations):
            if isinstance(p, InputPopulation):
                self._inputs[i] = part_of(inputs, first, p.size)
                first += p.size
            elif dropout is not None:
                self._kept[i] = dropout.of_neurons(self.batch, p.size)
        self._sent: dict[int, Steps] = {}

    def drops(self, index: int) -> bool:
        """Whether spikes of the population reach nobody in some windows."""
        return self._kept.get(index) is not None

    def own_weights(self, index: int) -> Tensor | None:
        """Weights of the population's plain connection to itself."""
        own = [w for c, w in self._connections if c.source == c.target == index]
        return own[0] if own else None

    def send_all(self, source: int, spikes: Tensor) -> None:
        """Take note of the spikes [batch, time_step, size] of all time steps."""
        self._sent[source] = spikes

    def send(self, source: int, spikes: Tensor) -> None:
        """Take note of the spikes [batch, size] of the next time step."""
        kept = self._kept.get(source)
        sent = self._sent.setdefault(source, [])
        assert isinstance(sent, list)
        sent.append(spikes if kept is None else spikes * kept)

    def from_outside(self, target: int, group: range) -> Tensor:
        """All that arrives from outside the group: [batch, time_step, size]."""
        total: Tensor | None = None
        for c, w in self._connections:
            if c.target != target or c.source in group:
                continue
            if c.source in self._inputs:
                arrives = times(c, self._inputs[c.source], w)
            elif c.source in self._sent:
                arrives = times(c, stacked(self._sent[c.source]), w)
            else:
                continue  # it never fires
            total = arrives if total is None else total + arrives
        if total is None:
            return torch.zeros(self.batch, self.num_steps, self._sizes[target])
        return total

    def add_from_inside(self, drive: Tensor, target: int, group: range) -> Tensor:
        """``drive`` [batch, size] and the latest spikes inside the group."""
        for c, w in self._connections:
            if c.target == target and c.source in group and c.source in self._sent:
                drive = drive + times(c, self._sent[c.source][-1], w)
        return drive


def part_of(inputs: Tensor | EventBatch, first: int, size: int) -> Tensor | EventBatch:
    """Only the sources first..first + size - 1."""
    if isinstance(inputs, EventBatch):
        return inputs.part(first, size)
    return inputs[:, :, first : first + size]


def dense(inputs: Tensor | EventBatch) -> Tensor:
    """Counts [batch, time_step, source]."""
    return inputs.dense() if isinstance(inputs, EventBatch) else inputs


def times(c: AnyConnection, sent: Tensor | EventBatch, weights: Tensor) -> Tensor:
    """What arrives through a connection: [..., target size] from [..., source size]."""
    if not isinstance(c, ModelConnection):
        return convolve(c, dense(sent), weights)
    return sent.times(weights) if isinstance(sent, EventBatch) else sent @ weights
