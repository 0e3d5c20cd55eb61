"""Digits drawn in the air with a telephone: motion sensors, delta events, a recurrent network.

Four-fold cross-validation: of each digit's recordings in order of time every fourth is held out,
from the ``fold``-th on. One person on one evening, so nothing is said about other people.

300 recordings are few, so the network trains on variants of them as well: begun earlier or later,
drawn faster or slower, with more or less swing, and the telephone held askew.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
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

Values = npt.NDArray[np.float64]

NUM_FOLDS = 4
#: Sensors of three axes each, and the unit of a sample, in the unit of the file.
SENSORS = {"linear_acceleration": 0.4, "gyroscope": 0.2, "gravity": 0.4}
COLUMNS = tuple(f"{sensor}_{axis}" for sensor in SENSORS for axis in "xyz")
#: Readings (about 52 a second) whose mean is one sample, and samples of a window (4.8 s).
READINGS_PER_SAMPLE = 5
NUM_SAMPLES = 50

#: Variants of each training recording, and the seed that makes them.
NUM_VARIANTS = 12
VARIANT_SEED = 7
#: Largest shift in readings; standard deviations of speed and swing (of their logarithms) and of
#: the angle in degrees.
SHIFT, SPEED, SWING, ANGLE = 40.0, 0.2, 0.1, 20.0

ENCODER = DeltaEncoder(channels=len(COLUMNS), resolution=0.125, threshold=4, max_events=15)


@lru_cache(maxsize=1)
def _gestures(path: Path) -> tuple[Gesture, ...]:
    """Reading 400 files takes seconds, and folds are often loaded one after the other."""
    return tuple(read_gestures(path, COLUMNS))


def _chosen(data: Path | None, held_out: bool, fold: int) -> list[Gesture]:
    seen: Counter[int] = Counter()
    chosen = []
    for gesture in _gestures(find_data_set("imu_digits").find(data)):
        if (seen[gesture.digit] % NUM_FOLDS == fold) == held_out:
            chosen.append(gesture)
        seen[gesture.digit] += 1
    return chosen


def _rotation(axis: Values, radians: float) -> Values:
    """Rotation matrix about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(radians) * cross + (1 - np.cos(radians)) * cross @ cross)


def _variant(values: Values, rng: np.random.Generator) -> Values:
    """Readings [reading, channel] as they might have been."""
    count = len(values)
    faster = np.exp(SPEED * rng.standard_normal())
    place = (np.arange(count) - count / 2) * faster + count / 2 + rng.uniform(-SHIFT, SHIFT)
    moved = np.stack([np.interp(place, np.arange(count), column) for column in values.T], axis=1)
    axis = rng.standard_normal(3)
    turn = _rotation(axis / np.linalg.norm(axis), np.deg2rad(ANGLE) * rng.standard_normal())
    swing = np.exp(SWING * rng.standard_normal())
    return np.asarray((moved.reshape(count, -1, 3) @ (swing * turn.T)).reshape(count, -1))


def _window(values: Values) -> Values:
    """Samples [sample, channel]; a recording that is short keeps its last value."""
    needed = NUM_SAMPLES * READINGS_PER_SAMPLE
    values = values[:needed] / np.repeat(list(SENSORS.values()), 3)
    values = np.pad(values, ((0, needed - len(values)), (0, 0)), mode="edge")
    return np.asarray(values.reshape(NUM_SAMPLES, READINGS_PER_SAMPLE, -1).mean(axis=1))


def gesture_samples(
    data: Path | None = None, held_out: bool = True, fold: int = 0, variants: int = 0
) -> Samples:
    """Held-out (or training) recordings of a fold, then so many variants of all of them."""
    gestures = _chosen(data, held_out, fold)
    rng = np.random.default_rng(VARIANT_SEED)
    windows = [_window(gesture.values) for gesture in gestures]
    for _ in range(variants):
        windows += [_window(_variant(gesture.values, rng)) for gesture in gestures]
    labels = np.array([gesture.digit for gesture in gestures], np.int64)
    return Samples(np.stack(windows).astype(np.float32), np.tile(labels, 1 + variants))


def load_gestures(data: Path | None = None, fold: int = 0) -> RecipeData:
    """300 training recordings of a fold with their variants, and 100 held-out ones, as events."""
    training = gesture_samples(data, held_out=False, fold=fold, variants=NUM_VARIANTS)
    held_out = gesture_samples(data, held_out=True, fold=fold)
    return RecipeData(training.labelled(ENCODER), held_out.labelled(ENCODER))


def imu_digits_recipe(fold: int = 0) -> Recipe:
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
        hidden_sizes=(192,),
        decays=(0.6, 0.97),
        readout_decay=0.9,
        window_samples=NUM_SAMPLES,
        readout_rule=ReadoutRule.MEMBRANE_SUM,
        settings=TrainingSettings(
            epochs=10,
            batch_size=32,
            learning_rate=4e-3,
            learn_decay=True,
            dropout=0.2,
            event_dropout=0.2,
            label_smoothing=0.1,
        ),
        recurrent=True,
        input_gain=0.5,
        step_seconds=READINGS_PER_SAMPLE / 52.3,
    )
