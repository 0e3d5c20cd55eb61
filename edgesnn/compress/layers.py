"""What is compressed as one: the connections into a population, whose weights share its rows.

The rows of a layer read the concatenated sources of its connections, so feed-forward and
recurrent weights of a neuron make up for each other. A convolution is a layer by itself, with a
row for each output channel.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgesnn.errors import UnsupportedModel
from edgesnn.model import Model, ModelPopulation
from edgesnn.number_format import DECAY_ONE

#: Weights [rows, fan_in] and what is added to the bias of each neuron [size], float64.
RowWeights = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Layer:
    """The connections into one population.

    target       index of the population
    connections  indices of its connections, in the order of their columns
    fan_ins      columns of each connection
    rows         target neurons, or output channels
    positions    neurons of each row
    """

    target: int
    connections: tuple[int, ...]
    fan_ins: tuple[int, ...]
    rows: int
    positions: int

    @property
    def fan_in(self) -> int:
        return sum(self.fan_ins)

    def columns(self) -> list[slice]:
        """The columns of each connection."""
        ends = np.cumsum([0, *self.fan_ins]).tolist()
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    def per_row(self, values: np.ndarray) -> Tensor:
        """Parameters of neurons [size], float64 [rows]: their mean over the positions of a row."""
        return torch.from_numpy(np.array(values, np.float64)).reshape(self.rows, -1).mean(dim=1)

    def per_neuron(self, values: Tensor) -> Tensor:
        """The value of each row [rows] for all its neurons [size]."""
        return values.repeat_interleave(self.positions)


def layers_of(model: Model) -> list[Layer]:
    """The layers of ``model`` in the order of their populations.

    Raises ``UnsupportedModel`` if a convolution shares its population with another connection.
    """
    layers = []
    for index, population in enumerate(model.populations):
        incoming = [i for i, c in enumerate(model.connections) if c.target == index]
        if not incoming:
            continue
        found = [model.connections[i] for i in incoming]
        if len(found) > 1 and any(c.num_positions > 1 for c in found):
            raise UnsupportedModel(
                f"a convolution into {population.name!r} must be its only connection: give the "
                "other one a population of its own"
            )
        fan_ins = tuple(len(c.parameters) for c in found)
        rows = found[0].parameters.shape[1]
        layers.append(Layer(index, tuple(incoming), fan_ins, rows, found[0].num_positions))
    return layers


def weights_of(model: Model, layer: Layer) -> Tensor:
    """The weights of a layer, float64 [rows, fan_in]."""
    matrices = [model.connections[i].parameters.T for i in layer.connections]
    return torch.from_numpy(np.concatenate(matrices, axis=1).astype(np.float64))


def population_of(model: Model, layer: Layer) -> ModelPopulation:
    """The population that a layer leads to."""
    population = model.populations[layer.target]
    assert isinstance(population, ModelPopulation)
    return population


def on_hardware_grid(decay: np.ndarray) -> np.ndarray:
    """The decays that the network of integers will apply, float64: multiples of 1/4096."""
    return np.rint(np.asarray(decay, np.float64) * DECAY_ONE) / DECAY_ONE


def with_weights(model: Model, layers: Sequence[Layer], changed: Sequence[RowWeights]) -> Model:
    """``model`` with other weights, and with something added to its biases.

    changed   for each layer weights [rows, fan_in] and what is added to the biases [size]
    """
    parameters = [c.parameters for c in model.connections]
    biases = {}
    for layer, (weights, bias) in zip(layers, changed, strict=True):
        for i, columns in zip(layer.connections, layer.columns(), strict=True):
            parameters[i] = weights[:, columns].T.numpy().astype(np.float32)
        before = population_of(model, layer).bias
        biases[layer.target] = before + bias.numpy().astype(np.float32)
    return model.with_parameters(tuple(parameters), biases)
