"""``edgesnn prune-recurrent`` and ``edgesnn analyse lyapunov``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.checkpoint import read_checkpoint, write_checkpoint
from edgesnn.cli import main, prune_recurrent_verb
from edgesnn.recurrent.lnp import LnpIteration, LnpSettings, drive
from edgesnn.recurrent.networks import HIDDEN, RecurrentSettings, recurrent_model
from edgesnn.recurrent.tasks import FORECASTS, Forecast
from edgesnn.samples import Samples, write_samples

Call = Callable[..., int]


def waves(count, _seed, _data):
    return np.sin(np.arange(count) / 5)[:, np.newaxis]


@pytest.fixture(autouse=True)
def small_task(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Forecast(
        "waves", "", waves, 1, 1, 1.0, window_samples=20, skip=5, training=8, held_out=4
    )
    monkeypatch.setitem(FORECASTS, "waves", task)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    def run(*words: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["edgesnn", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return run


@pytest.fixture
def prune(call: Call) -> Call:
    small = ("--neurons", 40, "--iterations", 2, "--trials", 0)
    return lambda *words: call("prune-recurrent", "waves", *small, *words)


def test_pruned_model_and_log_are_written(
    prune: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output, log = tmp_path / "p.model", tmp_path / "p.json"
    assert prune("-o", output, "--log", log, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    model = read_checkpoint(output)
    assert model.populations[HIDDEN].size == found["neurons"] == 16
    entries = json.loads(log.read_text())
    assert [e["neurons"] for e in entries] == [40, 25, 16]
    assert entries == found["iterations"] == model.info["lnp"]["log"]
    assert 0 < found["nrmse"] < 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.json", "p.model"]


def test_same_command_goes_on_after_an_interruption(
    prune: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    whole, output = tmp_path / "whole.model", tmp_path / "p.model"
    assert prune("-o", whole) == 0

    def interrupted(_entry: LnpIteration) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(prune_recurrent_verb, "describe", interrupted)
        assert prune("-o", output) == 130
    state = tmp_path / "p.model.partial"
    assert f"Interrupted; {state} keeps the state." in capsys.readouterr().err
    assert prune("-o", output, "--seed", 1) == 1
    told = capsys.readouterr().err
    assert "must go on with the settings it began with (seed = 0, not 1)" in told
    assert prune("-o", output) == 0
    assert f"Going on from {state}." in capsys.readouterr().err
    one, other = read_checkpoint(whole), read_checkpoint(output)
    for a, b in zip(one.connections, other.connections, strict=True):
        assert np.array_equal(a.parameters, b.parameters)
    assert not state.exists()


def test_state_of_another_network_or_none_at_all_is_refused(
    prune: Call, call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "p.model"
    write_checkpoint(recurrent_model(RecurrentSettings(4, 40, 1), 0), tmp_path / "p.model.partial")
    assert prune("-o", output) == 1
    assert "must be the state of a pruning: remove" in capsys.readouterr().err
    assert prune("-o", output, "--no-resume") == 0


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("prune-recurrent", "weather"), 2, "a task must be one of lorenz"),
        (("prune-recurrent", "waves", "--rule", "taste"), 2, "a rule must be one of noise"),
        (("prune-recurrent", "waves", "--neurons-kept", "0"), 1, "neurons_kept must be above 0"),
        (("prune-recurrent", "waves", "--neurons", "10"), 1, "more neurons than neighbours, 16"),
        (("prune-recurrent", "waves", "-o", "absent/p.model"), 1, "must lie in a folder"),
        (("analyse", "lyapunov", "absent.model"), 2, "absent.model"),
    ],
)
def test_what_cannot_work_is_told_without_a_traceback(
    call: Call, capsys: pytest.CaptureFixture[str], words, code: int, text: str
) -> None:
    assert call(*words) == code
    told = capsys.readouterr().err
    assert text in told
    assert "Traceback" not in told


def test_exponents_are_those_of_the_driven_network(
    call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = recurrent_model(RecurrentSettings(4, 40, 1, input_gain=2.0), 0)
    write_checkpoint(model, tmp_path / "m.model")
    words = ("--exponents", 5, "--steps", 60, "--skip", 10, "--runs", 1, "--json")
    assert call("analyse", "lyapunov", tmp_path / "m.model", *words) == 0
    found = json.loads(capsys.readouterr().out)
    settings = LnpSettings(num_exponents=5, num_steps=70, skip=10, runs=1)
    spectrum = drive(model, settings).spectrum
    assert found["exponents"] == pytest.approx(spectrum.exponents.tolist())
    assert found["of_neurons"] == pytest.approx(spectrum.of_units.tolist())
    assert found["above_zero"] == sum(e > 0 for e in spectrum.exponents)
    assert found["steps"] == 60


def test_a_silent_network_has_no_exponents(
    call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    silent = recurrent_model(replace(RecurrentSettings(4, 40, 1), input_gain=0.0), 0)
    write_checkpoint(silent, tmp_path / "m.model")
    assert call("analyse", "lyapunov", tmp_path / "m.model") == 1
    assert "some neurons must fire in some steps under noise" in capsys.readouterr().err


def test_training_whole_makes_the_error_smaller(
    prune: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    errors = []
    for epochs in (0, 6):
        assert prune("-o", tmp_path / "p.model", "--epochs", epochs, "--json") == 0
        errors.append(json.loads(capsys.readouterr().out)["nrmse"])
    assert errors[1] < errors[0]


@pytest.mark.slow
def test_a_pruned_forecaster_becomes_a_network_whose_windows_verify(
    call: Call, prune: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model, network, windows = (tmp_path / name for name in ("p.model", "p.esnn", "p.npz"))
    assert prune("-o", model, "--held-out", windows) == 0
    capsys.readouterr()
    assert call("compress", model, "-o", network, "--sparsity", 0.1, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    # More is gone already than is to go: nothing else is removed but what rounds to 0.
    left = sum(np.count_nonzero(c.parameters) for c in read_checkpoint(model).connections)
    assert 0.85 * left < model_file.read(network).num_synapses <= left
    assert 0 < found["nrmse_before"] < found["nrmse_after"] < 2 * found["nrmse_before"]
    assert call("verify", network, "--samples", windows, "--count", 2, "--json") == 0
    verified = json.loads(capsys.readouterr().out)["executors"]
    assert [e["mismatches"] for e in verified] == [0] * len(verified)


def test_neurons_can_go_by_their_rate(prune: Call, tmp_path: Path) -> None:
    kept = []
    for rule in ("betweenness", "rate"):
        assert prune("-o", tmp_path / "p.model", "--node-rule", rule) == 0
        history = read_checkpoint(tmp_path / "p.model").info["lnp"]
        assert history["settings"]["node_rule"] == rule
        kept.append(history["kept"])
    assert kept[0] != kept[1]


def test_fine_tuning_brings_the_error_of_a_forecaster_down(
    call: Call, prune: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert prune("-o", tmp_path / "p.model", "--epochs", 10) == 0
    capsys.readouterr()
    errors = []
    for epochs in (0, 10):
        assert call("compress", tmp_path / "p.model", "-o", tmp_path / "p.esnn",
                    "--sparsity", 0.5, "--fine-tune", epochs, "--json") == 0  # fmt: skip
        errors.append(json.loads(capsys.readouterr().out)["nrmse_after"])
    assert errors[1] < errors[0]


def test_a_forecaster_cannot_be_evaluated_by_labels(
    call: Call, prune: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert prune("-o", tmp_path / "p.model") == 0
    held_out = tmp_path / "p.npz"
    write_samples(held_out, Samples(np.zeros((2, 3, 1), np.float32)))
    assert call("compress", tmp_path / "p.model", "--evaluate", held_out) == 2
    assert "a model that forecasts has no labels to count by" in capsys.readouterr().err
