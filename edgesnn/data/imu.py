"""Digits drawn in the air with a telephone: CSV files of its motion sensors, about 52 Hz."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.data.members import read_members
from edgesnn.errors import InputError


@dataclass(frozen=True, eq=False)
class Gesture:
    """One drawn digit.

    name     of the file; its time stamp puts the recordings in order
    seconds  float64 [num_samples], from the first sample
    values   float64 [num_samples, columns]
    """

    name: str
    digit: int
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def parse_gesture(text: str, columns: Sequence[str], name: str = "a recording") -> Gesture:
    """The chosen columns of a CSV file with a header; raises ``InputError``."""
    rows = list(csv.reader(io.StringIO(text)))
    if len(rows) < 2:
        raise InputError(f"{name} must hold a header and at least one sample")
    header = rows[0]
    if missing := [c for c in ("timestamp", "label", *columns) if c not in header]:
        raise InputError(f"{name} must have a column {missing[0]!r}")
    try:
        at = [header.index(c) for c in ("timestamp", *columns)]
        table = np.array([[float(row[i]) for i in at] for row in rows[1:] if row])
        digits = {int(row[header.index("label")]) for row in rows[1:] if row}
    except (ValueError, IndexError) as error:
        raise InputError(f"{name} must hold numbers in every line: {error}") from None
    if len(digits) != 1 or not np.isfinite(table).all():
        raise InputError(f"{name} must hold finite numbers and one label")
    milliseconds = table[:, 0] - table[0, 0]
    return Gesture(name, digits.pop(), milliseconds / 1000, table[:, 1:])


def read_gestures(path: Path, columns: Sequence[str]) -> list[Gesture]:
    """All recordings in a folder or archive, sorted by name; raises ``InputError`` if none."""
    found = [
        parse_gesture(data.decode(), columns, name) for name, data in read_members(path, (".csv",))
    ]
    if not found:
        raise InputError(f"{path} must hold .csv files")
    return sorted(found, key=lambda gesture: gesture.name)
