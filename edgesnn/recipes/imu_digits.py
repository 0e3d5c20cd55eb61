"""Digits drawn in the air with a telephone: motion sensors, delta events, a recurrent network.

Four-fold cross-validation: of each digit's recordings in order of time every fourth is held out,
from the ``fold``-th on. One person on one evening, so nothing is said about other people.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.data import find_data_set
from edgesnn.data.imu import Gesture, read_gestures
from edgesnn.encoders import DeltaEncoder
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import Recipe, RecipeData
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

NUM_FOLDS = 4
#: Sensors of three axes each, and the unit of a sample, in the unit of the file.
SENSORS = {"linear_acceleration": 0.4, "gyroscope": 0.2, "gravity": 0.4}
COLUMNS = [f"{sensor}_{axis}" for sensor in SENSORS for axis in "xyz"]
#: Readings (about 52 a second) whose mean is one sample, and samples of a window (4.8 s).
READINGS_PER_SAMPLE = 5
NUM_SAMPLES = 50

ENCODER = DeltaEncoder(channels=len(COLUMNS), resolution=0.125, threshold=8, max_events=8)


def _window(gesture: Gesture) -> npt.NDArray[np.float32]:
    """Samples [sample, channel]; a recording that is short keeps its last value."""
    needed = NUM_SAMPLES * READINGS_PER_SAMPLE
    values = gesture.values[:needed] / np.repeat(list(SENSORS.values()), 3)
    values = np.pad(values, ((0, needed - len(values)), (0, 0)), mode="edge")
    means = values.reshape(NUM_SAMPLES, READINGS_PER_SAMPLE, -1).mean(axis=1)
    samples: npt.NDArray[np.float32] = means.astype(np.float32)
    return samples


def gesture_samples(data: Path | None = None, held_out: bool = True, fold: int = 0) -> Samples:
    """Held-out (or training) recordings of a fold."""
    gestures = read_gestures(find_data_set("imu_digits").find(data), COLUMNS)
    seen: Counter[int] = Counter()
    chosen = []
    for gesture in gestures:
        if (seen[gesture.digit] % NUM_FOLDS == fold) == held_out:
            chosen.append(gesture)
        seen[gesture.digit] += 1
    windows = np.stack([_window(gesture) for gesture in chosen])
    return Samples(windows, np.array([gesture.digit for gesture in chosen], np.int64))


def load_gestures(data: Path | None = None, fold: int = 0) -> RecipeData:
    """300 training and 100 held-out recordings of a fold as events."""
    training, held_out = (gesture_samples(data, held_out, fold) for held_out in (False, True))
    return RecipeData(training.labelled(ENCODER), held_out.labelled(ENCODER))


def imu_digits(fold: int = 0) -> Recipe:
    """The recipe that holds out one fold, 0..3."""
    if fold not in range(NUM_FOLDS):
        raise ValueError(f"fold must be in 0..{NUM_FOLDS - 1}, not {fold}")
    return Recipe(
        name=f"imu-digits-{fold}" if fold else "imu-digits",
        summary=f"digits drawn in the air, motion sensors, recurrent, 10 classes, fold {fold}",
        load=partial(load_gestures, fold=fold),
        recordings=partial(gesture_samples, fold=fold),
        encoder=ENCODER,
        labels=tuple("0123456789"),
        hidden_sizes=(128,),
        decays=(0.6, 0.97),
        readout_decay=0.9,
        window_samples=NUM_SAMPLES,
        readout_rule=ReadoutRule.MEMBRANE_SUM,
        settings=TrainingSettings(
            epochs=80,
            batch_size=16,
            learning_rate=3e-3,
            learn_decay=True,
            dropout=0.1,
            event_dropout=0.1,
        ),
        recurrent=True,
        input_gain=0.6,
        step_seconds=READINGS_PER_SAMPLE / 52.3,
    )
