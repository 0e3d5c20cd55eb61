"""Digits drawn in the air with a telephone: motion sensors, delta events, a recurrent network.

Four-fold cross-validation: of each digit's recordings in order of time every fourth is held out,
from the ``fold``-th on. One person on one evening, so nothing is said about other people.

300 recordings are few, so the network trains on variants of them as well: begun earlier or later,
drawn faster or slower, with more or less swing, and the telephone held askew.

What a recording of one fold trains, another fold holds out. So what was tried out on data was
tried out for each fold on its own training part, and each fold has a choice of its own:
``make results-gestures`` repeats the search among :data:`CANDIDATES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.data import find_data_set
from edgesnn.data.imu import Gesture, read_gestures
from edgesnn.encoders import DeltaEncoder
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import LoadProgress, Recipe, RecipeData
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

Values = npt.NDArray[np.float64]

NUM_FOLDS = 4
#: Sensors of three axes each, and the unit of a sample, in the unit of the file.
UNITS = {"linear_acceleration": 0.4, "gyroscope": 0.2, "gravity": 0.4, "magnetometer": 2.0}
#: Readings (about 52 a second) whose mean is one sample, and samples of a window (4.8 s).
READINGS_PER_SAMPLE = 5
NUM_SAMPLES = 50

#: Variants of each training recording, and the seed that makes them.
NUM_VARIANTS = 12
VARIANT_SEED = 7
#: Largest shift in readings; standard deviations of speed and swing (of their logarithms) and of
#: the angle in degrees; for variants of strength 1.
SHIFT, SPEED, SWING, ANGLE = 40.0, 0.2, 0.1, 20.0


@dataclass(frozen=True)
class GestureChoice:
    """What is open to choice, the same for all that a fold does.

    sensors    those that make events, names of :data:`UNITS`
    strength   of the variants: 0, copies of the recording; 1, as :data:`SHIFT` and so on say
    training   one of :data:`TRAININGS`
    """

    sensors: tuple[str, ...]
    strength: float
    training: str

    @property
    def encoder(self) -> DeltaEncoder:
        return DeltaEncoder(
            channels=3 * len(self.sensors), resolution=0.125, threshold=4, max_events=15
        )


TRAININGS = {
    "light": TrainingSettings(
        epochs=10, batch_size=32, learning_rate=3e-3, learn_decay=True,
        dropout=0.1, event_dropout=0.1,
    ),
    "strong": TrainingSettings(
        epochs=10, batch_size=32, learning_rate=4e-3, learn_decay=True,
        dropout=0.2, event_dropout=0.2, label_smoothing=0.1,
    ),
}  # fmt: skip
SENSORS = (
    ("gyroscope", "gravity"),
    ("linear_acceleration", "gyroscope", "gravity"),
    ("magnetometer", "gyroscope", "gravity"),
)
CANDIDATES = tuple(GestureChoice(*choice) for choice in product(SENSORS, (0.0, 1.0), TRAININGS))
#: The choice of each fold: the best of the candidates on a third of that fold's training part.
CHOSEN = (
    GestureChoice(("magnetometer", "gyroscope", "gravity"), 1.0, "light"),
    GestureChoice(("linear_acceleration", "gyroscope", "gravity"), 1.0, "strong"),
    GestureChoice(("linear_acceleration", "gyroscope", "gravity"), 0.0, "light"),
    GestureChoice(("linear_acceleration", "gyroscope", "gravity"), 0.0, "strong"),
)


@lru_cache(maxsize=len(SENSORS))
def _gestures(path: Path, sensors: tuple[str, ...]) -> tuple[Gesture, ...]:
    """Reading 400 files takes seconds, and folds are often loaded one after the other."""
    return tuple(read_gestures(path, [f"{sensor}_{axis}" for sensor in sensors for axis in "xyz"]))


def every_nth(
    gestures: Sequence[Gesture], n: int, first: int
) -> tuple[list[Gesture], list[Gesture]]:
    """Of each digit every n-th from the ``first`` on; and the others."""
    seen: Counter[int] = Counter()
    parts: tuple[list[Gesture], list[Gesture]] = ([], [])
    for gesture in gestures:
        parts[seen[gesture.digit] % n != first].append(gesture)
        seen[gesture.digit] += 1
    return parts


def _rotation(axis: Values, radians: float) -> Values:
    """Rotation matrix about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(radians) * cross + (1 - np.cos(radians)) * cross @ cross)


def _variant(values: Values, strength: float, rng: np.random.Generator) -> Values:
    """Readings [reading, channel] as they might have been."""
    count = len(values)
    faster = np.exp(strength * SPEED * rng.standard_normal())
    shift = strength * rng.uniform(-SHIFT, SHIFT)
    place = (np.arange(count) - count / 2) * faster + count / 2 + shift
    moved = np.stack([np.interp(place, np.arange(count), column) for column in values.T], axis=1)
    axis = rng.standard_normal(3)
    angle = strength * np.deg2rad(ANGLE) * rng.standard_normal()
    turn = _rotation(axis / np.linalg.norm(axis), angle)
    swing = np.exp(strength * SWING * rng.standard_normal())
    return np.asarray((moved.reshape(count, -1, 3) @ (swing * turn.T)).reshape(count, -1))


def _window(values: Values, sensors: Sequence[str]) -> Values:
    """Samples [sample, channel]; a recording that is short keeps its last value."""
    needed = NUM_SAMPLES * READINGS_PER_SAMPLE
    values = values[:needed] / np.repeat([UNITS[sensor] for sensor in sensors], 3)
    values = np.pad(values, ((0, needed - len(values)), (0, 0)), mode="edge")
    return np.asarray(values.reshape(NUM_SAMPLES, READINGS_PER_SAMPLE, -1).mean(axis=1))


def _samples(gestures: Sequence[Gesture], choice: GestureChoice, variants: int = 0) -> Samples:
    """The recordings, then so many variants of all of them."""
    rng = np.random.default_rng(VARIANT_SEED)
    windows = [_window(gesture.values, choice.sensors) for gesture in gestures]
    for _ in range(variants):
        windows += [
            _window(_variant(gesture.values, choice.strength, rng), choice.sensors)
            for gesture in gestures
        ]
    labels = np.array([gesture.digit for gesture in gestures], np.int64)
    return Samples(np.stack(windows).astype(np.float32), np.tile(labels, 1 + variants))


def _fold(
    data: Path | None, choice: GestureChoice, fold: int
) -> tuple[list[Gesture], list[Gesture]]:
    """What a fold holds out, and what it trains on."""
    gestures = _gestures(find_data_set("imu_digits").find(data), choice.sensors)
    return every_nth(gestures, NUM_FOLDS, fold)


def _events(held_out: list[Gesture], training: list[Gesture], choice: GestureChoice) -> RecipeData:
    return RecipeData(
        _samples(training, choice, NUM_VARIANTS).labelled(choice.encoder),
        _samples(held_out, choice).labelled(choice.encoder),
    )


def gesture_samples(data: Path | None = None, held_out: bool = True, *, fold: int = 0) -> Samples:
    """Held-out (or training) recordings of a fold."""
    parts = _fold(data, CHOSEN[fold], fold)
    return _samples(parts[0 if held_out else 1], CHOSEN[fold])


def load_gestures(
    data: Path | None = None, _progress: LoadProgress | None = None, *, fold: int = 0
) -> RecipeData:
    """300 training recordings of a fold with their variants, and 100 held-out ones, as events."""
    return _events(*_fold(data, CHOSEN[fold], fold), CHOSEN[fold])


def load_for_choice(choice: GestureChoice, fold: int, data: Path | None = None) -> RecipeData:
    """The training part of a fold alone: a third of it is held out, the rest trains."""
    _, training = _fold(data, choice, fold)
    return _events(*every_nth(training, 3, 0), choice)


def gesture_recipe(choice: GestureChoice, fold: int) -> Recipe:
    """The recipe of a fold with any choice; its samples are those of the fold's own choice."""
    return Recipe(
        name=f"imu-digits-{fold}" if fold else "imu-digits",
        summary=f"digits drawn in the air, motion sensors, recurrent, 10 classes, fold {fold}",
        load=partial(load_gestures, fold=fold),
        recordings=partial(gesture_samples, fold=fold),
        encoder=choice.encoder,
        labels=tuple("0123456789"),
        hidden_sizes=(192,),
        decays=(0.6, 0.97),
        readout_decay=0.9,
        window_samples=NUM_SAMPLES,
        readout_rule=ReadoutRule.MEMBRANE_SUM,
        settings=TRAININGS[choice.training],
        recurrent=True,
        input_gain=0.4,
        step_seconds=READINGS_PER_SAMPLE / 52.3,
    )


def imu_digits_recipe(fold: int = 0) -> Recipe:
    """The recipe that holds out one fold, 0..3."""
    if fold not in range(NUM_FOLDS):
        raise ValueError(f"fold must be in 0..{NUM_FOLDS - 1}, not {fold}")
    return gesture_recipe(CHOSEN[fold], fold)
