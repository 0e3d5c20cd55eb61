"""Trains any module that gives scores of classes: SGD with momentum, cosine schedule, seeded.

For networks that :class:`edgesnn.model.Model` cannot hold, as those with skips and batch norms, and
for twins without spikes. Models are trained by :mod:`edgesnn.train.trainer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgesnn.errors import InputError

#: Inputs that run at a time where nothing is learned.
INPUTS_AT_ONCE = 256


@dataclass(frozen=True)
class ClassifierSettings:
    """How to train.

    epochs          passes over the training data
    batch_size      inputs in one step of the optimizer
    learning_rate   at the start, after it has grown from 0 for a tenth of the steps; a cosine takes
                    it to 0
    momentum        of SGD
    weight_decay    of all parameters
    gradient_norm   longer gradients are shortened to it
    seed            of the order of the inputs
    """

    epochs: int = 5
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    gradient_norm: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1:
            raise ValueError("epochs and batch_size must be at least 1")
        if not (self.learning_rate > 0 and self.gradient_norm > 0):
            raise ValueError("learning_rate and gradient_norm must be above 0")


#: Called after each epoch with (epochs done, mean loss).
Progress = Callable[[int, float], None]


def train_classifier(
    module: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    settings: ClassifierSettings,
    progress: Progress | None = None,
) -> None:
    """Train ``module`` in place; it is left in evaluation mode.

    inputs   [n, ...], of which batches are the only argument of the module
    labels   int64 [n]

    Raises ``InputError`` if there is not a label for each input, or if the loss runs away.
    """
    if not len(inputs) or len(inputs) != len(labels):
        raise InputError(
            f"there must be inputs, and a label for each, not {len(inputs)} and {len(labels)}"
        )
    generator = torch.Generator().manual_seed(settings.seed)
    optimizer = torch.optim.SGD(
        module.parameters(),
        settings.learning_rate,
        settings.momentum,
        weight_decay=settings.weight_decay,
    )
    per_epoch = -(-len(inputs) // settings.batch_size)
    number = 0
    for epoch in range(settings.epochs):
        module.train()
        total = 0.0
        for chosen in torch.randperm(len(inputs), generator=generator).split(settings.batch_size):
            optimizer.param_groups[0]["lr"] = settings.learning_rate * _share(
                number / (per_epoch * settings.epochs)
            )
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(module(inputs[chosen]), labels[chosen])
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), settings.gradient_norm)
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
            number += 1
        mean = total / len(inputs)
        if not math.isfinite(mean):
            raise InputError(
                f"the loss must stay finite, but did not in epoch {epoch + 1}: lower the learning "
                f"rate from {settings.learning_rate:g}"
            )
        if progress is not None:
            progress(epoch + 1, mean)
    module.eval()


def _share(done: float) -> float:
    """Of the learning rate, when this share of all steps is done."""
    return min(10 * done + 0.01, 1.0) * (1 + math.cos(math.pi * done)) / 2


def scores(module: nn.Module, inputs: Tensor) -> Tensor:
    """What the module gives, batch by batch, without gradients: [n, class]."""
    with torch.no_grad():
        return torch.cat([module(part) for part in inputs.split(INPUTS_AT_ONCE)])


def share_right(module: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Share of inputs for which the largest score is the label's."""
    return float((scores(module, inputs).argmax(1) == labels).float().mean())
