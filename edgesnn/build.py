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
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgesnn.cache import cache_dir
from edgesnn.errors import BuildError, BuildFailed, ToolNotFound

if TYPE_CHECKING:
    from edgesnn_boards.board import Board

#: Lines of a failed tool's output that go into the error.
LAST_LINES = 15


@dataclass(frozen=True)
class BuildResult:
    """A bitstream and what is known of it.

    bitstream   path of the file; log: path of the tools' output
    fmax_mhz    highest clock after routing, from nextpnr; clock_mhz: the clock that is used
    lc          logic cells
    usage       used and available of each resource, by nextpnr's names
    seconds     time of the build (when it was built)
    from_cache  whether it was built before
    """

    board: str
    seed: int
    bitstream: str
    log: str
    fmax_mhz: float
    clock_mhz: float
    lc: int
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
    for variable, tool in (board.variables if board else {}).items():
        environment.setdefault(variable, tool)
    return environment


def missing_tools(board: Board) -> dict[str, str]:
    """Commands that a build of ``board`` needs and that are not there: command -> package."""
    path = tool_environment()["PATH"]
    return {
        tool: package for tool, package in board.tools.items() if not shutil.which(tool, path=path)
    }


def _check_tools(board: Board) -> None:
    missing = missing_tools(board)
    if missing:
        raise ToolNotFound(
            f"to build for {board.name}, {', '.join(sorted(missing))} must be on the path; "
            "pip install 'edgesnn[fpga]'"
        )


def _tool_versions(board: Board) -> str:
    packages = sorted({*board.tools.values(), "amaranth", "amaranth-boards"})
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} from the path")
    return "; ".join(found)


def build(
    board: Board,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build the bitstream of a board, or take it from the cache.

    seed      of nextpnr's placement
    progress  is told in words what is being waited for

    Raises ``ToolNotFound``, ``BuildFailed`` (with the tools' last lines; the log is kept) and
    ``BuildError`` if the extra ``fpga`` is not installed.
    """
    say = progress or (lambda _text: None)
    _check_tools(board)
    say("elaborating the gateware")
    try:
        plan = board.plan(seed)
    except ImportError as error:
        raise BuildError(
            f"to build for {board.name} the fpga extra must be installed ({error}); "
            "pip install 'edgesnn[fpga]'"
        ) from error
    identity = hashlib.sha256(plan.digest() + _tool_versions(board).encode()).hexdigest()[:20]
    folder = cache_dir("bitstreams") / f"{board.name}-{identity}"
    from_cache = (folder / "seconds").exists()
    if not from_cache:
        _execute(board, plan, folder, say)
    return _result(board, seed, folder, from_cache)


def _execute(board: Board, plan: Any, folder: Path, say: Callable[[str], None]) -> None:
    """Run a build plan; ``folder`` appears only when it is complete."""
    say("yosys and nextpnr (the first start of yosys compiles it, about half a minute)")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name) / "build"
        plan.extract(work)
        with (work / "build.log").open("w") as log:
            done = subprocess.run(
                ["sh", f"{plan.script}.sh"],
                cwd=work,
                env=tool_environment(board),
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            kept = folder.parent / f"{folder.name}.log"
            shutil.copy(work / "build.log", kept)
            lines = kept.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
            raise BuildFailed("the build failed; " + f"log: {kept}\n" + "\n".join(lines))
        (work / "seconds").write_text(f"{time.monotonic() - started:.1f}")
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)


def _result(board: Board, seed: int, folder: Path, from_cache: bool) -> BuildResult:
    report = json.loads((folder / "report.json").read_text())
    usage = {
        name: (int(report["utilization"][name]["used"]), available)
        for name, available in board.capacity.items()
    }
    clocks = report["fmax"].values()
    return BuildResult(
        board=board.name,
        seed=seed,
        bitstream=str(folder / board.bitstream),
        log=str(folder / "build.log"),
        fmax_mhz=round(min(clock["achieved"] for clock in clocks), 2),
        clock_mhz=board.clock_hz / 1e6,
        lc=usage[board.logic][0],
        usage=usage,
        seconds=float((folder / "seconds").read_text()),
        from_cache=from_cache,
    )


def find_loader(program: str) -> str | None:
    """Path of a board's loader, or of the one that the package index has under its name + -cli."""
    path = tool_environment()["PATH"]
    names = (program, f"{program.lower()}-cli")
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def flash(board: Board, result: BuildResult) -> None:
    """Write a bitstream to a board with its loader.

    Raises ``ToolNotFound`` if there is no loader, ``BuildFailed`` with its last lines if it
    fails (no board, no permission), and ``BuildError`` if the design misses its clock.
    """
    if not result.meets_timing:
        raise BuildError(
            f"the design must reach {result.clock_mhz} MHz, not {result.fmax_mhz}; "
            "build with another --seed"
        )
    program = board.flash_command[0]
    found = find_loader(program)
    if found is None:
        raise ToolNotFound(
            f"to write to {board.name}, {program} must be on the path; "
            "pip install 'edgesnn[loader]' (and apt install libftdi1-2 on Debian), "
            f"or write {result.bitstream} with a loader of your own"
        )
    arguments = [a.format(bitstream=result.bitstream) for a in board.flash_command[1:]]
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
        raise BuildFailed(
            f"{program} failed; is the board plugged in, and may you use it?\n" + "\n".join(lines)
        )
