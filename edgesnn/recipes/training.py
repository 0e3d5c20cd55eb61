"""Trains a recipe's network on its data; the part of recipes that needs PyTorch."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.recipes.recipe import LoadProgress, Recipe
from edgesnn.samples import accuracy
from edgesnn.train.trainer import Progress, decisions, train


@dataclass(frozen=True, eq=False)
class TrainedRecipe:
    """Result of :func:`train_recipe`; accuracy is a share of the held-out windows."""

    model: Model
    held_out: LabelledEvents
    num_training: int
    accuracy: float
    seconds: float


def train_recipe(
    recipe: Recipe,
    seed: int = 0,
    epochs: int | None = None,
    progress: Progress | None = None,
    *,
    data: Path | None = None,
    threads: int | None = None,
    resume: Path | None = None,
    patience: int | None = None,
    load_progress: LoadProgress | None = None,
) -> TrainedRecipe:
    """Train a recipe's network on its data; held-out windows are only measured on.

    epochs, threads   None: the recipe's
    data              folder with data sets; None: the usual places
    patience          stop after so many epochs without a better validation; None: the recipe's
    load_progress     called while data are made, where that takes long
    resume            file that keeps the state of an interrupted training; it stays after the end

    Raises ``InputError`` if the data are not there, if a recipe without validation data is to stop
    early, or if ``resume`` is of another training.
    """
    began = time.perf_counter()
    training, held_out = recipe.load(data, load_progress)
    settings = replace(
        recipe.settings,
        seed=seed,
        epochs=epochs or recipe.settings.epochs,
        threads=threads or recipe.settings.threads,
        patience=patience or recipe.settings.patience,
    )
    model = train(recipe.initial_model(seed), training, settings, progress=progress, resume=resume)
    right = accuracy(decisions(model, held_out.events, settings.threads), held_out.labels)
    return TrainedRecipe(model, held_out, len(training), right, time.perf_counter() - began)
