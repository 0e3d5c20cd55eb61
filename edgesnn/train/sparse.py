"""Training of the weights that are left: what is 0 stays 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgesnn.model import Model
from edgesnn.train.objective import TrainingData
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Epoch, train


def train_sparse(
    model: Model,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    validation: TrainingData | None = None,
    progress: Callable[[Epoch], None] | None = None,
    resume: Path | None = None,
) -> Model:
    """As :func:`edgesnn.train.trainer.train`, for a model that was pruned."""
    masks = [torch.from_numpy(c.parameters != 0) for c in model.connections]

    def masked(weights: list[Tensor]) -> list[Tensor]:
        return [w * m for w, m in zip(weights, masks, strict=True)]

    trained = train(
        model,
        data,
        settings,
        validation=validation,
        transform=masked,
        progress=progress,
        resume=resume,
        sparse=True,
    )
    return trained.with_parameters(
        tuple(
            np.where(m.numpy(), c.parameters, 0)
            for c, m in zip(trained.connections, masks, strict=True)
        )
    )
