"""``edgesnn bench``: the benches of a checkout."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgesnn import _resources
from edgesnn.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edgesnn", "bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_page_of_the_boards_is_written_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGESNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    # Nothing was built in an empty cache, so the page names the board as one without a result.
    options = ("--hardware", "--board", "icebreaker", "--seeds", "2", "--cached", "--write", "out")
    assert run(monkeypatch, *options, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["hardware"]["figures"] == {"boards_with_bitstream": 0}
    assert json.loads((tmp_path / "out" / "hardware.json").read_text())["figures"] == {
        "boards_with_bitstream": 0
    }
    page = (tmp_path / "out" / "hardware.md").read_text()
    (missing,) = (line for line in page.splitlines() if line.startswith("Without a result here:"))
    assert "icebreaker" in missing


def test_options_of_the_boards_need_hardware(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--board", "icebreaker", "--cached") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "--board and --cached must come with --hardware, not alone" in told


def test_an_installation_without_benches_says_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(_resources, "_PACKAGE", tmp_path / "edgesnn")
    assert run(monkeypatch, "--hardware") == 4
    told = " ".join(capsys.readouterr().err.split())
    assert "benches must lie beside the package" in told
    assert "pip install -e ." in told
