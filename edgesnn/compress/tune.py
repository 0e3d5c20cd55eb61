"""A short training with fixed masks, through 4-bit weights, that repairs what pruning broke.

Forward the rounded weights act; backward the gradient passes the rounding unchanged
(straight-through). Source: Bengio, Leonard, Courville 2013, "Estimating or Propagating
Gradients Through Stochastic Neurons".
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgesnn.compress.prune import Mask, apply_masks
from edgesnn.compress.quantize import quantize
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Progress, train


def tune(
    model: Model,
    masks: tuple[Mask, ...],
    data: LabelledEvents,
    settings: TrainingSettings,
    method: str | None = "nearest",
    progress: Progress | None = None,
) -> Model:
    """Train the weights that stay; the others are 0 in the returned model.

    method   the quantizer through whose rounding it is trained; None trains in floating point
    """
    if method is not None:
        quantize(model, method)  # an unknown method is refused before the work starts
    kept_only = [torch.from_numpy(mask) for mask in masks]

    def transform(stored: list[Tensor]) -> list[Tensor]:
        kept = [w * m for w, m in zip(stored, kept_only, strict=True)]
        if method is None:
            return kept
        present = model.with_weights(tuple(w.detach().numpy() for w in kept))
        rounded = [torch.tensor(q.values(), dtype=torch.float32) for q in quantize(present, method)]
        return [w + (r - w).detach() for w, r in zip(kept, rounded, strict=True)]

    trained = train(
        apply_masks(model, masks), data, settings, transform=transform, progress=progress
    )
    return apply_masks(trained, masks)
