"""Files of a data set are the same from a folder and from an archive of it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from edgesnn.data.members import read_members
from edgesnn.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "set"
    for name, data in (("b/2.wav", b"two"), ("a/1.wav", b"one"), ("a/notes.txt", b"no")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def archive_of(folder: Path, kind: str) -> Path:
    path = folder.with_name(f"set.tar.{kind}")
    with tarfile.open(path, f"w:{kind}") as archive:
        archive.add(folder, ".")
    return path


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_archive_gives_what_the_folder_gives(folder: Path, kind: str) -> None:
    expected = [("a/1.wav", b"one"), ("b/2.wav", b"two")]
    assert list(read_members(folder, (".wav",))) == expected
    assert sorted(read_members(archive_of(folder, kind), (".wav",))) == expected


def test_reading_an_archive_leaves_nothing_on_the_disk(folder: Path) -> None:
    path = archive_of(folder, "xz")
    before = sorted(folder.parent.rglob("*"))
    list(read_members(path, (".wav",)))
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_an_archive_that_was_cut_anywhere_is_refused(folder: Path, kind: str) -> None:
    path = archive_of(folder, kind)
    data = path.read_bytes()
    for length in range(1, len(data) - 16, 7):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="must be a whole tar archive"):
            list(read_members(path, (".wav",)))


def test_other_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    for name in ("set.zip", "absent"):
        with pytest.raises(InputError, match="must be a folder or an archive"):
            list(read_members(tmp_path / name, (".wav",)))
