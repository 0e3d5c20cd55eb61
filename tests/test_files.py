"""Files appear whole or not at all; measurements say where they come from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgesnn import __version__, measurement
from edgesnn.files import write_whole


def test_file_holds_what_was_written_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_file_has_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "f", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


def test_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_absent_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no/f must lie in a folder that exists; make "):
        write_whole(tmp_path / "no" / "f", b"")


def test_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="must be a file, and is a folder"):
        write_whole(tmp_path, b"")


def test_record_says_what_ran_where() -> None:
    record = measurement.record("make demo", {"a": 1})
    assert list(record) == ["command", "commit", "machine", "figures"]
    assert record["figures"] == {"a": 1}
    assert "cores" in record["machine"]


def test_commit_of_an_installed_package_is_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measurement, "_CHECKOUT", tmp_path)
    assert measurement.commit() == f"edgesnn {__version__}"
