"""Handwritten digits, 8 x 8 pixels of 0..16, that come with scikit-learn: 1,797 real samples.

Source: UCI Machine Learning Repository, Optical Recognition of Handwritten Digits (test part).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgesnn.encoders import RateEncoder
from edgesnn.errors import ToolNotFound
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import LoadProgress, Recipe, RecipeData
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

#: Share of samples that training never sees, and the seed that chooses them.
HELD_OUT = 0.25
SPLIT_SEED = 2026

ENCODER = RateEncoder(channels=64, low=0.0, high=16.0, full_scale=16, start=8, steps_per_sample=10)


def digit_samples(data: Path | None = None, held_out: bool = True) -> Samples:  # noqa: ARG001
    """Held-out or training samples, split by class so that both hold every digit alike.

    data   not used: the digits are part of scikit-learn
    Raises ``ToolNotFound`` without scikit-learn.
    """
    try:
        from sklearn import datasets, model_selection  # noqa: PLC0415
    except ImportError:
        raise ToolNotFound(
            "the digits come with scikit-learn: pip install 'edgesnn[demo]'"
        ) from None
    pixels, labels = datasets.load_digits(return_X_y=True)
    parts = model_selection.train_test_split(
        pixels.astype(np.float32),
        labels.astype(np.int64),
        test_size=HELD_OUT,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    return Samples(parts[1], parts[3]) if held_out else Samples(parts[0], parts[2])


def load_digits(data: Path | None = None, _progress: LoadProgress | None = None) -> RecipeData:
    """Training and held-out samples as events."""
    training, held_out = (digit_samples(data, held_out) for held_out in (False, True))
    return RecipeData(training.labelled(ENCODER), held_out.labelled(ENCODER))


DIGITS = Recipe(
    name="digits",
    summary="handwritten digits, 8 x 8 pixels, 10 classes",
    load=load_digits,
    recordings=digit_samples,
    encoder=ENCODER,
    labels=tuple("0123456789"),
    hidden_sizes=(128,),
    decays=(0.9, 0.9),
    readout_decay=0.9,
    window_samples=1,
    readout_rule=ReadoutRule.MEMBRANE_SUM,
    settings=TrainingSettings(epochs=60),
)
