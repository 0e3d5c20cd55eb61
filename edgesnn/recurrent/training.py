"""Training of a forecaster as a whole, by surrogate gradients, after its read-out was fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edgesnn.event_windows import EventTargets
from edgesnn.model import Model
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.sparse import train_sparse
from edgesnn.train.trainer import Epoch

#: A flat surrogate, small batches, a few events left out: chosen on Lorenz with seed 0, where the
#: error of pruned networks falls by half from the ridge read-out on. A tenth of the training part
#: chooses the epoch.
TRAINING = TrainingSettings(
    epochs=100,
    batch_size=10,
    learning_rate=2e-2,
    learn_decay=True,
    gradient_norm=1.0,
    event_dropout=0.02,
    surrogate_slope=1.2,
    validation=0.1,
)


def train_forecaster(
    model: Model,
    data: EventTargets,
    epochs: int,
    seed: int = 0,
    progress: Callable[[Epoch], None] | None = None,
) -> Model:
    """``model`` with trained weights, biases and decays; what is 0 stays 0.

    data   of the training part. Raises as :func:`edgesnn.train.trainer.train`.
    """
    settings = replace(TRAINING, epochs=epochs, seed=seed)
    return train_sparse(model, data, settings, progress=progress)
