"""Free Spoken Digit Dataset: ten digits, six speakers, fifty takes each, 8 kHz."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edgesnn.data.members import read_members
from edgesnn.data.wav import parse_wav
from edgesnn.errors import InputError

SAMPLE_RATE_HZ = 8000
_NAME = re.compile(r"(\d)_(\w+)_(\d+)\.wav")


@dataclass(frozen=True, eq=False)
class SpokenDigit:
    """One take.

    samples  int16 [num_samples] at 8 kHz
    """

    digit: int
    speaker: str
    take: int
    samples: npt.NDArray[np.int16]


def read_spoken_digits(path: Path) -> list[SpokenDigit]:
    """All takes in a folder or archive of ``<digit>_<speaker>_<take>.wav``, sorted by name.

    Raises ``InputError`` if there are none.
    """
    found = []
    for name, data in read_members(path, (".wav",)):
        match = _NAME.fullmatch(PurePosixPath(name).name)
        if match is None:
            raise InputError(f"{name} in {path} must be called <digit>_<speaker>_<take>.wav")
        digit, speaker, take = int(match[1]), match[2], int(match[3])
        found.append(SpokenDigit(digit, speaker, take, parse_wav(data, SAMPLE_RATE_HZ, name)))
    if not found:
        raise InputError(f"{path} must hold .wav files")
    return sorted(found, key=lambda spoken: (spoken.digit, spoken.speaker, spoken.take))
