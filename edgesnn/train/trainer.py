"""The training loop: AdamW with a cosine schedule over an objective of the read-out, all seeded."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgesnn.errors import InputError
from edgesnn.event_windows import EventClasses, EventTargets, EventWindows, LabelledEvents
from edgesnn.model import Model
from edgesnn.train.arriving import Dropout
from edgesnn.train.dynamics import Dynamics, Run, WeightTransform
from edgesnn.train.event_batch import EventBatch
from edgesnn.train.objective import TrainingData, loss_of, num_right
from edgesnn.train.resume import ResumeFile, digest_of_data, digest_of_model
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.split import split_validation
from edgesnn.train.threads import torch_threads

#: Windows that run at a time where nothing is learned.
WINDOWS_AT_ONCE = 256

#: Changes event counts [batch, time_step, source], float32, of a training step at random.
Augment = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Epoch:
    """What there is to tell after an epoch.

    done, total          epochs
    loss                 mean over the windows of the epoch
    validation_accuracy  share of right decisions on the validation data, None without such, or
                         where values are learned
    validation_loss      on the validation data, None without such
    best                 whether the validation was never better; True without such
    """

    done: int
    total: int
    loss: float
    validation_accuracy: float | None = None
    best: bool = True
    validation_loss: float | None = None


#: Called after each epoch.
Progress = Callable[[Epoch], None]


def _check(model: Model, data: TrainingData) -> None:
    if data.events.num_sources != model.num_inputs:
        raise InputError(
            f"events must come from {model.num_inputs} sources, not {data.events.num_sources}"
        )
    if not len(data):
        raise InputError("there must be at least one window, not 0: add samples")
    if isinstance(data, LabelledEvents):
        check_labels(model, data)
    elif isinstance(data, EventClasses):
        _check_classes(model, data)
    else:
        _check_targets(model, data)


def _check_classes(model: Model, data: EventClasses) -> None:
    outputs = model.populations[model.readout.population].size
    if (largest := int(data.targets.max(initial=-1))) >= outputs:
        raise InputError(f"classes must be in 0..{outputs - 1}, the model's outputs, not {largest}")
    if (data.targets < 0).all(axis=1).any():
        raise InputError("every window must have a class in one step at least: leave others out")


def _check_targets(model: Model, data: EventTargets) -> None:
    outputs = model.populations[model.readout.population].size
    if data.targets.shape[2] != outputs:
        raise InputError(
            f"targets must be of the {outputs} outputs of the model, not {data.targets.shape[2]}"
        )
    if np.isnan(data.targets).all(axis=(1, 2)).any():
        raise InputError("every window must have a target in one step at least: leave others out")


def check_labels(model: Model, data: LabelledEvents, what: str = "labels") -> None:
    """Raise ``InputError`` for labels that the model has no output for."""
    classes = model.populations[model.readout.population].size
    largest = int(data.labels.max(initial=0))
    if largest >= classes:
        raise InputError(
            f"{what} must be in 0..{classes - 1}, not {largest}; number the classes from 0 as the "
            "model's outputs, or leave these windows out"
        )


def train(
    model: Model,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    validation: TrainingData | None = None,
    transform: WeightTransform | None = None,
    augment: Augment | None = None,
    progress: Progress | None = None,
    resume: Path | None = None,
    rate_name: str = "learning_rate",
    sparse: bool = False,
) -> Model:
    """Train ``model`` on windows of events with labels, or with values for its read-out.

    data        of labels the loss is cross entropy, of values the mean square error of ``v``
                (:mod:`edgesnn.train.objective`)
    validation  chooses the epoch whose weights are returned, so it must not be test data; without
                it ``settings.validation`` of the training data is kept apart for that
    transform   acts on the weights in every forward pass (masks, rounding); the returned model
                holds the weights before it
    augment     changes the event counts of each training step
    resume      file that keeps the state after each epoch: called again with the same arguments,
                an interrupted training goes on and gives the same model, bit for bit. It stays
                after the end
    rate_name   what the caller's user knows the learning rate by
    sparse      what is 0 in a connection of a population to itself need not be trained
                (:class:`edgesnn.train.dynamics.Dynamics`)
    Raises ``InputError`` if data do not fit the model, ``resume`` is of another training, or the
    training diverges.
    """
    for part in (data, validation):
        if part is not None:
            _check(model, part)
    if validation is None and settings.validation:
        data, validation = split_validation(data, settings.validation, settings.seed)
    if validation is None and settings.patience is not None:
        raise InputError("patience must come with validation data, or a share of validation")
    with torch_threads(settings.threads):
        training = _Training(model, data, validation, settings, transform, augment, sparse)
        file = None
        if resume is not None:
            belongs_to = {
                "model at the start": digest_of_model(model),
                "training data": digest_of_data(data),
                "validation data": "" if validation is None else digest_of_data(validation),
            }
            file = ResumeFile(resume, asdict(settings), belongs_to)
            if (state := file.read()) is not None:
                training.load_state(state)
        while not training.finished:
            epoch = training.run_epoch()
            if not (math.isfinite(epoch.loss) and training.is_finite()):
                raise InputError(
                    "loss and weights must stay finite, but did not in epoch "
                    f"{epoch.done} of {epoch.total} (loss {epoch.loss:g}): "
                    f"lower the learning rate ({rate_name}) from {settings.learning_rate:g}"
                )
            if file is not None:
                file.write(training.state())
            if progress is not None:
                progress(epoch)
        return training.result()


class _Training:
    """A training between two epochs."""

    def __init__(
        self,
        model: Model,
        data: TrainingData,
        validation: TrainingData | None,
        settings: TrainingSettings,
        transform: WeightTransform | None,
        augment: Augment | None,
        sparse: bool,
    ) -> None:
        self.model = model
        self.data = data
        self.validation = validation
        self.settings = settings
        self.transform = transform
        self.augment = augment
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.dropout: Dropout | None = None
        if settings.event_dropout or settings.dropout:
            self.dropout = Dropout(settings.event_dropout, settings.dropout, self.generator)
        self.dynamics = Dynamics(model, settings.learn_decay, settings.surrogate_slope, sparse)
        self.rates, self.optimizer = _optimizer(self.dynamics, settings)
        self.done = 0
        self.best: dict[str, Tensor] = {}
        self.best_score = (-1.0, -math.inf)
        self.best_epoch = 0

    @property
    def finished(self) -> bool:
        patience = self.settings.patience
        waited = self.validation is not None and self.done - self.best_epoch
        return self.done >= self.settings.epochs or bool(patience and waited >= patience)

    def run_epoch(self) -> Epoch:
        """Every window once, in random order; then the validation."""
        order = torch.randperm(len(self.data), generator=self.generator)
        batches = order.split(self.settings.batch_size)
        total = 0.0
        for index, chosen in enumerate(batches):
            so_far = (self.done + index / len(batches)) / self.settings.epochs
            for rate, group in zip(self.rates, self.optimizer.param_groups, strict=True):
                group["lr"] = rate * (1 + math.cos(math.pi * so_far)) / 2
            total += self._learn(self.data.select(chosen.numpy())) * len(chosen)
        self.done += 1
        accuracy = loss = None
        if self.validation is not None:
            accuracy, loss = self._score(self.validation)
            # Of epochs that are right equally often the surer one is better.
            score = (accuracy or 0.0, -loss)
            if score > self.best_score:
                self.best_score, self.best_epoch = score, self.done
                self.best = copy.deepcopy(self.dynamics.state_dict())
        best = self.validation is None or self.best_epoch == self.done
        mean = total / len(self.data)
        return Epoch(self.done, self.settings.epochs, mean, accuracy, best, loss)

    def is_finite(self) -> bool:
        """Whether every trained number is one."""
        return all(bool(p.isfinite().all()) for p in self.dynamics.parameters())

    def _learn(self, batch: TrainingData) -> float:
        """One step of the optimizer; returns the loss."""
        inputs: Tensor | EventWindows = batch.events
        if self.augment is not None:
            inputs = self.augment(EventBatch(batch.events).dense(), self.generator)
        self.optimizer.zero_grad()
        run = self.dynamics(inputs, self.transform, self.dropout)
        loss = loss_of(run, self.model.readout, batch, self.settings.label_smoothing)
        if self.settings.activity_weight:
            loss = loss + self.settings.activity_weight * run.mean_spikes()
        loss.backward()
        if self.settings.gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.dynamics.parameters(), self.settings.gradient_norm)
        self.optimizer.step()
        return float(loss.detach())

    def _score(self, data: TrainingData) -> tuple[float | None, float]:
        """Share of right decisions, if data have labels, and mean loss."""
        right = total = 0.0
        for first, run in _runs(self.dynamics, data.events, self.transform):
            part = data.select(np.arange(first, first + len(run.accumulators)))
            if isinstance(part, LabelledEvents):
                right += num_right(run, part)
            loss = loss_of(run, self.model.readout, part, self.settings.label_smoothing)
            total += float(loss) * len(part)
        labelled = isinstance(data, LabelledEvents)
        return right / len(data) if labelled else None, total / len(data)

    def state(self) -> dict[str, Any]:
        """All that changes from epoch to epoch."""
        return {
            "done": self.done,
            "dynamics": self.dynamics.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "best": self.best,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.done = state["done"]
        self.dynamics.load_state_dict(state["dynamics"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.best = state["best"]
        self.best_score = tuple(state["best_score"])
        self.best_epoch = state["best_epoch"]

    def result(self) -> Model:
        """The model of the best epoch, or of the last one where nothing was validated."""
        if self.best:
            self.dynamics.load_state_dict(self.best)
        return self.dynamics.to_model()


def _optimizer(
    dynamics: Dynamics, settings: TrainingSettings
) -> tuple[list[float], torch.optim.Optimizer]:
    """AdamW, and the learning rate of each of its groups: weights, biases, decays."""
    decay_rate = settings.decay_learning_rate or settings.learning_rate
    groups = [
        (dynamics.weights, settings.learning_rate, settings.weight_decay),
        (dynamics.bias, settings.learning_rate, 0.0),
        (dynamics.decay_logits, decay_rate, 0.0),
    ]
    used = [(list(part.parameters()), rate, decay) for part, rate, decay in groups]
    used = [group for group in used if group[0]]
    return [rate for _, rate, _ in used], torch.optim.AdamW(
        [{"params": part, "lr": rate, "weight_decay": decay} for part, rate, decay in used],
        fused=True,
    )


def _runs(
    dynamics: Dynamics, events: EventWindows, transform: WeightTransform | None = None
) -> Iterator[tuple[int, Run]]:
    """Runs without gradients, batch by batch: (index of the first window, what happened)."""
    for first in range(0, len(events), WINDOWS_AT_ONCE):
        chosen = np.arange(first, min(first + WINDOWS_AT_ONCE, len(events)))
        yield first, dynamics.record(events.select(chosen), transform)


def decisions(model: Model, events: EventWindows, threads: int = 1) -> npt.NDArray[np.int64]:
    """What the model in floating point decides for each window; ties go to the lowest index."""
    with torch_threads(threads):
        found = [run.accumulators.argmax(1).numpy() for _, run in _runs(Dynamics(model), events)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)
