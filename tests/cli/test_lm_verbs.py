"""``edgesnn lm``: train, prune, compress, eval, generate."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgesnn.cli import main
from edgesnn.language import training
from edgesnn.language.language_file import read_language_model
from edgesnn.language.pruning import sparsity_of

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["edgesnn", "lm", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return run


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Names of numbers in a random order: 15 different characters."""
    rng = np.random.default_rng(0)
    names = ["one", "two", "three", "four", "five", "six", "seven"]
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(names[i] for i in rng.integers(0, 7, 1600)))
    return path


@pytest.fixture
def model(call: Call, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "numbers.model"
    options = ("--epochs", 6, "--units", 24, "-o", path)
    assert call("train", "characters", "--text", text, *options) == 0
    capsys.readouterr()
    return path


def test_a_model_goes_all_the_way(
    call: Call, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse, integers = tmp_path / "sparse.model", tmp_path / "sparse.esnn"
    assert call("prune", model, "-o", sparse, "--sparsity", "0.6", "--json") == 0
    pruned = json.loads(capsys.readouterr().out)
    assert pruned["sparsity"] == pytest.approx(0.6, abs=1e-3)
    assert sparsity_of(read_language_model(sparse).model) == pytest.approx(0.6, abs=1e-3)

    assert call("compress", sparse, "-o", integers, "--json") == 0
    both = json.loads(capsys.readouterr().out)
    # Less than what knows nothing, and integers nearly as good.
    assert both["float"]["bits_per_token"] < np.log2(15)
    assert both["integer"]["bits_per_token"] < both["float"]["bits_per_token"] + 0.1

    assert call("eval", integers, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bits_per_token"] == pytest.approx(both["integer"]["bits_per_token"], abs=0.02)
    assert call("eval", sparse, "--tokens", "400") == 0
    assert "bits per character on 400 tokens; units that send" in capsys.readouterr().out

    said = []
    for path in (integers, integers, sparse):
        assert call("generate", path, "one\ntw", "--tokens", "20", "--json") == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    assert {len(s["text"]) for s in said} == {20}


def test_steps_on_the_way_are_told(
    call: Call, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("prune", model, "--sparsity", "0.72", "--epochs", 1) == 0
    shown = capsys.readouterr().out
    for share in ("0.00 %", "50.00 %", "70.00 %", "72.00 %"):
        assert share in shown
    assert "80.00 %" not in shown
    assert call("prune", "pruned.model", "--sparsity", "0.5") == 1
    assert "sparsity must be at least 0.7199, which is gone, not 0.5" in capsys.readouterr().err


def test_pruning_at_once_needs_no_training(
    call: Call, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("prune", model, "--sparsity", "0.6", "--one-shot") == 0
    shown = capsys.readouterr()
    assert "60.00 % of the weights gone: by what they read" in shown.err
    assert "50.00 %" not in shown.out
    assert call("prune", model, "--sparsity", "0.6", "--one-shot", "--json") == 0
    pruned = json.loads(capsys.readouterr().out)
    assert pruned["sparsity"] == pytest.approx(0.6, abs=1e-3)


def test_an_interrupted_training_goes_on_to_the_same_model(
    call: Call,
    model: Path,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    epochs = training._Training.run_epoch

    def stopped(self: training._Training) -> training.LanguageEpoch:
        if self.done == 2:
            raise KeyboardInterrupt
        return epochs(self)

    monkeypatch.setattr(training._Training, "run_epoch", stopped)
    words = ("train", "characters", "--text", text, "--epochs", 6, "--units", 24, "-o", "b.model")
    assert call(*words) == 130
    assert "b.model.partial keeps the state" in capsys.readouterr().err
    monkeypatch.setattr(training._Training, "run_epoch", epochs)
    assert call(*words) == 0
    assert "Going on from b.model.partial" in capsys.readouterr().err
    assert not Path("b.model.partial").exists()
    assert Path("b.model").read_bytes() == model.read_bytes()


def test_bad_input_is_refused_without_a_file(
    call: Call, model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short, foreign = tmp_path / "short.txt", tmp_path / "foreign.txt"
    short.write_text("one two" * 30)
    of = ("--text", short)
    foreign.write_text("QUITE ELSE" * 400)
    for code, expected, words in (
        (2, "a preset must be one of ptb, characters, paper-ptb, spiking, not 'x'", ("train", "x")),
        (2, "a kind must be one of egru, gru, lstm", ("train", "characters", "--kind", "x")),
        (1, "a text must be a path that exists, or one of", ("train", "--text", "none.txt")),
        (1, "must be longer than the window, 64 steps", ("train", "--text", short)),
        (2, "--sparsity must be at least 0 and below 1", ("prune", model, "--sparsity", "1")),
        (2, "--rate must be above 0 and at most 1", ("prune", model, "--rate", "2")),
        (2, "must be left out with --one-shot", ("prune", model, "--one-shot", "--epochs", 1)),
        (1, "among the", ("eval", model, "--text", foreign)),
        (1, "that the model knows, not 'Z'", ("generate", model, "Z")),
        (1, "a prompt must hold at least one token", ("generate", model, "")),
        (1, "must be a trained model in floating point", ("compress", text)),
        (1, "must be of spiking models", ("compress", model, "--fine-tune", "2")),
        (
            1,
            "must have no kind of layers, not 'gru'",
            ("train", "spiking", "--kind", "gru", *of),
        ),
        (1, "as edgesnn lm train writes it", ("prune", text)),
        (1, "one of ptb, tinyshakespeare, not ''", ("train", "--text", "")),
    ):
        assert call(*words) == code, words
        shown = capsys.readouterr()
        assert expected in " ".join(shown.err.split()), words
        assert shown.out == ""
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"numbers.txt", "numbers.model", "short.txt", "foreign.txt"}


@pytest.mark.slow
def test_a_spiking_model_goes_from_text_to_a_chat(
    call: Call,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--text", text, "--epochs", 3, "--units", 24, "-o", "s.model")
    assert call("train", "spiking", *options) == 0
    capsys.readouterr()
    words = ("compress", "s.model", "-o", "s.esnn", "--sparsity", "0.3", "--fine-tune", 1)
    assert call(*words, "--json") == 0
    both = json.loads(capsys.readouterr().out)
    assert both["float"]["bits_per_token"] < np.log2(15)
    assert both["integer"]["bits_per_token"] < both["float"]["bits_per_token"] + 0.3
    said = []
    for path in ("s.model", "s.esnn"):
        assert call("eval", path, "--tokens", 300) == 0
        assert "operations per token" in capsys.readouterr().out
        assert call("generate", path, "one\n", "--tokens", 15, "--temperature", 0, "--json") == 0
        said.append(json.loads(capsys.readouterr().out)["text"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\n%&\ntwo\n"))
    assert call("chat", "s.esnn", "--tokens", 15, "--json") == 0
    shown = capsys.readouterr()
    assert "that the model knows, not '%', '&'" in shown.err
    replies = [json.loads(line) for line in shown.out.splitlines()]
    assert [r["prompt"] for r in replies] == ["one", "two"]
    assert all(r["operations_per_token"] > 0 and r["cycles_per_token"] > 0 for r in replies)
    assert call("generate", "s.esnn", "one", "--tokens", 15, "--temperature", 0, "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == replies[0]["text"]
    assert len(said[0]) == len(said[1]) == 15


def test_other_layers_do_not_become_integers(
    call: Call, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("train", "--text", text, "--kind", "gru", "--epochs", 1, "--units", 8, "-o", "g.model")
    assert call(*words) == 0
    assert call("compress", "g.model") == 1
    assert "must be of EGRU layers to become integers, not of gru" in capsys.readouterr().err


def test_the_verbs_have_help_with_an_example_and_are_in_the_changelog(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgesnn.cli.app import LANGUAGE

    log = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    for name in LANGUAGE:
        assert f"`lm {name}`" in log
        assert call(name, "--help") == 0
        shown = capsys.readouterr().out
        assert "Example:" in shown
        assert f"edgesnn lm {name}" in shown.split("Example:")[1]
        assert "--json" in shown
