"""A trained network in floating point: what trainers give and what the compressor takes.

It has the shape of :mod:`edgesnn.network` and the dynamics of :mod:`edgesnn.neuron`, with real
numbers: decay is a factor 0..1, weights are dense matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.errors import UnsupportedModel
from edgesnn.network import InputPopulation, Readout
from edgesnn.neuron import ResetMode, ResetOrder

Floats = npt.NDArray[np.float32]


def _floats(name: str, values: npt.ArrayLike, dimensions: int) -> Floats:
    array = np.array(values, dtype=np.float32)
    if array.ndim != dimensions:
        raise UnsupportedModel(f"{name} must have {dimensions} dimension(s), not {array.ndim}")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise UnsupportedModel(
            f"{name} must hold finite numbers, but {count} of {array.size} are NaN or infinite"
        )
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class ModelPopulation:
    """Leaky integrate-and-fire neurons in floating point.

    threshold, decay, bias   float32 [size]; threshold > 0 where spiking, decay in 0..1
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

    def __post_init__(self) -> None:
        for name in ("threshold", "decay", "bias"):
            values = _floats(f"{name} of {self.name!r}", getattr(self, name), 1)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "reset_mode", ResetMode(self.reset_mode))
        object.__setattr__(self, "reset_order", ResetOrder(self.reset_order))
        if len({len(self.threshold), len(self.decay), len(self.bias)}) != 1 or not self.size:
            raise UnsupportedModel(
                f"threshold, decay and bias of {self.name!r} must have one length >= 1, not "
                f"{len(self.threshold)}, {len(self.decay)} and {len(self.bias)}"
            )
        if self.decay.min() < 0 or self.decay.max() > 1:
            raise UnsupportedModel(f"decay of {self.name!r} must be in 0..1")
        if self.spiking and self.threshold.min() <= 0:
            raise UnsupportedModel(f"threshold of {self.name!r} must be above 0")

    @property
    def size(self) -> int:
        return len(self.threshold)


@dataclass(frozen=True, eq=False)
class ModelConnection:
    """Weights from population ``source`` to population ``target``.

    weights   float32 [source size, target size]; 0 is no synapse
    """

    source: int
    target: int
    weights: Floats

    def __post_init__(self) -> None:
        name = f"weights {self.source} -> {self.target}"
        object.__setattr__(self, "weights", _floats(name, self.weights, 2))


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
    connections: tuple[ModelConnection, ...]
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
            if c.weights.shape != shape:
                raise UnsupportedModel(
                    f"weights {c.source} -> {c.target} must have shape {shape}, "
                    f"not {c.weights.shape}"
                )
        last = self.readout.population
        if not 0 <= last < len(neurons) or not neurons[last]:
            raise UnsupportedModel("the read-out must be a population of neurons")

    @property
    def num_inputs(self) -> int:
        return sum(p.size for p in self.populations if isinstance(p, InputPopulation))

    @property
    def num_weights(self) -> int:
        """Weights that are not zero."""
        return sum(int(np.count_nonzero(c.weights)) for c in self.connections)

    def with_weights(self, weights: tuple[npt.ArrayLike, ...]) -> Model:
        """The same model with other weights, one matrix for each connection."""
        connections = tuple(
            ModelConnection(c.source, c.target, np.asarray(w, np.float32))
            for c, w in zip(self.connections, weights, strict=True)
        )
        return Model(self.populations, connections, self.readout, self.info)

    def name_of(self, connection: ModelConnection) -> str:
        """``source -> target`` with the names of the populations."""
        source, target = self.populations[connection.source], self.populations[connection.target]
        return f"{source.name} -> {target.name}"
