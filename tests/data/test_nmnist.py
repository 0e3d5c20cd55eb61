"""N-MNIST files: events, classes, binning."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesnn.data.nmnist import bin_recordings, parse_recording, read_recordings
from edgesnn.errors import InputError


def event(x: int, y: int, polarity: int, microseconds: int) -> bytes:
    return bytes([x, y]) + (polarity << 23 | microseconds).to_bytes(3, "big")


DATA = (
    event(3, 5, 1, 100) + event(33, 0, 0, 9_999) + event(3, 5, 1, 10_000) + event(0, 33, 1, 307_000)
)


def test_events_are_taken_apart_bit_by_bit() -> None:
    found = parse_recording(DATA)
    assert found.x.tolist() == [3, 33, 3, 0]
    assert found.y.tolist() == [5, 0, 5, 33]
    assert found.polarity.tolist() == [1, 0, 1, 1]
    assert found.microseconds.tolist() == [100, 9_999, 10_000, 307_000]
    assert found.source_ids.tolist() == [1156 + 5 * 34 + 3, 33, 1156 + 5 * 34 + 3, 1156 + 33 * 34]


def test_binning_counts_what_is_in_a_step_and_drops_what_is_late() -> None:
    twice = parse_recording(DATA + event(3, 5, 1, 200))
    binary = bin_recordings([twice], num_steps=30, step_microseconds=10_000)
    assert [ids.tolist() for ids in binary.stream(0)][:2] == [[33, 1329], [1329]]
    assert binary.num_events == 3
    counted = bin_recordings([twice], 30, 10_000, max_events=2)
    assert next(ids.tolist() for ids in counted.stream(0)) == [33, 1329, 1329]


def test_no_recordings_make_no_windows() -> None:
    assert len(bin_recordings([], 30, 10_000)) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA[:-1], "must hold 5 bytes for each event, not 19 bytes"),
        (event(34, 0, 0, 1), "must lie on 34 x 34 pixels"),
    ],
)
def test_bytes_that_are_no_recording_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_recording(data)


def test_both_layouts_of_folders_give_recordings_with_classes(tmp_path: Path) -> None:
    listed, original = tmp_path / "listed", tmp_path / "original"
    (listed / "train").mkdir(parents=True)
    (listed / "train/10.bs2").write_bytes(DATA)
    (listed / "train/9.bs2").write_bytes(DATA[:5])
    (listed / "train.txt").write_text("#sample\t#class\n9\t4\n10\t7\n")
    for digit, name in ((4, "00009.bin"), (7, "00010.bin")):
        (original / f"Train/{digit}").mkdir(parents=True)
        (original / f"Train/{digit}" / name).write_bytes(DATA[: 5 if digit == 4 else 20])
    for folder in (listed, original):
        recordings, classes = read_recordings(folder, "train")
        assert classes.tolist() == [4, 7]
        assert [len(r.x) for r in recordings] == [1, 4]
        with pytest.raises(InputError, match="must hold recordings of 'test'"):
            read_recordings(folder, "test")
    (listed / "train.txt").write_text("9\t4\n")
    with pytest.raises(InputError, match="train.txt in .* must give the class of 10"):
        read_recordings(listed, "train")


def test_recordings_beside_one_another_belong_to_the_part_that_lists_them(tmp_path: Path) -> None:
    (tmp_path / "1.bs2").write_bytes(DATA)
    (tmp_path / "60001.bs2").write_bytes(DATA[:5])
    (tmp_path / "train1K.txt").write_text("#sample #class\n1\t7\n")
    (tmp_path / "test100.txt").write_text("#sample #class\n60001\t3\n")
    for part, label, count in (("train", 7, 4), ("test", 3, 1)):
        recordings, labels = read_recordings(tmp_path, part)
        assert [len(r.x) for r in recordings] == [count]
        assert labels.tolist() == [label]
