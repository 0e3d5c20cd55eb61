"""``edgesnn compress``: what it writes, what it refuses, and how it ends when interrupted."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.checkpoint import write_checkpoint
from edgesnn.cli import main
from edgesnn.compress.settings import CompressionSettings
from edgesnn.encoders import RateEncoder, encoder_to_info
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.samples import Samples, write_samples

Compress = Callable[..., int]
CHANNELS = 8


def model() -> Model:
    rng = np.random.default_rng(0)
    encoder = RateEncoder(CHANNELS, high=1.0, full_scale=16, steps_per_sample=10)
    return Model(
        (
            InputPopulation("input", CHANNELS),
            ModelPopulation("hidden", np.ones(12), np.full(12, 0.9), np.zeros(12)),
            ModelPopulation("output", np.ones(2), np.ones(2), np.zeros(2), spiking=False),
        ),
        (
            ModelConnection(0, 1, rng.normal(0.1, 0.5, (CHANNELS, 12))),
            ModelConnection(1, 2, rng.normal(0, 0.5, (12, 2))),
        ),
        Readout(2, ReadoutRule.MEMBRANE_SUM, 10),
        {"encoder": encoder_to_info(encoder), "labels": ["low", "high"]},
    )


def samples(count: int = 40, seed: int = 1) -> Samples:
    values = np.random.default_rng(seed).random((count, CHANNELS))
    return Samples(values, (values.mean(axis=1) > 0.5).astype(np.int64))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with ``m.model``, ``s.npz`` to calibrate on and ``e.npz`` to evaluate on."""
    write_checkpoint(model(), tmp_path / "m.model")
    write_samples(tmp_path / "s.npz", samples())
    write_samples(tmp_path / "e.npz", samples(seed=2))
    return tmp_path


@pytest.fixture
def compress(files: Path, monkeypatch: pytest.MonkeyPatch) -> Compress:
    """Run ``edgesnn compress`` in the folder of ``files``; the exit code."""
    monkeypatch.chdir(files)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str, source: str = "s.npz") -> int:
        words = ["compress", "m.model", "-o", "n.esnn", "--threads", "1", "--samples", source]
        monkeypatch.setattr(sys, "argv", ["edgesnn", *words, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return call


def test_network_report_and_page_are_written_and_agree(
    compress: Compress, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the page needs the extra 'report'")
    written = ("--report", "r.json", "--html", "r.html", "--evaluate", "e.npz")
    assert compress("--sparsity", "0.5", *written, "--json") == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    network = model_file.read(files / "n.esnn")
    report = json.loads((files / "r.json").read_text())
    assert printed == {"output": "n.esnn", **report}
    assert report["num_synapses"] == network.num_synapses
    assert report["stages"][-1]["accuracy"] == network.info["accuracy"]["integer"]
    assert report["boards"]["icebreaker"] == []
    page = (files / "r.html").read_text()
    assert "<title>Compression of m.model</title>" in page
    assert "input -&gt; hidden" in page
    assert f"{report['num_synapses']:,} synapses" in page
    assert sorted(p.name for p in files.iterdir()) == [
        "e.npz", "m.model", "n.esnn", "r.html", "r.json", "s.npz",
    ]  # fmt: skip


def test_every_setting_reaches_the_compressor(
    compress: Compress, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {
        "sparsity": 0.25, "allocation": "uniform", "lamps_exponent": 3.0, "pruner": "obc",
        "quantizer": "obc", "order": "joint", "bits": 3, "readout_bits": 8,
        "granularity": "layer", "range": "max", "bias_correction": False, "max_groups": 2,
        "match_rates": False, "fine_tune_epochs": 2, "fine_tune_rate": 0.01, "state_bits": 24,
        "threads": 1, "seed": 5,
    }  # fmt: skip
    options = [
        "--sparsity", "0.25", "--allocation", "uniform", "--lamps-exponent", "3", "--pruner", "obc",
        "--quantizer", "obc", "--order", "joint", "--bits", "3", "--readout-bits", "8",
        "--granularity", "layer", "--range", "max", "--no-bias-correction", "--max-groups", "2",
        "--no-match-rates",
        "--fine-tune", "2", "--fine-tune-rate", "0.01", "--state-bits", "24", "--seed", "5",
    ]  # fmt: skip
    default = asdict(CompressionSettings())
    assert default.pop("max_sops") is None  # not with the order "joint"
    assert default.keys() == wanted.keys()
    assert [name for name in wanted if wanted[name] == default[name]] == []
    assert compress(*options, "--json") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["settings"] == {**wanted, "max_sops": None}
    assert found["state_bits"] == 24
    assert found["rate_error_before"] is None


def test_a_limit_of_operations_reaches_the_compressor(
    compress: Compress, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compress("--sparsity", "0.6", "--max-sops", "0.01") == 1
    assert "max_sops must be at least" in capsys.readouterr().err
    assert compress("--max-sops", "0") == 2
    assert "max_sops must be above 0 and finite, not 0.0" in capsys.readouterr().err.replace(
        "\n", " "
    )


def test_samples_of_the_evaluation_change_only_the_figures(compress: Compress, files: Path) -> None:
    networks = []
    for evaluate in ("s.npz", "e.npz"):
        assert compress("--evaluate", evaluate) == 0
        network = model_file.read(files / "n.esnn")
        info = {k: v for k, v in network.info.items() if k != "accuracy"}
        networks.append(model_file.encode(replace(network, info=info)))
    assert networks[0] == networks[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sparsity", "1"), "sparsity must be at least 0 and below 1, not 1.0"),
        (("--allocation", "x"), "allocation must be one of lamps, uniform, global-magnitude"),
        (("--pruner", "x"), "pruner must be one of sbc, obc, activity, magnitude, not 'x'"),
        (("--quantizer", "x"), "quantizer must be one of sbc-descent, sbc, obc-descent, obc"),
        (("--order", "x"), "order must be one of prune-first, quantize-first, joint, not 'x'"),
        (("--order", "joint", "--quantizer", "nearest"), "order must be 'prune-first' with the"),
        (("--bits", "5"), "bits must be one of 2, 3, 4, not 5"),
        (("--granularity", "x"), "granularity must be one of row, layer, power-of-two"),
        (("--range", "x"), "range must be one of "),
        (("--state-bits", "17"), "state bits must be one of auto, 16, 18, 24, not '17'"),
        (("--fine-tune-rate", "0"), "fine_tune_rate must be above 0 and finite, not 0.0"),
        (("--report", "n.esnn"), "must be different files"),
        (("--html", "m.model"), "must be different files"),
        (("--report", "r", "--html", "./r"), "must be different files"),
    ],
)
def test_wrong_usage_is_told_before_any_work(
    compress: Compress,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    before = (files / "m.model").read_bytes()
    assert compress(*arguments, "--json") == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert error["kind"] == "UsageError"
    assert message in error["message"]
    assert not (files / "n.esnn").exists()
    assert (files / "m.model").read_bytes() == before


@pytest.mark.parametrize("option", ["-o", "--report", "--html"])
def test_every_output_must_be_writable_before_any_work(
    compress: Compress,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
) -> None:
    from edgesnn.compress import pipeline

    monkeypatch.setattr(pipeline, "compress", lambda *_, **__: pytest.fail("it started to work"))
    assert compress(option, "no/such/folder") == 1
    assert "no/such/folder must lie in a folder that exists; make" in capsys.readouterr().err
    assert not (files / "n.esnn").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (samples().windows, "must hold labels: an array 'labels', or a last column 'label'"),
        (
            np.zeros((0, CHANNELS)),
            "must hold at least one window, of at least one sample and channel, not [0, 1, 8]",
        ),
        (np.zeros((40, CHANNELS + 1)), "a sample must have 8 channels, not 9"),
        (np.full((40, CHANNELS), np.nan), "samples must be finite numbers"),
    ],
)
def test_samples_that_cannot_be_used_are_one_message(
    compress: Compress,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    content: np.ndarray,
    message: str,
) -> None:
    labels = {} if "labels" in message else {"labels": np.zeros(len(content), np.int64)}
    np.savez(files / "bad.npz", samples=content, **labels)
    assert compress(source="bad.npz") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert message in said
    assert "Traceback" not in said
    assert not (files / "n.esnn").exists()


def test_a_fine_tuning_that_diverges_is_one_message_and_no_file(
    compress: Compress, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(p.name for p in files.iterdir())
    assert compress("--fine-tune", "2", "--fine-tune-rate", "1e38", "--report", "r.json") == 1
    said = capsys.readouterr().err
    assert "must stay finite, but did not in epoch 1 of 2" in said
    assert "--fine-tune-rate" in said
    assert "Traceback" not in said
    assert sorted(p.name for p in files.iterdir()) == before


def test_a_sparsity_that_empties_a_layer_is_one_message(
    compress: Compress, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compress("--sparsity", "0.99", "--allocation", "uniform") == 1
    assert "must keep at least one weight, but a sparsity of 0.99" in capsys.readouterr().err
    assert not (files / "n.esnn").exists()


def command(*words: str, without: str = "") -> list[str]:
    """``edgesnn`` in a process of its own, with one package hidden."""
    program = (
        "import signal, sys; from edgesnn.cli import main; sys.argv[0] = 'edgesnn'\n"
        # Ctrl-C works even if these tests run in the background of a shell, which ignores it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"if {without!r}: sys.modules[{without!r}] = None\n"
        "main()"
    )
    return [sys.executable, "-c", program, *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"}


def test_page_without_matplotlib_is_refused_before_any_work(files: Path) -> None:
    words = ("compress", "m.model", "-o", "n.esnn", "--samples", "s.npz", "--html", "r.html")
    done = subprocess.run(
        command(*words, without="matplotlib"),
        cwd=files,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "the report as a page must have the extra 'report'" in done.stderr
    assert "pip install 'edgesnn[report]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (files / "n.esnn").exists()


def read(terminal: int) -> bytes:
    """What comes next; nothing if the other end is closed or says nothing for a minute."""
    if not select.select([terminal], [], [], 60)[0]:
        return b""
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux tells that the other end is closed
        return b""


def test_ctrl_c_leaves_no_file_and_no_traceback(files: Path) -> None:
    """A real signal to a real process, in the middle of its work; progress is on a terminal."""
    before = sorted(p.name for p in files.iterdir())
    words = ("compress", "m.model", "-o", "n.esnn", "--samples", "s.npz", "--threads", "1")
    more = ("--fine-tune", "100000", "--report", "r.json")
    terminal, standard_error = pty.openpty()
    running = subprocess.Popen(
        command(*words, *more),
        cwd=files,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=standard_error,
    )
    os.close(standard_error)
    shown = b""
    try:
        while b"fine-tune" not in shown and (part := read(terminal)):
            shown += part
        assert b"fine-tune" in shown, shown
        running.send_signal(signal.SIGINT)
        while part := read(terminal):
            shown += part
        assert running.wait(timeout=30) == 130
    finally:
        running.kill()
        running.wait()
        os.close(terminal)
    assert running.stdout is not None
    assert running.stdout.read() == b""
    running.stdout.close()
    assert b"Traceback" not in shown
    assert sorted(p.name for p in files.iterdir()) == before
