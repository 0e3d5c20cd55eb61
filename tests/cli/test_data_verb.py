"""``edgesnn data``: what is there, what is missing, and how to get it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgesnn.cli import main
from edgesnn.data import DATA_SETS


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edgesnn", "data", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_every_data_set_is_listed_with_licence_and_origin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "fsdd_dev.tar.xz").write_bytes(b"1234")
    assert run(monkeypatch, "--data", str(tmp_path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["folders"] == [str(tmp_path)]
    listed = {entry["name"]: entry for entry in found["data_sets"]}
    assert listed.keys() == DATA_SETS.keys()
    assert listed["fsdd"]["found"] == str(tmp_path / "fsdd_dev.tar.xz")
    assert (listed["fsdd"]["files"], listed["fsdd"]["size_bytes"]) == (1, 4)
    assert listed["mnist"]["found"] is None
    assert all(entry["licence"] and entry["origin"] for entry in listed.values())


def test_one_data_set_is_shown_with_where_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "nmnist", "--data", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "MISSING" in shown
    assert "NMNIST: Train/*/*.bin, Test/*/*.bin (tonic)" in shown
    assert "CC BY-SA 4.0" in shown
    assert str(tmp_path) in shown


def test_unknown_data_set_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "letters") == 2
    assert "a data set must be one of mnist, fashion_mnist" in capsys.readouterr().err
