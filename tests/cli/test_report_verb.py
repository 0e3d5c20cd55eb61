"""``edgesnn report``: cycles of each population and phase, predicted and counted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.backends.gates import GatesBackend
from edgesnn.cli import main
from edgesnn.encoders import RateEncoder, encoder_to_info
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network, Readout
from edgesnn.samples import Samples, write_samples
from edgesnn.synapses import Synapses


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A network of two populations, and two windows for it."""
    network = Network(
        (
            InputPopulation("keys", 2),
            LifPopulation("hidden", [4] * 3, [4096] * 3, [0] * 3, membrane_bits=12),
            LifPopulation("out", [4, 4], [4096, 4096], [0, 0], membrane_bits=12),
        ),
        (
            Connection(0, 1, Synapses.from_dense(np.array([[5, 0, 1], [0, 5, 1]]))),
            Connection(1, 2, Synapses.from_dense(np.array([[5, 0], [0, 5], [1, 1]]))),
        ),
        Readout(2, window_steps=4),
        info={"encoder": encoder_to_info(RateEncoder(2, high=4, full_scale=4, steps_per_sample=4))},
    )
    model_file.write(network, tmp_path / "keys.esnn")
    write_samples(tmp_path / "keys.npz", Samples(np.array([[[4, 0]], [[1, 3]]]), np.array([0, 1])))
    return str(tmp_path / "keys.esnn"), str(tmp_path / "keys.npz")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edgesnn", "report", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_cycles_are_told_by_population_and_phase_and_the_gates_count_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: tuple[str, str]
) -> None:
    network, samples = files
    assert run(monkeypatch, network, "--samples", samples, "--measure", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [p["name"] for p in told["populations"]] == ["hidden", "out"]
    assert (told["windows"], told["steps"]) == (2, 8)
    # Four lanes: a cycle for four neurons, but for those of the read-out, which come one by one.
    assert [p["update"] for p in told["populations"]] == [8 * 1, 8 * 4]
    assert told["cycles"] == sum(sum(list(p.values())[1:]) for p in told["populations"])
    assert told["counted"] == [list(p.values())[1:] for p in told["populations"]]

    assert run(monkeypatch, network, "--samples", samples) == 0
    shown = capsys.readouterr().out
    assert "cycles per time step on icebreaker, 8 steps" in shown
    for word in ("hidden", "integrate", "update", "settle", "share"):
        assert word in shown


def test_report_fails_if_the_gates_count_something_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: tuple[str, str]
) -> None:
    honest = GatesBackend.phases
    monkeypatch.setattr(GatesBackend, "phases", lambda self: honest(self) + 1)
    network, samples = files
    assert run(monkeypatch, network, "--samples", samples, "--measure") == 1
    assert "The gates count something else." in capsys.readouterr().out
