"""An optional short training after compression: masks and grids fixed, through the rounding.

Forward the codes act; backward the gradient passes the rounding unchanged (straight-through).
Source: Bengio, Leonard, Courville 2013, "Estimating or Propagating Gradients Through Stochastic
Neurons".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edgesnn.compress.layers import population_of, weights_of, with_weights
from edgesnn.compress.prune import PrunedLayer
from edgesnn.compress.quantize import QuantizedLayer
from edgesnn.model import Model
from edgesnn.train.objective import TrainingData
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Progress, train


def fine_tune(
    model: Model,
    pruned: Sequence[PrunedLayer],
    quantized: Sequence[QuantizedLayer],
    data: TrainingData,
    settings: TrainingSettings,
    progress: Progress | None = None,
) -> list[QuantizedLayer]:
    """Train kept weights and biases; scales stay.

    model   before compression
    data    windows with labels, or with values for the read-out

    It starts from the pruned weights where they round to their code, else from the code's value.
    """
    start = [(_inside(p, q), q.bias) for p, q in zip(pruned, quantized, strict=True)]
    begun = with_weights(model, [q.layer for q in quantized], start)
    places = [
        (q, i, columns)
        for q in quantized
        for i, columns in zip(q.layer.connections, q.layer.columns(), strict=True)
    ]
    # Each connection's parameters are [fan_in, rows]; so are their units and masks.
    units = {i: q.units()[:, columns].T.float() for q, i, columns in places}
    masks = {i: (q.codes != 0)[:, columns].T for q, i, columns in places}
    limits = {i: q.grid.largest_code for q, i, _ in places}

    def rounded(weights: list[Tensor]) -> list[Tensor]:
        acting = []
        for i, w in enumerate(weights):
            present = w * masks[i]
            value = (present / units[i]).round().clamp(-limits[i], limits[i]) * units[i]
            acting.append(present + (value - present).detach())
        return acting

    trained = train(
        begun,
        data,
        settings,
        transform=rounded,
        progress=progress,
        rate_name="fine_tune_rate, --fine-tune-rate",
        sparse=True,
    )
    return [_coded(model, trained, q) for q in quantized]


def _inside(pruned: PrunedLayer, quantized: QuantizedLayer) -> Tensor:
    """Weights that round to the codes: the pruned ones where they do, else the codes' values."""
    units = quantized.units()
    limit = quantized.grid.largest_code
    codes = (pruned.weights / units).round().clamp(-limit, limit)
    return pruned.weights.where(codes == quantized.codes, quantized.weights())


def _coded(model: Model, trained: Model, before: QuantizedLayer) -> QuantizedLayer:
    """The trained weights of one layer on the grid that they were trained through."""
    limit = before.grid.largest_code
    weights = weights_of(trained, before.layer)
    codes = (weights / before.units()).round().clamp(-limit, limit) * (before.codes != 0)
    moved = population_of(trained, before.layer).bias - population_of(model, before.layer).bias
    return replace(before, codes=codes, bias=torch.from_numpy(moved.astype(np.float64)))
