"""MNIST, rate coded: every pixel sends events in proportion to its ink, for ten time steps.

Held out are the 10,000 digits of MNIST's test part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgesnn.data import find_data_set
from edgesnn.data.idx import read_labelled_images
from edgesnn.encoders import RateEncoder
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import LoadProgress, Recipe, RecipeData
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

NUM_STEPS = 10
ENCODER = RateEncoder(
    channels=784, low=0.0, high=255.0, full_scale=255, start=127, steps_per_sample=NUM_STEPS
)
#: Windows that ``recordings`` gives at most.
MAX_RECORDINGS = 1000


def _images(data: Path | None, held_out: bool) -> Samples:
    folder = find_data_set("mnist").find(data)
    images, labels = read_labelled_images(folder, "t10k" if held_out else "train")
    return Samples(images.reshape(len(images), -1).astype(np.float32), labels)


def image_samples(data: Path | None = None, held_out: bool = True) -> Samples:
    """The first pictures of one part, 784 pixels of 0..255."""
    return _images(data, held_out).first(MAX_RECORDINGS)


def load_images(data: Path | None = None, _progress: LoadProgress | None = None) -> RecipeData:
    """60,000 training and 10,000 held-out pictures as events."""
    training, held_out = (_images(data, held_out) for held_out in (False, True))
    return RecipeData(training.labelled(ENCODER), held_out.labelled(ENCODER))


MNIST_RATE = Recipe(
    name="mnist-rate",
    summary="handwritten digits of MNIST, 28 x 28 pixels, rate coded, 10 classes",
    load=load_images,
    recordings=image_samples,
    encoder=ENCODER,
    labels=tuple("0123456789"),
    hidden_sizes=(256,),
    decays=(0.9, 0.9),
    readout_decay=0.9,
    window_samples=1,
    readout_rule=ReadoutRule.MEMBRANE_SUM,
    settings=TrainingSettings(
        epochs=10, learning_rate=2e-3, event_dropout=0.2, dropout=0.1, validation=0.05
    ),
)
