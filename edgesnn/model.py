"""A trained network in floating point: what trainers give and what the compressor takes.

It has the shape of :mod:`edgesnn.network` and the dynamics of :mod:`edgesnn.neuron`, with real
numbers: decay is a factor 0..1. Connections are dense matrices or convolutions
(:mod:`edgesnn.connections`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.connections import (
    AnyConnection,
    ConvConnection,
    Floats,
    ModelConnection,
    finite_floats,
)
from edgesnn.errors import UnsupportedModel
from edgesnn.network import InputPopulation, Readout
from edgesnn.neuron import ResetMode, ResetOrder

__all__ = ["AnyConnection", "ConvConnection", "Model", "ModelConnection", "ModelPopulation"]


@dataclass(frozen=True, eq=False)
class ModelPopulation:
    """Leaky integrate-and-fire neurons in floating point.

    threshold, decay, bias   float32 [size]; threshold > 0 where spiking, decay in 0..1
    synaptic_decay           float32 [size], 0..1, of a current-based population; else None

    In a current-based population arriving weights add to a current, which adds to the membrane in
    every step and decays of its own: ``current += input``; ``v = membrane + current + bias``; fire,
    reset, decay of the membrane; ``current *= synaptic_decay``.
    Other fields as in :class:`edgesnn.network.LifPopulation`.

    Raises ``UnsupportedModel`` for values that cannot work.
    """

    name: str
    threshold: Floats
    decay: Floats
    bias: Floats
    spiking: bool = True
    reset_mode: ResetMode = ResetMode.SUBTRACT
    reset_order: ResetOrder = ResetOrder.BEFORE_DECAY
    strict: bool = False
    synaptic_decay: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "decay", "bias", "synaptic_decay"):
            if (given := getattr(self, name)) is not None:
                values = finite_floats(f"{name} of {self.name!r}", given, (1,))
                object.__setattr__(self, name, values)
        object.__setattr__(self, "reset_mode", ResetMode(self.reset_mode))
        object.__setattr__(self, "reset_order", ResetOrder(self.reset_order))
        if len({len(self.threshold), len(self.decay), len(self.bias)}) != 1 or not self.size:
            raise UnsupportedModel(
                f"threshold, decay and bias of {self.name!r} must have one length >= 1, not "
                f"{len(self.threshold)}, {len(self.decay)} and {len(self.bias)}"
            )
        if self.synaptic_decay is not None and len(self.synaptic_decay) != self.size:
            raise UnsupportedModel(
                f"synaptic_decay of {self.name!r} must have length {self.size}, "
                f"not {len(self.synaptic_decay)}"
            )
        for name in ("decay", "synaptic_decay"):
            values = getattr(self, name)
            if values is not None and (values.min() < 0 or values.max() > 1):
                raise UnsupportedModel(f"{name} of {self.name!r} must be in 0..1")
        if self.spiking and self.threshold.min() <= 0:
            raise UnsupportedModel(f"threshold of {self.name!r} must be above 0")

    @property
    def size(self) -> int:
        return len(self.threshold)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network.

    populations   inputs first, then neurons
    connections   at most one for each pair of populations
    readout       the population that decides
    info          what travels along: encoder, labels, seconds per step, origin (JSON values)

    Raises ``UnsupportedModel`` if parts do not fit together.
    """

    populations: tuple[InputPopulation | ModelPopulation, ...]
    connections: tuple[AnyConnection, ...]
    readout: Readout
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "connections", tuple(self.connections))
        object.__setattr__(self, "info", dict(self.info))
        neurons = [isinstance(p, ModelPopulation) for p in self.populations]
        if not neurons or neurons[0] or not neurons[-1] or neurons != sorted(neurons):
            raise UnsupportedModel("populations must be one or more inputs, then neurons")
        pairs = [(c.source, c.target) for c in self.connections]
        if len(set(pairs)) != len(pairs):
            raise UnsupportedModel("two populations must have at most one connection each way")
        for c in self.connections:
            inside = 0 <= c.source < len(neurons) and 0 <= c.target < len(neurons)
            if not inside or not neurons[c.target]:
                raise UnsupportedModel(f"connection {c.source} -> {c.target} must end at neurons")
            shape = (self.populations[c.source].size, self.populations[c.target].size)
            if c.shape != shape:
                raise UnsupportedModel(
                    f"weights {c.source} -> {c.target} must have shape {shape}, not {c.shape}"
                )
        last = self.readout.population
        if not 0 <= last < len(neurons) or not neurons[last]:
            raise UnsupportedModel("the read-out must be a population of neurons")

    @property
    def num_inputs(self) -> int:
        return sum(p.size for p in self.populations if isinstance(p, InputPopulation))

    @property
    def num_weights(self) -> int:
        """Synapses: weights that are not zero, each at every place where it acts."""
        return sum(int(np.count_nonzero(c.weights)) for c in self.connections)

    def with_parameters(
        self,
        parameters: tuple[npt.ArrayLike, ...],
        biases: Mapping[int, npt.ArrayLike] | None = None,
    ) -> Model:
        """The same model with other weights, [fan_in, rows] for each connection.

        biases   new ones of some populations, by their index
        """
        connections = tuple(
            c.with_parameters(p) for c, p in zip(self.connections, parameters, strict=True)
        )
        populations = list(self.populations)
        for index, bias in (biases or {}).items():
            p = populations[index]
            if not isinstance(p, ModelPopulation):
                raise UnsupportedModel(f"biases must be of neurons, and {p.name!r} is an input")
            populations[index] = replace(p, bias=np.asarray(bias, np.float32))
        return Model(tuple(populations), connections, self.readout, self.info)

    def with_weights(self, weights: tuple[npt.ArrayLike, ...]) -> Model:
        """The same model with a matrix [source size, target size] for each connection.

        Convolutions become dense; :meth:`with_parameters` keeps them.
        """
        connections = tuple(
            ModelConnection(c.source, c.target, np.asarray(w, np.float32))
            for c, w in zip(self.connections, weights, strict=True)
        )
        return Model(self.populations, connections, self.readout, self.info)

    def name_of(self, connection: AnyConnection) -> str:
        """``source -> target`` with the names of the populations."""
        source, target = self.populations[connection.source], self.populations[connection.target]
        return f"{source.name} -> {target.name}"
