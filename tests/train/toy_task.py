"""A small task on which trainings are tested: which half of eight sources is busier?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.model import Model, ModelPopulation
from edgesnn.recipes import find_recipe
from edgesnn.train.settings import TrainingSettings

SETTINGS = TrainingSettings(epochs=6, batch_size=16, learning_rate=1e-2, seed=1)


def toy() -> tuple[Model, LabelledEvents]:
    """Which half of eight sources is busier?"""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 96).astype(np.int64)
    rates = np.where(np.arange(8)[None, :] // 4 == labels[:, None], 0.6, 0.2)
    rasters = (rng.random((96, 8, 8)) < rates[:, None, :]).astype(np.uint8)
    recipe = find_recipe("digits")
    shape = replace(recipe.encoder, channels=8, steps_per_sample=8)
    small = replace(recipe, encoder=shape, labels=("left", "right"), hidden_sizes=(12,))
    return small.initial_model(seed=5), LabelledEvents(EventWindows.from_rasters(rasters), labels)


def assert_same(one: Model, two: Model) -> None:
    for a, b in zip(one.connections, two.connections, strict=True):
        assert np.array_equal(a.parameters, b.parameters)
    for p, q in zip(one.populations[1:], two.populations[1:], strict=True):
        assert isinstance(p, ModelPopulation)
        assert isinstance(q, ModelPopulation)
        assert np.array_equal(p.bias, q.bias)
        assert np.array_equal(p.decay, q.decay)
