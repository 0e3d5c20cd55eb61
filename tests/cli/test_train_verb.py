"""``edgesnn train``: interrupted, gone on with, and the same in the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgesnn.cli import main, train_verb
from edgesnn.train.trainer import Epoch

Train = Callable[..., int]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run ``edgesnn train digits`` for four epochs; the exit code."""

    def call(*arguments: str | Path) -> int:
        words = ["edgesnn", "train", "digits", "--epochs", "4", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return call


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """As Ctrl-C once after this epoch."""

    def describe(epoch: Epoch) -> str:
        if epoch.done == after:
            monkeypatch.undo()
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(train_verb, "describe", describe)


def test_same_command_goes_on_after_an_interruption(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    whole, output = tmp_path / "whole.model", tmp_path / "d.model"
    assert train("-o", whole) == 0
    state = tmp_path / "d.model.partial"
    interrupt(monkeypatch, after=2)
    assert train("-o", output) == 130
    said = capsys.readouterr().err
    assert f"Interrupted; {state} keeps the state." in said.replace("\n", " ")
    assert state.exists()
    assert not output.exists()
    assert train("-o", output, "--json") == 0
    printed = capsys.readouterr()
    assert f"Going on from {state}." in printed.err.replace("\n", "")
    assert json.loads(printed.out)["float_accuracy"] > 0.5
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.model", "whole.model"]


def test_state_of_other_settings_is_refused_and_can_be_left_behind(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    output = tmp_path / "d.model"
    interrupt(monkeypatch, after=1)
    assert train("-o", output) == 130
    assert train("-o", output, "--seed", "1") == 1
    assert "must go on with the settings it began with (seed = 0, not 1)" in capsys.readouterr().err
    assert train("-o", output, "--seed", "1", "--no-resume", "--threads", "2") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["d.model"]


def test_progress_tells_loss_and_validation() -> None:
    assert train_verb.describe(Epoch(1, 4, 0.1234)) == "loss 0.123"
    told = train_verb.describe(Epoch(1, 4, 0.1234, validation_accuracy=0.9712))
    assert told == "loss 0.123, validation 97.12 %"


def test_folder_of_data_must_exist(train: Train, tmp_path: Path) -> None:
    assert train("-o", tmp_path / "m", "--data", tmp_path / "absent") == 2


def test_patience_needs_a_recipe_with_validation_data(
    train: Train, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert train("-o", tmp_path / "d.model", "--patience", "2") == 1
    assert "patience must come with validation data" in capsys.readouterr().err.replace("\n", " ")
