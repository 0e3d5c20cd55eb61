"""``edgesnn analyse cka``: a model and its network, compared by what the library says of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.analysis.cka import compare
from edgesnn.analysis.module_features import model_grams
from edgesnn.analysis.population_features import Signal, network_grams
from edgesnn.checkpoint import write_checkpoint
from edgesnn.cli import main
from edgesnn.encoders import RateEncoder, encoder_from_info, encoder_to_info
from edgesnn.samples import Samples, write_samples
from tests.compress.test_measure import exact_network

MODEL, NETWORK, _ = exact_network()
ENCODER = RateEncoder(20, high=1.0, full_scale=16, steps_per_sample=12)
INFO = {"encoder": encoder_to_info(ENCODER)}
SAMPLES = Samples(np.random.default_rng(0).random((30, 1, 20)))
EVENTS = SAMPLES.events(encoder_from_info(INFO))

Analyse = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``m.model``, the network of the same numbers ``n.esnn``, and samples ``s.npz``."""
    write_checkpoint(replace(MODEL, info=INFO), tmp_path / "m.model")
    model_file.write(replace(NETWORK, info=INFO), tmp_path / "n.esnn")
    write_samples(tmp_path / "s.npz", SAMPLES)
    return tmp_path


@pytest.fixture
def analyse(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Analyse:
    """Run ``edgesnn analyse cka`` in the folder; exit code, output and errors."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgesnn", "analyse", "cka", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return ended.value.code if isinstance(ended.value.code, int) else 0, *printed

    return call


@pytest.mark.parametrize("signal", Signal)
def test_a_model_and_its_network_are_compared_as_the_library_does(
    analyse: Analyse, folder: Path, signal: Signal
) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra 'report'")
    words = ("--samples", "s.npz", "--signal", signal, "--batch", "10", "--png", "p.png")
    code, out, _ = analyse("m.model", "n.esnn", *words, "--json")
    assert code == 0
    found = json.loads(out)
    expected = compare(
        model_grams(MODEL, EVENTS, signal=signal, batch_size=10),
        network_grams(NETWORK, EVENTS, signal=signal, batch_size=10),
    )
    assert found["cka"] == pytest.approx(expected.values)
    assert (found["windows"], found["rows"]) == (30, ["hidden", "output"])
    assert found["twins"] == pytest.approx({"hidden": 1.0, "output": 1.0})
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_is_compared_with_itself_on_a_terminal(analyse: Analyse) -> None:
    code, out, _ = analyse("n.esnn", "--samples", "s.npz", "--count", "20")
    assert code == 0
    assert "CKA of n.esnn (rows) and n.esnn (columns)" in " ".join(out.split())
    assert "hidden" in out
    assert "output" in out


def test_steps_of_a_population_are_compared(analyse: Analyse) -> None:
    words = ("m.model", "n.esnn", "--samples", "s.npz", "--steps", "hidden")
    code, out, _ = analyse(*words, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["rows"] == [f"hidden @ {step}" for step in range(12)]
    expected = compare(network_grams(NETWORK, EVENTS, ["hidden"], by_step=True))
    assert np.array(found["cka"], float) == pytest.approx(expected.values, nan_ok=True)
    code, out, errors = analyse(*words)
    assert code == 0
    assert "layers of one name" in " ".join(out.split())
    assert ("has no CKA" in errors) == bool(np.isnan(expected.values).all(axis=1).any())


def test_a_silent_network_has_no_cka_and_that_is_said(analyse: Analyse, folder: Path) -> None:
    write_samples(folder / "quiet.npz", Samples(np.zeros((8, 1, 20))))
    code, out, errors = analyse("n.esnn", "--samples", "quiet.npz", "--json")
    assert code == 0
    assert json.loads(out)["cka"] == [[None, None], [None, None]]
    assert "did the same in every window: there is no CKA" in errors


@pytest.mark.parametrize(
    ("arguments", "expected", "text"),
    [
        (("n.esnn", "--samples", "s.npz", "--count", "3"), 1, "must be 4 or more, not 3"),
        (("n.esnn", "--samples", "s.npz", "--steps", "hiden"), 1, "one of hidden, output, not"),
        (("n.esnn", "--samples", "s.npz", "--signal", "rate"), 2, "one of spikes, traces, v"),
        (("n.esnn", "--samples", "s.npz", "--batch", "3"), 2, "--batch"),
        (("n.esnn", "absent.esnn", "--samples", "s.npz"), 2, "absent.esnn"),
        (("n.esnn", "s.npz", "--samples", "s.npz"), 1, "must"),
        (("n.esnn", "--samples", "s.npz", "--png", "no/p.png"), 1, "no/p.png"),
        (("n.esnn",), 1, "samples must be given"),
    ],
)
def test_bad_use_is_told_without_a_traceback(
    analyse: Analyse, arguments: tuple[str, ...], expected: int, text: str
) -> None:
    code, _, errors = analyse(*arguments)
    assert code == expected
    assert text in " ".join(errors.split())


def test_networks_of_other_windows_are_refused(analyse: Analyse, folder: Path) -> None:
    other = {"encoder": encoder_to_info(RateEncoder(20, high=1.0, steps_per_sample=6))}
    model_file.write(replace(NETWORK, info=other), folder / "o.esnn")
    code, _, errors = analyse("n.esnn", "o.esnn", "--samples", "s.npz")
    assert code == 1
    assert "a window must hold 2 sample(s)" in errors


def test_the_analyses_have_help_with_an_example_and_are_in_the_changelog(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgesnn.cli.app import ANALYSES

    log = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    for name in ANALYSES:
        assert f"`analyse {name}`" in log
        monkeypatch.setattr(sys, "argv", ["edgesnn", "analyse", name, "--help"])
        with pytest.raises(SystemExit):
            main()
        shown = capsys.readouterr().out
        assert "Example:" in shown
        assert "--json" in shown
