"""Random language models in integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgesnn.language.integer_model import (
    LARGEST_EVENT,
    LARGEST_SUM,
    STATE_ONE,
    IntegerLayer,
    IntegerModel,
    Rows,
)


def random_model(seed: int, sizes: tuple[int, ...], tokens: int, density: float) -> IntegerModel:
    """Weights of all sizes, multipliers that let gates saturate, thresholds of 0 and above."""
    rng = np.random.default_rng(seed)

    def rows(count: int, sources: int) -> Rows:
        weights = rng.integers(-7, 8, (count, sources)) * (rng.random((count, sources)) < density)
        spread = 10.0 ** rng.uniform(2, 5)
        return Rows(
            weights.astype(np.int8),
            rng.integers(0, int(spread), count).astype(np.int32),
            rng.integers(-3000, 3000, count).astype(np.int32),
        )

    layers = []
    for place, size in enumerate(sizes):
        inputs = rows(3 * size, sizes[place - 1]) if place else None
        thresholds = rng.integers(0, STATE_ONE // int(rng.integers(2, 60)), size).astype(np.int16)
        layers.append(IntegerLayer(inputs, rows(3 * size, size), thresholds))
    table = rng.integers(-(1 << 15), 1 << 15, (tokens, 3 * sizes[0])) >> int(rng.integers(0, 4))
    return IntegerModel(table.astype(np.int16), tuple(layers), rows(tokens, sizes[-1]))


def extreme_rows(rows: Rows, rng: np.random.Generator) -> Rows:
    """The same weights; biases of all sizes, and multipliers up to the largest that are allowed."""
    bias = (
        LARGEST_SUM * rng.choice([-1, 1], len(rows.bias)) * rng.random(len(rows.bias)) ** 9
    ).astype(np.int32)
    sums = np.maximum(np.abs(rows.weights.astype(np.int64)).sum(axis=1) * LARGEST_EVENT, 1)
    most = np.minimum((LARGEST_SUM - np.abs(bias.astype(np.int64)) << 16) // sums, (1 << 31) - 1)
    shares = np.where(rng.random(len(most)) < 0.5, 1, rng.random(len(most)) ** 9)
    return Rows(rows.weights, (most * shares).astype(np.int32), bias)


def extreme_model(seed: int, sizes: tuple[int, ...], tokens: int, density: float) -> IntegerModel:
    """A random model whose numbers reach the ends of their ranges."""
    rng = np.random.default_rng(seed)
    model = random_model(seed, sizes, tokens, density)
    ends = rng.random(model.table.shape) < 0.2
    layers = tuple(
        IntegerLayer(
            None if layer.inputs is None else extreme_rows(layer.inputs, rng),
            extreme_rows(layer.recurrent, rng),
            np.where(
                rng.random(layer.num_units) < 0.2,
                rng.choice([0, STATE_ONE], layer.num_units),
                layer.thresholds,
            ).astype(np.int16),
        )
        for layer in model.layers
    )
    return replace(
        model,
        table=np.where(
            ends, rng.choice([-(1 << 15), (1 << 15) - 1], ends.shape), model.table
        ).astype(np.int16),
        layers=layers,
        scores=extreme_rows(model.scores, rng),
    )
