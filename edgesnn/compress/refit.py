"""The read-out once more, after all other layers were rounded: it learns to listen to codes.

Rounding changes the spikes that a read-out is told, a little everywhere. A read-out that is fitted
to values takes that into account for the price of one linear solve, and its own rounding is then
judged on the spikes that it will really see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgesnn.compress.layers import weights_of
from edgesnn.compress.prune import PrunedLayer
from edgesnn.compress.quantize import QuantizedLayer, quantized_model
from edgesnn.model import Model, ModelPopulation

#: The model with another read-out, fitted to what its other layers do.
ReadoutFit = Callable[[Model], Model]


def with_fitted_readout(
    model: Model, quantized: Sequence[QuantizedLayer], fit: ReadoutFit
) -> tuple[Model, Model]:
    """``model``, before pruning, with a new read-out; and that with all other layers as codes."""
    readout = model.readout.population
    rest = [q for q in quantized if q.layer.target != readout]
    fitted = fit(quantized_model(model, rest))
    parameters = tuple(
        (fitted if c.target == readout else model).connections[i].parameters
        for i, c in enumerate(model.connections)
    )
    outputs = fitted.populations[readout]
    assert isinstance(outputs, ModelPopulation)
    renewed = model.with_parameters(parameters, {readout: outputs.bias})
    return renewed, quantized_model(renewed, rest)


def under_the_same_mask(model: Model, pruned: PrunedLayer) -> PrunedLayer:
    """The layer with the weights that ``model`` has, where pruning left some."""
    weights = weights_of(model, pruned.layer) * pruned.masks
    return replace(pruned, weights=weights, bias=0 * pruned.bias)
