"""Spoken digits: a filter bank makes events of 8 kHz sound, a recurrent network listens.

Takes 0-4 of each speaker and digit are held out, as the data set's authors propose; all later
takes train. A window is the first 0.8 s of a recording (97 % are shorter), silence after its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.data import find_data_set
from edgesnn.data.fsdd import SAMPLE_RATE_HZ, SpokenDigit, read_spoken_digits
from edgesnn.encoders import FilterBankEncoder
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import LoadProgress, Recipe, RecipeData
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

FRAME_SAMPLES = 160
NUM_FRAMES = 40
#: Takes below this one are held out.
FIRST_TRAINING_TAKE = 5

ENCODER = FilterBankEncoder(
    channels=FRAME_SAMPLES,
    coefficients=FilterBankEncoder.design(24, 150.0, 3600.0, SAMPLE_RATE_HZ),
    floor=128,
    rate_unit=0,
    threshold=8,
    max_events=8,
)


def frames(spoken: Sequence[SpokenDigit]) -> npt.NDArray[np.float32]:
    """The first frames [recording, frame, sample] of each recording, silence after its end."""
    sound = np.zeros((len(spoken), NUM_FRAMES * FRAME_SAMPLES), np.float32)
    for row, digit in zip(sound, spoken, strict=True):
        count = min(len(row), len(digit.samples))
        row[:count] = digit.samples[:count]
    return sound.reshape(len(spoken), NUM_FRAMES, FRAME_SAMPLES)


@lru_cache(maxsize=1)
def _spoken(path: Path) -> tuple[SpokenDigit, ...]:
    """Unpacking the recordings takes seconds, and both parts of them are asked for."""
    return tuple(read_spoken_digits(path))


def spoken_samples(data: Path | None = None, held_out: bool = True) -> Samples:
    """Held-out (or training) recordings as frames of sound."""
    spoken = [
        digit
        for digit in _spoken(find_data_set("fsdd").find(data))
        if (digit.take < FIRST_TRAINING_TAKE) == held_out
    ]
    return Samples(frames(spoken), np.array([digit.digit for digit in spoken], np.int64))


def load_spoken_digits(
    data: Path | None = None, _progress: LoadProgress | None = None
) -> RecipeData:
    """2,400 training and 300 held-out recordings as events (of the takes 0-44)."""
    training, held_out = (spoken_samples(data, held_out) for held_out in (False, True))
    return RecipeData(training.labelled(ENCODER), held_out.labelled(ENCODER))


FSDD = Recipe(
    name="fsdd",
    summary="spoken digits, 8 kHz sound through a filter bank, recurrent, 10 classes",
    load=load_spoken_digits,
    recordings=spoken_samples,
    encoder=ENCODER,
    labels=tuple("0123456789"),
    hidden_sizes=(192,),
    decays=(0.6, 0.97),
    readout_decay=0.9,
    window_samples=NUM_FRAMES,
    readout_rule=ReadoutRule.MEMBRANE_SUM,
    settings=TrainingSettings(
        epochs=30,
        batch_size=32,
        learning_rate=3e-3,
        learn_decay=True,
        dropout=0.1,
        event_dropout=0.1,
    ),
    recurrent=True,
    input_gain=0.4,
    step_seconds=FRAME_SAMPLES / SAMPLE_RATE_HZ,
)
