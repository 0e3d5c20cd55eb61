"""Vibrations of bearings, sound and faulty: the Bearing Data Center of Case Western Reserve."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from edgesnn.data.members import read_members
from edgesnn.errors import InputError

SAMPLE_RATE_HZ = 12_000


def read_bearing(path: Path, record: str = "105") -> npt.NDArray[np.float64]:
    """Acceleration at the drive end in g, float64 [num_samples].

    path    folder or archive of the centre's .mat files
    record  number of the file, with which its name begins; 105: a fault of 0.007 inch of the inner
            race, no load

    Raises ``InputError`` if the record is not there or is none.
    """
    names = []
    for name, data in read_members(path, (".mat",)):
        number = re.match(r"\d+", PurePosixPath(name).stem)
        found = number.group() if number else PurePosixPath(name).stem
        if found != record:
            names.append(found)
            continue
        try:
            arrays = loadmat(io.BytesIO(data))
        except (
            ValueError,
            TypeError,
            OSError,
            NotImplementedError,
            MatReadError,
            zlib.error,
        ) as error:
            raise InputError(f"{name} in {path} must be a MATLAB file: {error}") from None
        series = next((v for k, v in arrays.items() if k.endswith("_DE_time")), None)
        if series is None:
            raise InputError(f"{name} in {path} must hold an array that ends with _DE_time")
        return np.asarray(series, np.float64).ravel()
    known = ", ".join(sorted(names)) or "none"
    raise InputError(f"{path} must hold a file {record}*.mat; there are the records: {known}")
