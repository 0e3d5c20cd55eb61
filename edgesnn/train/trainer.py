"""The training loop: cross entropy over the read-out, Adam, cosine schedule, all seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics, WeightTransform
from edgesnn.train.settings import TrainingSettings

#: Called after each epoch with (epochs done, epochs in all, mean loss).
Progress = Callable[[int, int, float], None]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """PyTorch with ``count`` threads; as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(
    model: Model,
    rasters: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    settings: TrainingSettings,
    transform: WeightTransform | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train ``model`` on event counts [window, time_step, source] and their labels.

    transform   acts on the weights in every forward pass (masks, rounding); the returned model
                holds the weights before it
    Raises ``InputError`` if data do not fit the model.
    """
    classes = model.populations[model.readout.population].size
    if rasters.ndim != 3 or rasters.shape[2] != model.num_inputs:
        raise InputError(
            f"rasters must have shape [windows, steps, {model.num_inputs}], not {rasters.shape}"
        )
    if labels.shape != rasters.shape[:1] or labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels must be {len(rasters)} integers in 0..{classes - 1}")
    generator = torch.Generator().manual_seed(settings.seed)
    data, targets = torch.from_numpy(rasters), torch.from_numpy(labels)
    dynamics = Dynamics(model, settings.learn_decay)
    optimizer = torch.optim.AdamW(
        [p for p in dynamics.parameters() if p.requires_grad],
        settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    batches = -(-len(data) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * batches)
    with _threads(settings.threads):
        for epoch in range(settings.epochs):
            order = torch.randperm(len(data), generator=generator)
            total = 0.0
            for chosen in order.split(settings.batch_size):
                optimizer.zero_grad()
                activity = dynamics(data[chosen], transform)
                scores = activity.accumulators / model.readout.window_steps
                loss = nn.functional.cross_entropy(scores, targets[chosen])
                loss.backward()
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(chosen)
            if progress is not None:
                progress(epoch + 1, settings.epochs, total / len(data))
    return dynamics.to_model()


def decisions(model: Model, rasters: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """What the model in floating point decides for each window; ties go to the lowest index."""
    with _threads(1), torch.no_grad():
        return Dynamics(model)(torch.from_numpy(rasters)).accumulators.argmax(1).numpy()
