"""The training loop: cross entropy over the read-out, Adam, cosine schedule, all seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.train.dynamics import Activity, Dynamics, WeightTransform
from edgesnn.train.settings import TrainingSettings

#: Windows that are dense at a time where nothing is learned.
WINDOWS_AT_ONCE = 256


@dataclass(frozen=True)
class Epoch:
    """What there is to tell after an epoch.

    done, total          epochs
    loss                 mean over the windows of the epoch
    validation_accuracy  share of right decisions on the validation data, None without such
    """

    done: int
    total: int
    loss: float
    validation_accuracy: float | None = None


#: Called after each epoch.
Progress = Callable[[Epoch], None]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """PyTorch with ``count`` threads; as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _dense(events: EventWindows) -> torch.Tensor:
    return torch.from_numpy(events.to_rasters())


def _check(model: Model, data: LabelledEvents) -> None:
    classes = model.populations[model.readout.population].size
    if data.events.num_sources != model.num_inputs:
        raise InputError(
            f"events must come from {model.num_inputs} sources, not {data.events.num_sources}"
        )
    if not len(data) or data.labels.max() >= classes:
        raise InputError(f"there must be windows, with labels in 0..{classes - 1}")


def train(
    model: Model,
    data: LabelledEvents,
    settings: TrainingSettings,
    *,
    validation: LabelledEvents | None = None,
    transform: WeightTransform | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train ``model`` on labelled windows of events.

    validation  measured on after each epoch
    transform   acts on the weights in every forward pass (masks, rounding); the returned model
                holds the weights before it
    Raises ``InputError`` if data do not fit the model.
    """
    for part in (data, validation):
        if part is not None:
            _check(model, part)
    generator = torch.Generator().manual_seed(settings.seed)
    targets = torch.from_numpy(data.labels)
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
                activity = dynamics(_dense(data.events.select(chosen.numpy())), transform)
                scores = activity.accumulators / model.readout.window_steps
                loss = nn.functional.cross_entropy(scores, targets[chosen])
                loss.backward()
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(chosen)
            if progress is not None:
                right = None
                if validation is not None:
                    found = decisions(dynamics.to_model(), validation.events)
                    right = float((found == validation.labels).mean())
                progress(Epoch(epoch + 1, settings.epochs, total / len(data), right))
    return dynamics.to_model()


def activities(model: Model, events: EventWindows) -> Iterator[tuple[int, Activity]]:
    """Runs the model on windows of events, batch by batch: (windows, what happened in them)."""
    dynamics = Dynamics(model)
    for first in range(0, len(events), WINDOWS_AT_ONCE):
        chosen = np.arange(first, min(first + WINDOWS_AT_ONCE, len(events)))
        with _threads(1), torch.no_grad():
            activity = dynamics(_dense(events.select(chosen)))
        yield len(chosen), activity


def decisions(model: Model, events: EventWindows) -> npt.NDArray[np.int64]:
    """What the model in floating point decides for each window; ties go to the lowest index."""
    found = [activity.accumulators.argmax(1).numpy() for _, activity in activities(model, events)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)
