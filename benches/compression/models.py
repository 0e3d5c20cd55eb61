"""The trained models of the bench: made once, then read from a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgesnn.checkpoint import read_checkpoint, write_checkpoint
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recipes import RecipeData, find_recipe
from edgesnn.recipes.recipe import Recipe
from edgesnn.recipes.training import train_recipe
from edgesnn.simulator import Simulator
from edgesnn.train.resume import digest_of_data, digest_of_model
from edgesnn.train.trainer import decisions

#: Calibration samples of each class, as many as Shi et al. 2025 use.
PER_CLASS = 100


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with its data; ``accuracy`` in per cent of the held-out samples."""

    model: Model
    data: RecipeData
    accuracy: float

    def calibration(self, per_class: int = PER_CLASS, seed: int = 0) -> LabelledEvents:
        return self.data.training.per_class(per_class, seed)


@lru_cache(maxsize=2)
def load(recipe: str) -> RecipeData:
    """The data of a recipe; one or two data sets at a time are in memory."""
    return find_recipe(recipe).load()


def trained(folder: Path, recipe: str, seed: int) -> Trained:
    """The model of that recipe and seed, trained now if it is not in ``folder``."""
    described = find_recipe(recipe)
    data = load(recipe)
    path = folder / f"{recipe}-{seed}-{key_of(described, seed, data)[:8]}.model"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        result = train_recipe(described, seed)
        write_checkpoint(result.model, path)
        print(f"trained {path.name} in {result.seconds:.0f} s", flush=True)
    model = read_checkpoint(path)
    return Trained(model, data, percent_right(model, data.held_out))


def key_of(recipe: Recipe, seed: int, data: RecipeData) -> str:
    """What the trained model follows from, but for the code of the trainer."""
    start = recipe.initial_model(seed)
    parts = (start.info, recipe.settings, digest_of_model(start), digest_of_data(data.training))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def percent_right(model: Model, data: LabelledEvents) -> float:
    """Accuracy of a model in floating point."""
    return 100 * float(np.mean(decisions(model, data.events) == data.labels))


def percent_right_in_integers(network: Network, data: LabelledEvents) -> float:
    """Accuracy of the integer simulator, whose bits are those of the board."""
    result = Simulator(network).run_batch(list(data.events.streams()))
    return 100 * float(np.mean(result.decisions == data.labels))
