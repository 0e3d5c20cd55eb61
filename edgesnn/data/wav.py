"""Recordings of speech: mono WAV files of 16 bits."""

from __future__ import annotations

import io
import wave

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError


def parse_wav(data: bytes, sample_rate_hz: int, name: str = "a recording") -> npt.NDArray[np.int16]:
    """The samples [num_samples] in the bytes of a WAV file: one channel, 16 bits.

    Raises ``InputError`` if it is something else, or has another sample rate.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            found = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"{name} must be a WAV file: {error}") from None
    if found != (1, 16, sample_rate_hz):
        raise InputError(
            f"{name} must have 1 channel, 16 bits and {sample_rate_hz} Hz, "
            f"not {found[0]}, {found[1]} and {found[2]} Hz"
        )
    return np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").astype(np.int16)
