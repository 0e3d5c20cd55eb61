"""MNIST digits before an event camera that looks at them in three saccades, as in N-MNIST.

Held out are the 10,000 digits of MNIST's test part. The network, 2312-256-10, is the one of
Shi et al. (arXiv 2506.03996); theirs runs 100 steps of the real recordings, this one
30 steps of 10 ms, at most one event of each source in a step.
:func:`load_real_recordings` gives real N-MNIST recordings in the same form.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgesnn.cache import cache_dir
from edgesnn.data import find_data_set
from edgesnn.data.idx import read_labelled_images
from edgesnn.data.nmnist import NUM_SOURCES, bin_recordings, read_recordings
from edgesnn.encoders import EventEncoder
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.files import write_whole
from edgesnn.network import ReadoutRule
from edgesnn.recipes.recipe import LoadProgress, Recipe, RecipeData
from edgesnn.recipes.saccade_camera import SaccadeCamera
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings

CAMERA = SaccadeCamera()
#: Seeds of the camera's noise.
TRAINING_SEED, HELD_OUT_SEED = 1, 2
#: A recording as samples is dense: 277 kB.
MAX_RECORDINGS = 1000


def _simulated(
    data: Path | None, held_out: bool, progress: LoadProgress | None = None
) -> LabelledEvents:
    """Recordings of one part of MNIST: from the cache, or simulated now (a minute or two)."""
    folder = find_data_set("mnist").find(data)
    images, labels = read_labelled_images(folder, "t10k" if held_out else "train")
    seed = HELD_OUT_SEED if held_out else TRAINING_SEED
    key = hashlib.sha256(repr((CAMERA, seed, images.shape)).encode() + images.tobytes())
    path = cache_dir("data") / f"saccade-{key.hexdigest()[:24]}.npz"
    events = _cached(path)
    if events is None:
        events = CAMERA.record(images, seed, progress=progress)
        buffer = io.BytesIO()
        np.savez(buffer, step_start=events.step_start, source_ids=events.source_ids)
        write_whole(path, buffer.getvalue())
    return LabelledEvents(events, labels)


def _cached(path: Path) -> EventWindows | None:
    """What an earlier run left; None if there is nothing, or if it is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes())) as file:
            starts, ids = file["step_start"], file["source_ids"]
        return EventWindows(CAMERA.num_steps, NUM_SOURCES, starts, ids)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, InputError):
        return None


def load_saccades(data: Path | None = None, progress: LoadProgress | None = None) -> RecipeData:
    """60,000 training and 10,000 held-out recordings of MNIST digits, simulated."""
    training, held_out = (_simulated(data, held_out, progress) for held_out in (False, True))
    return RecipeData(training, held_out)


def saccade_samples(data: Path | None = None, held_out: bool = True) -> Samples:
    """The first recordings of one part, as event counts [window, step, source]."""
    found = _simulated(data, held_out)
    first = found.select(np.arange(min(MAX_RECORDINGS, len(found))))
    return Samples(first.events.to_rasters().astype(np.float32), first.labels)


def load_real_recordings(data: Path | None = None, part: str = "test") -> LabelledEvents:
    """Real N-MNIST recordings, binned as the simulated ones.

    data   as in :meth:`edgesnn.data.DataSet.find`
    part   "train" or "test"
    """
    recordings, labels = read_recordings(find_data_set("nmnist").find(data), part)
    step_microseconds = int(1000 * CAMERA.step_ms)
    events = bin_recordings(recordings, CAMERA.num_steps, step_microseconds, CAMERA.max_events)
    return LabelledEvents(events, labels)


SACCADE_MNIST = Recipe(
    name="saccade-mnist",
    summary="an event camera looks at MNIST digits in three saccades, 34 x 34 x 2, 10 classes",
    load=load_saccades,
    recordings=saccade_samples,
    encoder=EventEncoder(channels=NUM_SOURCES, max_events=CAMERA.max_events),
    labels=tuple("0123456789"),
    hidden_sizes=(256,),
    decays=(0.9, 0.9),
    readout_decay=0.95,
    window_samples=CAMERA.num_steps,
    readout_rule=ReadoutRule.MEMBRANE_SUM,
    settings=TrainingSettings(epochs=6, learning_rate=2e-3, validation=0.05),
    input_gain=1.5,
    step_seconds=CAMERA.step_ms / 1000,
)
