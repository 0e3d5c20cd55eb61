"""Gated models: trained, pruned, rounded; measured on the test part of their text."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benches.language.rows import Integers, Point, Row
from edgesnn.cli.lm_make_verbs import PRUNED_EPOCHS, PRUNED_RATE
from edgesnn.language.c_language import CLanguageModel
from edgesnn.language.corpus import Corpus
from edgesnn.language.in_integers import CALIBRATION
from edgesnn.language.integer_evaluation import evaluate_integers
from edgesnn.language.integer_model import EVENT_BITS, IntegerModel
from edgesnn.language.integer_reference import Reader
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.model import LanguageModel
from edgesnn.language.moments import moments
from edgesnn.language.one_shot import prune_one_shot
from edgesnn.language.operations import operations
from edgesnn.language.presets import gated_preset, read_text
from edgesnn.language.pruning import prune_to
from edgesnn.language.quantize import quantize_model
from edgesnn.language.training import LanguageEpoch, LanguageTraining, evaluate, train_language

#: Tokens that the simulator and C read, and the reference where the vocabulary is small.
COMPARED = 10_000
#: Tokens that the reference, which is plain Python, reads of a large vocabulary.
COMPARED_LARGE = 200
SMALL = 1000
#: Of the values that units send, to measure what 8 bits are worth.
FEWER_BITS = 4


@dataclass(frozen=True)
class Task:
    """A model to train and what becomes of it.

    preset     of :mod:`edgesnn.language.presets`
    layers     fields of its layers that are otherwise, and
    training   of its training
    levels     shares of the weights that pruning stops at, one after the other
    one_shot   shares that are taken away at once, from the dense model
    integers   levels (0 is the dense model) that are rounded to 4 bits
    """

    name: str
    preset: str
    kind: str
    seed: int = 0
    layers: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[float, ...] = ()
    one_shot: tuple[float, ...] = ()
    integers: tuple[float, ...] = ()


def measured(task: Task, folder: Path | None, share: float = 1.0) -> list[Row]:
    """All rows of a task.

    folder   where the state of its training is kept, to go on from; None: nowhere
    share    of the text's parts, from their starts
    """
    torch.set_num_threads(1)
    preset = gated_preset(task.preset)
    corpus = shortened(read_text(preset.text, preset.characters), share)
    how = replace(preset.training, seed=task.seed, **task.training)
    settings = replace(preset.settings(task.kind, corpus.vocabulary), **task.layers)
    model = LanguageModel(settings, task.seed)
    began = time.perf_counter()
    resume = None if folder is None else folder / f"{preset.text}-{task.name}-{task.seed}.partial"
    train_language(model, corpus, how, progress=_teller(task), resume=resume)
    work = _Work(task, preset.text, corpus, how.epochs, time.perf_counter() - began)
    rows: list[Row] = [work.point(model, "dense", 0.0)]
    for sparsity in task.one_shot:
        ids = corpus.training[:CALIBRATION]
        rows.append(
            work.point(prune_one_shot(copy.deepcopy(model), ids, sparsity), "one shot", sparsity)
        )
    if 0 in task.integers:
        rows += work.in_integers(model, 0.0)
    for sparsity in task.levels:
        tuning = replace(
            how, epochs=PRUNED_EPOCHS, learning_rate=PRUNED_RATE * how.learning_rate, constant=0.0
        )
        work.prune(model, sparsity, tuning)
        rows.append(work.point(model, "magnitude", sparsity))
        if sparsity in task.integers:
            rows += work.in_integers(model, sparsity)
    return rows


def shortened(corpus: Corpus, share: float) -> Corpus:
    """The beginnings of the parts of a corpus."""
    parts = (corpus.training, corpus.validation, corpus.test)
    cut = [part[: max(round(share * len(part)), 2)] for part in parts]
    return Corpus(corpus.vocabulary, *cut)


def _teller(task: Task) -> Any:
    def tell(epoch: LanguageEpoch) -> None:
        found = epoch.validation
        print(
            f"{task.preset} {task.name} {task.seed}: {epoch.done}/{epoch.total}, "
            f"perplexity {found.perplexity:.2f}, {found.bits:.3f} bits, "
            f"{100 * np.mean(found.activity):.1f} % active, {epoch.tokens_per_second:.0f} tokens/s",
            flush=True,
        )

    return tell


@dataclass
class _Work:
    """What is known of a model while it changes."""

    task: Task
    text: str
    corpus: Corpus
    epochs: int
    seconds: float

    def point(self, model: LanguageModel, method: str, sparsity: float) -> Point:
        found = evaluate(model, self.corpus.test)
        work = operations(model, self.corpus.test)
        row = Point(
            self.text, self.task.name, self.task.seed, method, sparsity, found.loss,
            evaluate(model, self.corpus.validation).loss, list(found.activity), work.per_token,
            float(work.modelled.sum()),
            sum(p.numel() for p in model.parameters()), self.epochs, self.seconds,
        )  # fmt: skip
        print(row, flush=True)
        return row

    def prune(self, model: LanguageModel, sparsity: float, tuning: LanguageTraining) -> None:
        began = time.perf_counter()
        prune_to(model, self.corpus, sparsity, tuning, _teller(self.task))
        self.seconds += time.perf_counter() - began
        self.epochs += tuning.epochs

    def in_integers(self, model: LanguageModel, sparsity: float) -> Iterator[Integers]:
        before = evaluate(model, self.corpus.test, 1).loss
        read = moments(model, self.corpus.training[:CALIBRATION])
        for rounding, integers in (
            ("nearest", quantize_model(model)),
            ("obc", quantize_model(model, read)),
        ):
            for bits in (EVENT_BITS, FEWER_BITS) if rounding == "obc" else (EVENT_BITS,):
                found = evaluate_integers(integers, self.corpus.test, bits)
                compared, mismatches = 0, 0
                if rounding == "obc" and bits == EVENT_BITS:
                    compared, mismatches = compare(integers, self.corpus.test[:COMPARED])
                row = Integers(
                    self.text, self.task.name, sparsity, rounding, bits, before, found.loss,
                    len(self.corpus.test), found.operations, compared, mismatches,
                )  # fmt: skip
                print(row, flush=True)
                yield row


def compare(model: IntegerModel, ids: np.ndarray) -> tuple[int, int]:
    """Tokens that simulator and C read, and numbers that differ, the reference's included."""
    simulator, in_c = IntegerSimulator(model), CLanguageModel(model)
    plain = len(ids) if model.num_tokens < SMALL else min(COMPARED_LARGE, len(ids))
    reference, differing = Reader(model), 0
    for step, token in enumerate(ids):
        one, other = simulator.read([token]), in_c.read([token])
        differing += int((one.scores != other.scores).sum())
        differing += sum(int((a != b).sum()) for a, b in zip(one.h, other.h, strict=True))
        if step < plain:
            differing += int((one.scores[0] != reference.read(int(token))).sum())
            for h, state in zip(one.h, reference.states, strict=True):
                differing += int((h[0] != state.h).sum())
    return len(ids), differing
