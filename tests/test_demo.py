"""The demo from end to end, with a bitstream that was built before; and its pictures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edgesnn import build, model_file
from edgesnn.build import BuildResult
from edgesnn.cli import main
from edgesnn.cli.output import Output
from edgesnn.demo.background import BackgroundBuild
from edgesnn.demo.pictures import (
    TEXT_COLUMNS,
    confusion,
    raster_text,
    show_confusion,
    write_raster_picture,
)
from edgesnn.errors import BuildFailed
from edgesnn_boards import find_board

BUILT = BuildResult(
    board="icebreaker",
    seed=1,
    bitstream="top.bin",
    log="build.log",
    fmax_mhz=30.5,
    clock_mhz=24.0,
    lc=4000,
    flip_flops=1500,
    usage={"LC": (4000, 5280)},
    seconds=60.0,
    from_cache=True,
)
FIGURES = {
    "float_accuracy", "network_accuracy", "sparsity", "samples", "mismatches_simulator",
    "mismatches_gates", "mismatches_virtual_board", "cycles_predicted", "cycles_counted",
    "fmax_mhz", "lc", "seconds",
}  # fmt: skip


@pytest.mark.slow
def test_demo_agrees_on_every_executor_and_tells_its_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "build", lambda _board: BUILT)
    monkeypatch.setattr(sys, "argv", ["edgesnn", "demo", "--json", "-o", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out.splitlines()[-1])
    assert record["command"] == "edgesnn demo --json"
    figures = record["figures"]
    assert set(figures) == FIGURES
    assert figures["float_accuracy"] >= 0.96
    assert figures["network_accuracy"] >= figures["float_accuracy"] - 0.015
    assert figures["sparsity"] >= 0.8
    assert figures["samples"] == 450
    assert [v for k, v in figures.items() if k.startswith("mismatches")] == [0, 0, 0]
    assert figures["cycles_predicted"] == figures["cycles_counted"] > 0
    assert (figures["fmax_mhz"], figures["lc"]) == (30.5, 4000)
    assert model_file.read(tmp_path / "digits.esnn").info["recipe"] == "digits"
    assert (tmp_path / "raster.png").read_bytes().startswith(b"\x89PNG")
    assert "[1/6] Building the bitstream" in printed.err


def test_failed_build_is_raised_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_board: object) -> BuildResult:
        raise BuildFailed("nextpnr failed")

    monkeypatch.setattr(build, "build", fails)
    background = BackgroundBuild(find_board("icebreaker"))
    with pytest.raises(BuildFailed, match="nextpnr failed"):
        background.wait()
    with pytest.raises(BuildFailed, match="nextpnr failed"):
        background.raise_if_failed()
    assert not background.running


def test_finished_build_gives_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "build", lambda _board: BUILT)
    background = BackgroundBuild(find_board("icebreaker"))
    assert background.wait() is BUILT
    background.raise_if_failed()


def test_confusion_counts_right_answers_on_the_diagonal() -> None:
    counts = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, -1]), 3)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]


def test_confusion_table_shows_undecided_samples_only_if_there_are_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_confusion(Output(False), np.array([0, 1]), np.array([0, 1]), ["a", "b"])
    assert "none" not in capsys.readouterr().out
    show_confusion(Output(False), np.array([0, 1]), np.array([0, -1]), ["a", "b"])
    assert "none" in capsys.readouterr().out


def test_raster_in_text_has_a_line_for_each_step() -> None:
    text = raster_text("hidden", np.array([[True, False], [False, True]]))
    assert text == "hidden: 2 neurons from left to right, time downwards\n|.\n.|"


def test_wide_rasters_are_folded_and_lose_no_spike() -> None:
    raster = np.zeros((1, 5 * TEXT_COLUMNS + 3), bool)
    raster[0, [0, -1]] = True
    line = raster_text("wide", raster).splitlines()[1]
    assert len(line) <= TEXT_COLUMNS
    assert line.startswith("|")
    assert line.endswith("|")


def test_no_picture_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not write_raster_picture(tmp_path / "p.png", "t", [("a", np.ones((2, 2), bool))])
    assert not (tmp_path / "p.png").exists()
