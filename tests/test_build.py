"""From a board to a bitstream: the plan, the cache, the tools, and what is said if one fails."""

from __future__ import annotations

import dataclasses
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgesnn import build as builder
from edgesnn.boot_image import BootImage
from edgesnn.build import BuildResult, Sweep, build, flash, missing_tools, sweep, synthesise
from edgesnn.errors import BuildError, BuildFailed, DoesNotFit, ToolNotFound
from edgesnn.memory_image import pack
from edgesnn.network import Network
from edgesnn_boards import all_boards, find_board
from edgesnn_boards.board import Board
from edgesnn_boards.icebreaker import BOARD
from edgesnn_hdl.memories import COLLISION_SCRIPT

NEEDS_TOOLS = pytest.mark.skipif(
    bool(missing_tools(BOARD)), reason="yowasp tools are not installed (extra fpga)"
)


class StandInPlan:
    """A build plan whose script is a line of shell: what a tool does, without the tool."""

    script = "build_top"

    def __init__(self, line: str) -> None:
        self.line = line

    def digest(self) -> bytes:
        return self.line.encode()

    def extract(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "build_top.sh").write_text(self.line)


RESOURCES = ("ICESTORM_LC", "ICESTORM_RAM")
REPORT = json.dumps(
    {
        "utilization": {name: {"used": 1, "available": 2} for name in (*RESOURCES, "OTHER")},
        "fmax": {"clk": {"achieved": 30.125}, "other": {"achieved": 99}},
    }
)
CELLS = json.dumps({"design": {"num_cells_by_type": {"SB_DFF": 3, "SB_DFFER": 4, "SB_LUT4": 9}}})
#: Synthesis leaves a netlist; placing is better with every seed.
GOOD = f"""
if [ "$YOSYS" != true ]; then echo yosys >> ../../../runs; echo '{CELLS}' > cells.json; fi
if [ "$NEXTPNR_ICE40" != true ]; then
    echo seed $EDGESNN_SEED >> ../../../runs
    echo '{REPORT}' | sed s/30.125/$((20 + EDGESNN_SEED)).125/ > report.json
    echo bits > top.bin
fi
"""


class StandInBoard(Board):
    """A board whose plan is a few lines of shell."""

    def plan(self) -> StandInPlan:
        return StandInPlan(self.notes[0])


def board_with(line: str, **changes: object) -> Board:
    fields = {field.name: getattr(BOARD, field.name) for field in dataclasses.fields(BOARD)}
    family = replace(BOARD.family, **{"tools": {}, "resources": RESOURCES} | changes)
    return StandInBoard(**fields | {"family": family, "notes": (line,)})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESNN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_build_is_done_once_and_then_taken_from_the_cache(own_cache: Path) -> None:
    said: list[str] = []
    first = build(board_with(GOOD), 10, said.append)
    second = build(board_with(GOOD), 10)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert first.fmax_mhz == second.fmax_mhz == 30.12
    assert first.meets_timing
    assert first.usage == {"ICESTORM_LC": (1, 2), "ICESTORM_RAM": (1, 2)}
    assert (first.lc, first.flip_flops) == (1, 7)
    assert Path(first.bitstream).read_text() == "bits\n"
    assert runs(own_cache) == ["yosys", "seed 10"]
    assert any("yosys" in text for text in said)


def test_a_sweep_makes_one_netlist_and_goes_on_where_it_was_left(own_cache: Path) -> None:
    build(board_with(GOOD), 2)
    results = list(sweep(board_with(GOOD), (1, 2, 3)))
    assert [r.fmax_mhz for r in results] == [21.12, 22.12, 23.12]
    assert [r.from_cache for r in results] == [False, True, False]
    assert runs(own_cache) == ["yosys", "seed 2", "seed 1", "seed 3"]


def test_a_sweep_keeps_the_best_and_tells_lowest_median_and_highest() -> None:
    swept = Sweep.of(sweep(board_with(GOOD), (4, 1, 9)))
    assert swept.best.seed == 9
    assert swept.fmax_mhz == (21.12, 24.12, 29.12)
    assert swept.seeds == (4, 1, 9)


def test_the_netlist_is_the_one_that_is_placed(own_cache: Path) -> None:
    netlist = synthesise(board_with(GOOD))
    assert netlist.name == BOARD.family.netlist
    assert (netlist.parent / "cells.json").read_text() == f"{CELLS}\n"
    build(board_with(GOOD), 3)
    assert synthesise(board_with(GOOD)) == netlist
    assert runs(own_cache) == ["yosys", "seed 3"]


def test_a_netlist_needs_no_placer(own_cache: Path) -> None:
    synthesise(board_with(GOOD, tools={"no-such-placer": "x"}))
    assert runs(own_cache) == ["yosys"]


def runs(folder: Path) -> list[str]:
    """Which tools ran, in order."""
    return (folder / "cache" / "bitstreams" / "runs").read_text().splitlines()


def test_another_design_is_built_again() -> None:
    assert not build(board_with(GOOD)).from_cache
    assert not build(board_with(GOOD + "true")).from_cache


def test_a_failed_build_shows_the_last_lines_and_keeps_the_log(own_cache: Path) -> None:
    line = "for n in $(seq 40); do echo line $n; done; exit 3"
    with pytest.raises(BuildFailed, match="line 40") as failure:
        build(board_with(line))
    assert "line 10\n" not in str(failure.value)
    (log,) = (own_cache / "cache" / "bitstreams").glob("*.log")
    assert str(log) in str(failure.value)
    assert "line 1\n" in log.read_text()


def test_a_missing_tool_is_named_with_what_to_install() -> None:
    with pytest.raises(ToolNotFound, match=r"no-such-tool must be on the path; pip install"):
        build(board_with(GOOD, tools={"no-such-tool": "x"}))


def test_an_unknown_board_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BuildError, match=r"board must be one of \[.*'icebreaker'.*\], not 'nope'"):
        find_board("nope")


def result(bitstream: Path, fmax_mhz: float) -> BuildResult:
    return BuildResult("icebreaker", 1, str(bitstream), "", fmax_mhz, 24.0, 1, 1, {}, 1.0, True)


def loader(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an executable called openFPGALoader on the path, the first of its name."""
    path = folder / "openFPGALoader"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(builder, "tool_environment", lambda: {"PATH": str(folder)})


def test_flash_without_a_loader_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "tool_environment", lambda: {"PATH": str(tmp_path / "nothing")})
    with pytest.raises(ToolNotFound, match=r"pip install 'edgesnn\[loader\]'"):
        flash(BOARD, result(tmp_path / "top.bin", 30.0))


def test_flash_hands_the_bitstream_to_the_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader(tmp_path, f'echo "$@" > {tmp_path}/arguments', monkeypatch)
    flash(BOARD, result(tmp_path / "top.bin", 30.0))
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["-b", "ice40_generic", str(tmp_path / "top.bin")]


def test_a_failing_loader_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader(tmp_path, "echo unable to open ftdi device; exit 1", monkeypatch)
    with pytest.raises(BuildFailed, match="unable to open ftdi device"):
        flash(BOARD, result(tmp_path / "top.bin", 30.0))


def test_a_design_that_misses_its_clock_is_not_flashed(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"must reach 24.0 MHz, not 20.0; .*--seed"):
        flash(BOARD, result(tmp_path / "top.bin", 20.0))


@pytest.mark.parametrize("board", all_boards(), ids=lambda b: b.name)
def test_every_board_elaborates_to_a_plan(board: Board) -> None:
    plan = board.plan()
    text = "".join(str(content) for content in plan.files.values())
    assert "--seed $EDGESNN_SEED --report report.json" in text
    assert f"--freq {board.clock_hz / 1e6:g}" in text
    assert COLLISION_SCRIPT in text
    assert all(f'"${variable}"' in text for variable in board.family.variables)
    assert ("spi_flash" in text) == (board.boot is not None)
    assert ("events_0__strobe" in text) == (board.events is not None)


@pytest.mark.slow
@NEEDS_TOOLS
def test_icebreaker_fits_and_meets_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESNN_CACHE")
    built = build(BOARD)
    assert built.fmax_mhz >= BOARD.clock_hz / 1e6 >= 24
    assert all(used <= available for used, available in built.usage.values())
    assert built.usage["ICESTORM_SPRAM"][0] == 4
    assert Path(built.bitstream).stat().st_size > 100_000
    assert BOARD.core_config.neurons >= 1024
    assert BOARD.core_config.synapse_words >= 65536


def test_tools_beside_this_python_are_found_first() -> None:
    first = builder.tool_environment()["PATH"].split(":")[0]
    assert first == str(Path(sys.executable).parent)


ULX3S = find_board("ulx3s-25f")


def boot_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bitstream_bytes: int
) -> tuple[BuildResult, Path]:
    """A bitstream, and a loader that notes its arguments and keeps the raw files it was given."""
    bitstream = tmp_path / "top.bit"
    bitstream.write_bytes(bytes(bitstream_bytes))
    keep = f'for f; do :; done; cp "$f" {tmp_path}/last-"${{f##*/}}"'
    loader(tmp_path, f'PATH=/usr/bin:/bin; echo "$@" >> {tmp_path}/arguments; {keep}', monkeypatch)
    return replace(result(bitstream, 60.0), board="ulx3s-25f"), tmp_path


def test_the_boot_image_goes_behind_the_bitstream_which_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_network: Network
) -> None:
    built, folder = boot_calls(tmp_path, monkeypatch, 300_000)
    boot = builder.boot_image(ULX3S, small_network, 1e-3)
    flash(ULX3S, built, boot)
    image, bitstream = (folder / "arguments").read_text().splitlines()
    assert image.startswith(f"-b ulx3s -f -o {0x200000} ")
    assert image.endswith("boot.bin")
    assert bitstream == f"-b ulx3s -f {built.bitstream}"
    written = (folder / "last-boot.bin").read_bytes()
    assert BootImage.decode(written) == boot
    assert boot.step_cycles == 50_000
    assert boot.window_steps == small_network.readout.window_steps
    assert boot.image == pack(small_network, ULX3S.core_config)


def test_a_bitstream_that_reaches_into_the_boot_image_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_network: Network
) -> None:
    built, folder = boot_calls(tmp_path, monkeypatch, 0x200001)
    with pytest.raises(BuildError, match=r"must end below byte 0x200000 .* not at 0x200001"):
        flash(ULX3S, built, builder.boot_image(ULX3S, small_network, 1e-3))
    assert not (folder / "arguments").exists()


def test_a_board_without_a_boot_flash_is_refused(small_network: Network) -> None:
    with pytest.raises(BuildError, match="icebreaker must be built with a boot flash"):
        builder.boot_image(BOARD, small_network, 1e-3)


def test_a_boot_image_that_the_flash_cannot_hold_is_refused(small_network: Network) -> None:
    assert ULX3S.boot is not None
    small = replace(ULX3S, boot=replace(ULX3S.boot, flash_bytes=0x200100))
    with pytest.raises(DoesNotFit, match=r"takes \d+ bytes of flash, ulx3s-25f has 256"):
        builder.boot_image(small, small_network, 1e-3)


@pytest.mark.parametrize("seconds", [-1e-3, 1e-9, 100.0])
def test_a_step_that_the_timer_cannot_make_is_refused(
    seconds: float, small_network: Network
) -> None:
    with pytest.raises(BuildError, match=r"must take 2e-08 to 85.9 s on ulx3s-25f, not"):
        builder.boot_image(ULX3S, small_network, seconds)


def test_a_missing_loader_says_what_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_network: Network
) -> None:
    built, folder = boot_calls(tmp_path, monkeypatch, 1000)
    (folder / "openFPGALoader").unlink()
    with pytest.raises(ToolNotFound, match=r"top.bit, and at 0x200000 what .*export-boot.* makes"):
        flash(ULX3S, built, builder.boot_image(ULX3S, small_network, 1e-3))
