"""The compiler of this machine: where it is, and shared libraries made with it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgesnn.cache import cache_dir
from edgesnn.errors import BuildFailed, ToolNotFound

#: For each language the environment variable that names the compiler, and where it is looked for.
_COMPILERS = {
    "C": ("CC", ("cc", "gcc", "clang"), "gcc"),
    "C++": ("CXX", ("c++", "g++", "clang++"), "g++"),
}


def find_compiler(language: str) -> list[str]:
    """Command of a compiler for "C" or "C++": of the environment, the system, or ziglang's.

    Raises ``ToolNotFound``, whose text says what to install.
    """
    variable, names, package = _COMPILERS[language]
    chosen = os.environ.get(variable)
    for name in [chosen] if chosen else names:
        path = shutil.which(name)
        if path:
            return [path]
    if not chosen and importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++" if language == "C++" else "cc"]
    wanted = (
        f"{chosen!r} (from {variable})" if chosen else f"{', '.join(names[:-1])} or {names[-1]}"
    )
    raise ToolNotFound(
        f"a {language} compiler must be on the path ({wanted} is not); install {package}, "
        "or take the one from the package index: pip install 'edgesnn[zig]'"
    )


def run_tool(command: Sequence[str], folder: Path, what: str) -> None:
    """Run a tool in a folder. Raises ``BuildFailed`` with its last lines."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise BuildFailed(f"{what} failed:\n" + "\n".join(lines))


def compile_library(
    name: str, sources: Sequence[Path], include: Path, flags: Sequence[str] = ("-O3",)
) -> Path:
    """A shared library of C sources, from the cache if nothing has changed.

    include   folder of headers, whose content counts as well
    Raises ``ToolNotFound``, ``BuildFailed``.
    """
    compiler = find_compiler("C")
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False).stdout
    digest = hashlib.sha256(repr((flags, sys.platform)).encode() + version)
    headers = sorted({*include.glob("*.h"), *(h for s in sources for h in s.parent.glob("*.h"))})
    for path in [*sources, *headers]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    library = cache_dir("libraries") / f"{name}-{digest.hexdigest()[:20]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            built = Path(folder) / "built.so"
            given = [f"-I{include}", *map(str, sources), "-o", str(built)]
            command = [*compiler, "-std=c99", *flags, "-shared", "-fPIC", *given]
            run_tool(command, Path(folder), "the C compiler")
            built.replace(library)
    return library
