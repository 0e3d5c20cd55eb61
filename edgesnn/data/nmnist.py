"""N-MNIST: recordings of an event camera that looks at MNIST digits in three saccades.

A file holds 5 bytes for each event, most significant bit first: x [8], y [8], polarity [1],
time in microseconds [23]. ``.bin`` (the original) and ``.bs2`` have the same layout.

Source: G. Orchard, A. Jayawant, G. K. Cohen, N. Thakor, Converting static image datasets to
spiking neuromorphic datasets using saccades, Frontiers in Neuroscience 9:437, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edgesnn.data.members import is_archive, read_members
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows

#: Pixels in a row and in a column.
SENSOR_SIZE = 34
#: Sources of events: one for each pixel and polarity.
NUM_SOURCES = 2 * SENSOR_SIZE * SENSOR_SIZE


@dataclass(frozen=True, eq=False)
class Recording:
    """Events of an event camera of 34 x 34 pixels, in order of time.

    x, y, polarity  uint8 [num_events]; x to the right, y down, polarity 1 is brighter
    microseconds    int64 [num_events]
    """

    x: npt.NDArray[np.uint8]
    y: npt.NDArray[np.uint8]
    polarity: npt.NDArray[np.uint8]
    microseconds: npt.NDArray[np.int64]

    @property
    def source_ids(self) -> npt.NDArray[np.int64]:
        """Source of each event: polarity * 1156 + y * 34 + x."""
        pixel = self.y.astype(np.int64) * SENSOR_SIZE + self.x
        return self.polarity.astype(np.int64) * SENSOR_SIZE**2 + pixel


def parse_recording(data: bytes, name: str = "a recording") -> Recording:
    """The events in the bytes of a ``.bin`` or ``.bs2`` file; raises ``InputError``."""
    if len(data) % 5:
        raise InputError(f"{name} must hold 5 bytes for each event, not {len(data)} bytes")
    raw = np.frombuffer(data, np.uint8).reshape(-1, 5)
    x, y = raw[:, 0], raw[:, 1]
    if len(raw) and max(int(x.max()), int(y.max())) >= SENSOR_SIZE:
        raise InputError(f"events of {name} must lie on {SENSOR_SIZE} x {SENSOR_SIZE} pixels")
    wide = raw[:, 2:].astype(np.int64)
    microseconds = (wide[:, 0] & 0x7F) << 16 | wide[:, 1] << 8 | wide[:, 2]
    return Recording(x, y, (raw[:, 2] >> 7).astype(np.uint8), microseconds)


def bin_recordings(
    recordings: Sequence[Recording], num_steps: int, step_microseconds: int, max_events: int = 1
) -> EventWindows:
    """Recordings as windows of ``num_steps`` steps; what comes later is left out.

    max_events  most events of one source in one step; what is more is left out
    """
    starts = [np.zeros(1, np.int64)]
    sources = []
    for recording in recordings:
        steps = recording.microseconds // step_microseconds
        inside = steps < num_steps
        keys = steps[inside] * NUM_SOURCES + recording.source_ids[inside]
        places, counts = np.unique(keys, return_counts=True)
        counts = np.minimum(counts, max_events)
        per_step = np.bincount(places // NUM_SOURCES, counts, num_steps).astype(np.int64)
        starts.append(starts[-1][-1] + np.cumsum(per_step))
        sources.append(np.repeat(places % NUM_SOURCES, counts).astype(np.uint16))
    ids = np.concatenate(sources) if sources else np.zeros(0, np.uint16)
    return EventWindows(num_steps, NUM_SOURCES, np.concatenate(starts), ids)


def _class_table(text: str) -> dict[str, int]:
    """Lines ``index class``, the first a comment."""
    rows = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return {row[0]: int(row[1]) for row in rows}


def read_recordings(path: Path, part: str) -> tuple[list[Recording], npt.NDArray[np.int64]]:
    """Recordings and classes of ``part`` ("train" or "test"), by name of file.

    path   a folder or archive with ``train/1.bs2`` and the classes in ``train.txt``; or with the
           original ``Train/<class>/00001.bin``; or with files of all parts beside one another, each
           part listed with its classes in a file such as ``train1K.txt``
    Raises ``InputError`` if there are none, or one without a class.
    """
    found: dict[str, Recording] = {}
    beside: dict[str, Recording] = {}
    classes: dict[str, int] = {}
    for name, data in read_members(path, (".bs2", ".bin", ".txt")):
        parts = PurePosixPath(name.lower()).parts
        stem = PurePosixPath(name).stem
        if parts[-1].endswith(".txt"):
            if parts[-1].startswith(part):
                classes |= _class_table(data.decode())
        elif part in parts[:-1]:
            found[stem] = parse_recording(data, name)
            if parts[-2].isdigit():
                classes[stem] = int(parts[-2])
        elif not {"train", "test"} & set(parts[:-1]):
            beside[stem] = parse_recording(data, name)
    found |= {stem: recording for stem, recording in beside.items() if stem in classes}
    if not found:
        kind = "archive" if is_archive(path) else "folder"
        raise InputError(f"the {kind} {path} must hold recordings of {part!r} (.bs2 or .bin)")
    if missing := sorted(found.keys() - classes.keys()):
        raise InputError(f"{part}.txt in {path} must give the class of {missing[0]}")
    order = sorted(found, key=lambda stem: (int(stem) if stem.isdigit() else 0, stem))
    return [found[stem] for stem in order], np.array([classes[s] for s in order], np.int64)
