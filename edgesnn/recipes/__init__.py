"""Recipes: data, encoder, network and training settings that belong together, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesnn.errors import InputError
from edgesnn.recipes.digits import DIGITS
from edgesnn.recipes.fsdd import FSDD
from edgesnn.recipes.imu_digits import NUM_FOLDS, imu_digits_recipe
from edgesnn.recipes.mnist_rate import MNIST_RATE
from edgesnn.recipes.recipe import Recipe, RecipeData
from edgesnn.recipes.saccade_mnist import SACCADE_MNIST
from edgesnn.samples import Samples

__all__ = ["RECIPES", "Recipe", "RecipeData", "find_recipe", "recipe_of", "samples_for"]

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        DIGITS,
        MNIST_RATE,
        SACCADE_MNIST,
        FSDD,
        *(imu_digits_recipe(fold) for fold in range(NUM_FOLDS)),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``; raises ``InputError`` that lists what there is."""
    if name not in RECIPES:
        raise InputError(f"a recipe must be one of {', '.join(sorted(RECIPES))}, not {name!r}")
    return RECIPES[name]


def recipe_of(info: Mapping[str, Any]) -> Recipe:
    """The recipe that a model or network comes from; ``InputError`` if it comes from none."""
    name = info.get("recipe")
    if not isinstance(name, str):
        raise InputError("samples must be given (--samples FILE): the network is of no recipe")
    return find_recipe(name)


def samples_for(info: Mapping[str, Any], held_out: bool = True) -> Samples:
    """Samples of the recipe that a model or network comes from, at most 1,000 windows.

    held_out   those that training never saw, else training samples
    Raises ``InputError`` if it comes from no recipe, or if the recipe's data are not there.
    """
    return recipe_of(info).recordings(held_out=held_out)
