"""Jacobians of a spiking population along a run, with a surrogate for the slope of the spike.

The state that is carried from step to step is ``v``, the membrane before reset and decay, of which
the spike is a function: v(t+1) = decay * reset(v(t), s(t)) + W^T s(t) + input. The slope of s is a
triangle as wide as the threshold, which is nonzero for neurons that are near firing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import UnsupportedModel
from edgesnn.model import Model, ModelPopulation
from edgesnn.neuron import ResetMode, ResetOrder

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Linearized:
    """A recurrent population: neurons, and weights [source, target] among themselves."""

    neurons: ModelPopulation
    weights: Values

    @classmethod
    def of(cls, model: Model, index: int) -> Linearized:
        """Population ``index`` of a model, with its connection to itself.

        Raises ``UnsupportedModel`` if it is an input or current-based.
        """
        p = model.populations[index]
        if not isinstance(p, ModelPopulation):
            raise UnsupportedModel(f"{p.name!r} must be neurons, not an input")
        if p.synaptic_decay is not None:
            raise UnsupportedModel(
                f"{p.name!r} must not be current-based: exponents are those of membranes alone"
            )
        weights = np.zeros((p.size, p.size))
        for c in model.connections:
            if c.source == c.target == index:
                weights += c.expand(c.parameters)
        return cls(p, weights)

    def slopes(self, v: npt.ArrayLike) -> Values:
        """Surrogate ds/dv: (1 - |v / threshold - 1|) / threshold, and 0 where that is negative."""
        threshold = self.neurons.threshold.astype(np.float64)
        found: Values = np.maximum(0.0, 1 - np.abs(np.asarray(v) / threshold - 1)) / threshold
        return found if self.neurons.spiking else 0 * found

    def own_terms(self, v: npt.ArrayLike) -> Values:
        """dv(t+1)/dv(t) of each neuron through its own membrane, [..., size]."""
        p = self.neurons
        decay, threshold = p.decay.astype(np.float64), p.threshold.astype(np.float64)
        slope = self.slopes(v)
        if not p.spiking or p.reset_mode is ResetMode.NONE:
            return np.broadcast_to(decay, slope.shape)
        if p.reset_mode is ResetMode.TO_ZERO:
            fired = np.asarray(v) > threshold if p.strict else np.asarray(v) >= threshold
            return decay * (1 - fired - np.asarray(v) * slope)
        off = threshold * slope
        return decay * (1 - off) if p.reset_order is ResetOrder.BEFORE_DECAY else decay - off

    def jacobians(self, v: npt.ArrayLike) -> Iterator[Values]:
        """One [..., size, size] for each time step of ``v`` [..., time_step, size].

        Entry [i, j] is what ``v`` of neuron j does to that of neuron i in the next step.
        """
        for now in np.moveaxis(np.asarray(v, np.float64), -2, 0):
            yield self._matrix(self.own_terms(now), self.slopes(now))

    def mean_jacobian(self, v: npt.ArrayLike) -> Values:
        """The mean [size, size] over all steps of ``v`` [..., size]."""
        size = self.neurons.size
        own = self.own_terms(v).reshape(-1, size).mean(axis=0)
        return self._matrix(own, self.slopes(v).reshape(-1, size).mean(axis=0))

    def _matrix(self, own: Values, slope: Values) -> Values:
        matrix: Values = self.weights.T * slope[..., None, :]
        units = np.arange(self.neurons.size)
        matrix[..., units, units] += own
        return matrix
