"""Sound and motion: WAV and CSV files of the data sets."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from edgesnn.data.ecg import read_ecg
from edgesnn.data.fsdd import read_spoken_digits
from edgesnn.data.imu import parse_gesture, read_gestures
from edgesnn.data.wav import parse_wav
from edgesnn.errors import InputError

SOUND = np.array([0, 1, -32768, 32767], np.int16)


def wav_bytes(rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(SOUND.tobytes())
    return buffer.getvalue()


def test_samples_of_sound_are_read_as_they_are() -> None:
    assert parse_wav(wav_bytes(), 8000).tolist() == SOUND.tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (wav_bytes(rate=16000), "must have 1 channel, 16 bits and 8000 Hz, not 1, 16 and 16000 Hz"),
        (wav_bytes(channels=2), "not 2, 16 and 8000 Hz"),
        (wav_bytes(width=1), "not 1, 8 and 8000 Hz"),
        (b"RIFF", "must be a WAV file"),
    ],
)
def test_sound_of_another_kind_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_wav(data, 8000)


def test_spoken_digits_are_known_by_the_names_of_files(tmp_path: Path) -> None:
    for name in ("3_theo_11.wav", "3_theo_2.wav", "0_yweweler_5.wav"):
        (tmp_path / name).write_bytes(wav_bytes())
    found = read_spoken_digits(tmp_path)
    assert [(s.digit, s.speaker, s.take) for s in found] == [
        (0, "yweweler", 5),
        (3, "theo", 2),
        (3, "theo", 11),
    ]
    (tmp_path / "three.wav").write_bytes(wav_bytes())
    with pytest.raises(InputError, match="must be called <digit>_<speaker>_<take>.wav"):
        read_spoken_digits(tmp_path)


CSV = "timestamp,label,gyroscope_x,other\n1000,4,0.5,9\n1020,4,-1.5,9\n"


def test_chosen_columns_of_a_gesture_are_read() -> None:
    found = parse_gesture(CSV, ["gyroscope_x"])
    assert found.digit == 4
    assert found.seconds.tolist() == [0.0, 0.02]
    assert found.values.tolist() == [[0.5], [-1.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,label\n", "must hold a header and at least one sample"),
        ("timestamp,label,other\n1,2,3\n", "must have a column 'gyroscope_x'"),
        (CSV + "1040,4,x,9\n", "must hold numbers in every line"),
        (CSV + "1040\n", "must hold numbers in every line"),
        (CSV + "1040,5,0,0\n", "must hold finite numbers and one label"),
        (CSV + "1040,4,nan,0\n", "must hold finite numbers and one label"),
    ],
)
def test_gesture_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_gesture(text, ["gyroscope_x"])


def test_gestures_of_a_folder_come_in_order_of_name(tmp_path: Path) -> None:
    for name in ("imu_4_2.csv", "imu_4_1.csv"):
        (tmp_path / name).write_text(CSV)
    assert [g.name for g in read_gestures(tmp_path, ["other"])] == ["imu_4_1.csv", "imu_4_2.csv"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="must hold .csv files"):
        read_gestures(tmp_path / "empty", ["other"])


def test_electrocardiogram_is_read_in_millivolts(tmp_path: Path) -> None:
    np.array([1024, 1224, 924], "<i2").tofile(tmp_path / "100.i16")
    assert read_ecg(tmp_path).tolist() == [0.0, 1.0, -0.5]
    with pytest.raises(InputError, match="must hold 101.i16; there are the records: 100"):
        read_ecg(tmp_path, "101")
    (tmp_path / "100.i16").write_bytes(b"123")
    with pytest.raises(InputError, match="100.i16 in .* must hold whole samples of 2 bytes"):
        read_ecg(tmp_path)
