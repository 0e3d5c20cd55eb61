"""Recipes: data, encoder, network and training settings that belong together, by name."""

from __future__ import annotations

from edgesnn.errors import InputError
from edgesnn.recipes.digits import DIGITS
from edgesnn.recipes.recipe import Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (DIGITS,)}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``; raises ``InputError`` that lists what there is."""
    if name not in RECIPES:
        raise InputError(f"a recipe must be one of {', '.join(sorted(RECIPES))}, not {name!r}")
    return RECIPES[name]
