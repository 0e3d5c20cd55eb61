"""Electrocardiograms of the MIT-BIH Arrhythmia Database, one lead, 360 Hz."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edgesnn.data.members import read_members
from edgesnn.errors import InputError

SAMPLE_RATE_HZ = 360
#: Codes of the converter: 0 mV, and codes per mV.
ZERO, CODES_PER_MILLIVOLT = 1024, 200


def read_ecg(path: Path, record: str = "100") -> npt.NDArray[np.float64]:
    """One record in mV, float64 [num_samples].

    path   folder or archive of ``RECORD.i16``: little-endian int16, codes of the converter
    Raises ``InputError`` if the record is not there or not whole.
    """
    names = []
    for name, data in read_members(path, (".i16",)):
        found = PurePosixPath(name).stem
        if found == record:
            if not data or len(data) % 2:
                raise InputError(f"{name} in {path} must hold whole samples of 2 bytes")
            return (np.frombuffer(data, "<i2") - float(ZERO)) / CODES_PER_MILLIVOLT
        names.append(found)
    known = ", ".join(sorted(names)) or "none"
    raise InputError(f"{path} must hold {record}.i16; there are the records: {known}")
