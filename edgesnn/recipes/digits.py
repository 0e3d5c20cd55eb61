"""Handwritten digits, 8 x 8 pixels of 0..16, that come with scikit-learn: 1,797 real samples.

Source: UCI Machine Learning Repository, Optical Recognition of Handwritten Digits (test part).
"""

from __future__ import annotations

import numpy as np

from edgesnn.encoders import RateEncoder
from edgesnn.errors import ToolNotFound
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import Recipe
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

#: Share of samples that training never sees, and the seed that chooses them.
HELD_OUT = 0.25
SPLIT_SEED = 2026


def load_digits() -> tuple[Samples, Samples]:
    """Training and held-out samples, split by class so that both hold every digit alike.

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
    return Samples(parts[0], parts[2]), Samples(parts[1], parts[3])


DIGITS = Recipe(
    name="digits",
    summary="handwritten digits, 8 x 8 pixels, 10 classes",
    load=load_digits,
    encoder=RateEncoder(
        channels=64, low=0.0, high=16.0, full_scale=16, start=8, steps_per_sample=10
    ),
    labels=tuple("0123456789"),
    hidden_sizes=(128,),
    decay=0.9,
    window_samples=1,
    readout_rule=ReadoutRule.MEMBRANE_SUM,
    settings=TrainingSettings(epochs=60),
)
