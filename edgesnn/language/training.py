"""Training of language models: windows of a text, one after the other, states handed over.

After each epoch everything is kept in a file, from which an interrupted training goes on exactly:
what is random in an epoch follows from the seed and its number.

Source: Merity, Keskar and Socher 2018 for windows of random length; Mukherji et al. 2024, arXiv
2405.00433, and its published settings.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus, Ids, in_rows
from edgesnn.language.egru import Egru, EgruState
from edgesnn.language.model import LanguageModel, LayerState, detached, read
from edgesnn.language.sampled_loss import sampled_loss
from edgesnn.train.resume import ResumeFile

Values = npt.NDArray[np.float64]
#: Share of windows of whole length; the others have half of it.
_WHOLE = 0.95
_SPREAD, _SHORTEST = 5.0, 5
#: Side by side where nothing is learned.
_ROWS = 10


@dataclass(frozen=True)
class LanguageTraining:
    """How to train.

    epochs           passes over the text
    batch            rows of the text side by side
    window           steps that gradients flow back through, on average
    vary_window      lengths scatter around it, and the learning rate goes with them
    learning_rate    of AdamW, constant for a share ``constant`` of the epochs, then a cosine to 0
    beta             of AdamW, of the mean of gradients
    weight_decay     of all but biases and thresholds
    gradient_norm    longer gradients are shortened to it
    hand_over_h      EGRU's internal state goes from window to window; else only what was sent does,
                     in training: an evaluation hands on all
    train_thresholds of EGRU
    candidates       tokens that a training pass compares the one that came with
                     (:func:`edgesnn.language.sampled_loss.sampled_loss`); 0: all
    seed             of all that is random
    """

    epochs: int = 20
    batch: int = 20
    window: int = 35
    vary_window: bool = True
    learning_rate: float = 2e-3
    constant: float = 0.5
    beta: float = 0.0
    weight_decay: float = 0.1
    gradient_norm: float = 0.25
    hand_over_h: bool = True
    train_thresholds: bool = False
    candidates: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("window", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("learning_rate", "gradient_norm"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")
        if not 0 <= self.constant <= 1:
            raise InputError(f"constant must be in 0..1, not {self.constant}")
        if not 0 <= self.beta < 1:
            raise InputError(f"beta must be in 0..1, below 1, not {self.beta}")
        if self.candidates != 0 and self.candidates < 2:
            raise InputError(f"candidates must be 0 or at least 2, not {self.candidates}")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay must be at least 0, not {self.weight_decay}")


@dataclass(frozen=True)
class Evaluated:
    """Of a text.

    loss       mean negative logarithm of the probability of the next token
    activity   of each layer, share of units that sent something in a step; 1 of GRU and LSTM
    """

    loss: float
    activity: tuple[float, ...]

    @property
    def perplexity(self) -> float:
        return math.exp(min(self.loss, 700.0))

    @property
    def bits(self) -> float:
        """For each token."""
        return self.loss / math.log(2)


@dataclass(frozen=True)
class LanguageEpoch:
    """What there is to tell after an epoch.

    loss               mean over the training text, with all that training leaves out
    gradient_norm      mean, before it is shortened
    tokens_per_second  of training
    best               whether the validation was never better
    """

    done: int
    total: int
    loss: float
    validation: Evaluated
    gradient_norm: float
    tokens_per_second: float
    best: bool


def evaluate(model: LanguageModel, ids: Ids, rows: int = _ROWS) -> Evaluated:
    """How well a model guesses a text, read in ``rows`` parts side by side.

    Raises ``InputError`` if the text is too short for that.
    """
    text = torch.from_numpy(in_rows(ids, rows))
    loss, done, steps = 0.0, 0, len(text) - 1
    sent = np.zeros(len(model.layers))
    for said in read(model, text[:-1]):
        after = text[done + 1 : done + 1 + len(said.scores)]
        loss += float(_loss(said.scores, after)) * len(after)
        sent += [float((y != 0).double().mean()) * len(after) for y in said.sent]
        done += len(after)
    return Evaluated(loss / steps, tuple(float(share) for share in sent / steps))


def losses(scores: Values, after: Ids) -> Values:
    """Of scores float64 [step, token] and the tokens that came [step]: negative logarithms of their
    probabilities [step]."""
    highest = scores.max(axis=1)
    total = highest + np.log(np.exp(scores - highest[:, np.newaxis]).sum(axis=1))
    found: Values = total - scores[np.arange(len(after)), after]
    return found


def _loss(scores: Tensor, after: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores.flatten(0, 1), after.flatten())


def windows(
    length: int, settings: LanguageTraining, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """First step and steps of each window of ``length`` steps."""
    first = 0
    while first < length:
        steps = settings.window
        if settings.vary_window:
            base = settings.window if rng.random() < _WHOLE else settings.window / 2
            steps = max(_SHORTEST, int(rng.normal(base, _SPREAD)))
        yield first, min(steps, length - first)
        first += steps


def train_language(
    model: LanguageModel,
    corpus: Corpus,
    settings: LanguageTraining,
    *,
    masks: Mapping[str, Tensor] | None = None,
    progress: Callable[[LanguageEpoch], None] | None = None,
    resume: Path | None = None,
) -> LanguageModel:
    """The model of the epoch that guessed the validation part best; ``model`` itself is trained.

    masks     of parameters by name, 0 where a weight stays 0
    resume    file that keeps the state after each epoch; the same call goes on from it

    Raises ``InputError`` if the corpus is too short, the vocabulary another one, the file belongs
    to another training, or the loss is no number any more: then the file keeps the last good epoch.
    """
    if len(corpus.vocabulary) != model.settings.vocabulary:
        raise InputError(
            f"the corpus must have the {model.settings.vocabulary} tokens of the model, not "
            f"{len(corpus.vocabulary)}"
        )
    training = _Training(model, corpus, settings, masks or {})
    file = None if resume is None else training.file(resume)
    if file is not None and (state := file.read()) is not None:
        training.load_state(state)
    while training.done < settings.epochs:
        epoch = training.run_epoch()
        if file is not None:
            file.write(training.state())
        if progress is not None:
            progress(epoch)
    model.load_state_dict(training.best)
    return model


class _Training:
    def __init__(
        self,
        model: LanguageModel,
        corpus: Corpus,
        settings: LanguageTraining,
        masks: Mapping[str, Tensor],
    ) -> None:
        self.model, self.corpus, self.settings = model, corpus, settings
        self.text = torch.from_numpy(in_rows(corpus.training, settings.batch))
        if len(self.text) <= settings.window:
            raise InputError(
                f"each of the {settings.batch} rows of the training text must be longer than the "
                f"window, {settings.window} steps, not {len(self.text)} tokens: take fewer rows, a "
                "shorter window or a longer text"
            )
        in_rows(corpus.validation, _ROWS)  # refused now, not after the first epoch
        parameters = dict(model.named_parameters())
        self.masked = [(parameters[name], mask) for name, mask in masks.items()]
        for layer in model.layers:
            if isinstance(layer, Egru):
                layer.thresholds.requires_grad_(settings.train_thresholds)
        plain = ("bias", "bias_ih_l0", "bias_hh_l0", "thresholds")
        used = {n: p for n, p in parameters.items() if p.requires_grad}
        kept = [p for n, p in used.items() if n.endswith(plain)]
        decayed = [p for n, p in used.items() if not n.endswith(plain)]
        groups: list[dict[str, Any]] = [
            {"params": decayed},
            {"params": kept, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups,
            lr=settings.learning_rate,
            betas=(settings.beta, 0.999),
            weight_decay=settings.weight_decay,
        )
        self.done = 0
        self.best: dict[str, Tensor] = copy.deepcopy(model.state_dict())
        self.best_loss = math.inf

    def run_epoch(self) -> LanguageEpoch:
        s = self.settings
        began, rng = time.perf_counter(), np.random.default_rng([s.seed, self.done])
        total = norms = 0.0
        count, length = 0, len(self.text) - 1
        states: list[LayerState] | None = None
        self.model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(1 << 62)))
            for first, steps in windows(length, s, rng):
                rate = self._rate(self.done + first / length)
                for group in self.optimizer.param_groups:
                    group["lr"] = rate * (steps / s.window if s.vary_window else 1.0)
                heard = self.model.hear(self.text[first : first + steps], states)
                loss = self._loss(heard.features, self.text[first + 1 : first + 1 + steps])
                self.optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(self.model.parameters(), s.gradient_norm)
                value = float(loss.detach())
                if not (math.isfinite(value) and math.isfinite(float(norm))):
                    raise InputError(
                        f"loss and gradients must stay finite, but did not in epoch "
                        f"{self.done + 1} of {s.epochs} (loss {value:g}): lower the learning rate "
                        f"from {s.learning_rate:g} (a file of the training keeps the last epoch)"
                    )
                self.optimizer.step()
                with torch.no_grad():
                    for parameter, mask in self.masked:
                        parameter.mul_(mask)
                total, norms, count = total + value * steps, norms + float(norm), count + 1
                states = self._handed_over(heard.states)
        seconds = time.perf_counter() - began
        self.done += 1
        found = evaluate(self.model, self.corpus.validation)
        best = found.loss < self.best_loss
        if best:
            self.best_loss = found.loss
            self.best = copy.deepcopy(self.model.state_dict())
        return LanguageEpoch(
            self.done, s.epochs, total / length, found, norms / count,
            self.text.numel() / seconds, best,
        )  # fmt: skip

    def _loss(self, features: Tensor, after: Tensor) -> Tensor:
        model = self.model
        return sampled_loss(
            features.flatten(0, 1),
            after.flatten(),
            model.embedding,
            model.bias,
            self.settings.candidates or len(model.bias),
        )

    def _rate(self, epoch: float) -> float:
        s = self.settings
        start = s.constant * s.epochs
        if epoch < start:
            return s.learning_rate
        share = (epoch - start) / max(s.epochs - start, 1e-9)
        return s.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def _handed_over(self, states: list[LayerState]) -> list[LayerState]:
        found = detached(states)
        if self.settings.hand_over_h:
            return found
        return [
            EgruState(torch.zeros_like(s.h), s.y) if isinstance(s, EgruState) else s for s in found
        ]

    def file(self, path: Path) -> ResumeFile:
        """Where the state is kept; made before anything is trained."""
        settings = {
            **{f"model's {k}": v for k, v in asdict(self.model.settings).items()},
            **asdict(self.settings),
        }
        parts = (
            ("model at the start", self.model.state_dict().values()),
            ("text", (self.text, torch.from_numpy(self.corpus.validation))),
            ("masks", [mask for _, mask in self.masked]),
        )
        return ResumeFile(path, settings, {name: _digest(tensors) for name, tensors in parts})

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "done": self.done,
            "best": self.best,
            "best_loss": self.best_loss,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.best, self.best_loss = state["done"], state["best"], state["best_loss"]


def _digest(tensors: Iterable[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
