"""What a network costs on a microcontroller: exact, repeatable, and right."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn.cli import main
from edgesnn.encoders import RateEncoder, encoder_to_info
from edgesnn.errors import BuildFailed, ToolNotFound
from edgesnn.events import EventStream
from edgesnn.microcontroller import (
    TARGETS,
    EmulatedDevice,
    _code_bytes,
    _Printed,
    image_for,
    profile,
)
from edgesnn.network import Network
from edgesnn.reference import Reference
from edgesnn.samples import Samples, write_samples
from tests.firmware.emulated import needs
from tests.strategies import random_events, random_network

EACH_TARGET = [pytest.param(t, marks=[needs(t), pytest.mark.tools]) for t in TARGETS]


@pytest.mark.parametrize("target", EACH_TARGET)
def test_profile_of_a_network_counts_and_agrees_with_the_reference(
    target: str, small_network: Network
) -> None:
    streams = [random_events(small_network, seed, 10) for seed in range(2)]
    found = profile(small_network, streams, target)
    reference = Reference(small_network)
    for window, stream in zip(found.windows, streams, strict=True):
        reference.reset()
        expected = reference.run(stream)
        assert window.accumulators == tuple(expected.accumulators)
        assert window.decision == expected.decision
        assert window.counters == dataclasses.replace(expected.counters, cycles=0)
        assert len(window.steps) == 10
        assert window.instructions > sum(step.step for step in window.steps) > 0
    assert found.image_bytes == len(image_for(small_network))
    assert 2000 < found.code_bytes < 16_000
    assert 0 < found.stack_bytes < 1024
    assert 0 < found.load_stack_bytes < 1024
    assert found.memory_bytes % 4 == 0
    assert found.ram_bytes < 2048
    # A CRC-32 over all of it is the least that a load must do.
    assert found.load_instructions > 5 * found.image_bytes


@pytest.mark.tools
@needs("cortex-m0plus")
@needs("rv32imc")
@pytest.mark.parametrize("target", ["cortex-m0plus", "rv32imc"])
def test_counts_are_exact_and_do_not_depend_on_what_was_before(
    target: str, small_network: Network
) -> None:
    one = random_events(small_network, 4, 6)
    alone = profile(small_network, [one], target)
    among_others = profile(small_network, [random_events(small_network, 5, 9), one, one], target)
    assert alone.windows == among_others.windows[1:2] == among_others.windows[2:]


@pytest.mark.tools
@needs("cortex-m3")
def test_silence_costs_the_same_in_every_step_and_every_event_costs_more() -> None:
    network = random_network(3, max_size=40)
    silent = profile(network, [EventStream.from_steps([[]] * 5)], "cortex-m3")
    events = profile(network, [EventStream.from_steps([[], [0], []])], "cortex-m3")
    pushed = [step.events for step in events.windows[0].steps]
    assert len({step.events for step in silent.windows[0].steps}) == 1
    assert pushed[0] == pushed[2] < pushed[1]


def test_calibration_refuses_an_emulator_that_counts_something_else() -> None:
    good = "calibration 00000002 0007d010\n"
    assert _Printed(TARGETS["cortex-m3"], good.replace("7d010", "138802")).instructions(66) == 10
    with pytest.raises(BuildFailed, match="must count about 200000 instructions"):
        _Printed(TARGETS["cortex-m3"], good)


def test_code_is_what_the_linker_kept_of_the_runtime() -> None:
    linker_map = """\
Discarded input sections
 .text.esnn_x   0x0000000000000000      0x100 /tmp/edgesnn.o
Linker script and memory map
 .text.main     0x0000000000000100       0x40 /tmp/measure.o
 .text.esnn_load_and_a_long_name
                0x0000000000000140       0x20 /tmp/edgesnn_load.o
 .rodata.table  0x0000000000000160       0x10 /tmp/edgesnn_crc32.o
 .bss.memory    0x0000000020000000     0x1000 /tmp/edgesnn.o
 .text          0x0000000000000170        0x8 /usr/lib/gcc/arm/libgcc.a(_udivsi3.o)
"""
    assert _code_bytes(linker_map) == 0x38


@pytest.mark.parametrize("target", TARGETS)
def test_missing_tools_are_named_with_their_debian_packages(
    target: str, small_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    compiler, package = (
        ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf")
        if target.startswith("rv32")
        else ("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    )
    expected = rf"for {target}, make, {compiler}, .* must be on the path; on Debian: .*{package}"
    with pytest.raises(ToolNotFound, match=expected):
        profile(small_network, [], target)
    with pytest.raises(ToolNotFound, match=expected):
        EmulatedDevice(target)


@pytest.fixture
def files(small_network: Network, tmp_path: Path) -> tuple[Path, Path]:
    """A network file whose encoder is known, and samples for it: three windows."""
    encoder = RateEncoder(3, high=4, full_scale=4, steps_per_sample=5)
    network = dataclasses.replace(small_network, info={"encoder": encoder_to_info(encoder)})
    model_file.write(network, tmp_path / "small.esnn")
    windows = np.random.default_rng(0).integers(0, 5, (3, 2, 3))
    write_samples(tmp_path / "small.npz", Samples(windows))
    return tmp_path / "small.esnn", tmp_path / "small.npz"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["edgesnn", "profile", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.tools
@needs("cortex-m4")
def test_verb_prints_a_table_or_json(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network, samples = files
    arguments = (network, "--samples", samples, "--count", "2")
    assert run(monkeypatch, *arguments) == 0
    shown = capsys.readouterr().out
    assert "Cortex-M4 on MPS2 AN386, 2 windows" in shown
    assert "instructions of a time step" in shown
    assert run(monkeypatch, *arguments, "--optimize", "Os", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["windows"], found["mismatches"], found["target"]) == (2, 0, "cortex-m4")
    assert len(found["instructions_of_steps"]) == 20
    assert found["flash_bytes"] == found["code_bytes"] + found["image_bytes"]


def test_verb_refuses_unknown_targets_and_reports_missing_tools(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network, samples = files
    arguments = (network, "--samples", samples)
    assert run(monkeypatch, *arguments, "--target", "avr") == 2
    assert "a target must be one of cortex-m0plus, " in capsys.readouterr().err
    assert run(monkeypatch, *arguments, "--optimize", "O9") == 2
    assert "an optimization must be one of O1, " in capsys.readouterr().err
    assert run(monkeypatch, *arguments, "--coding", "dense") == 2
    assert "a coding must be one of auto, wide, packed" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "/nonexistent")
    assert run(monkeypatch, *arguments) == 4
    assert "apt install make gcc-arm-none-eabi qemu-system-arm" in capsys.readouterr().err
