"""C sources as a shared library for ctypes; skips the tests that need one where no compiler is."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from edgesnn._resources import firmware_dir
from edgesnn.cache import cache_dir

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
#: An error that the sanitizer finds ends the program.
UNDEFINED = ["-g", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
#: More flags for all libraries, for a run of all tests under a sanitizer, say.
EXTRA_FLAGS = "EDGESNN_FIRMWARE_FLAGS"


def find_compiler(*names: str) -> str:
    """Path of the first of these C compilers; without names of ``$CC``, or of cc, gcc, clang.

    Skips the test if none is there.
    """
    wanted = names or ((os.environ["CC"],) if os.environ.get("CC") else ("cc", "gcc", "clang"))
    for name in wanted:
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs a C compiler: {' or '.join(wanted)}")


def compile_object(compiler: str, source: Path, to: Path, flags: Sequence[str] = ()) -> None:
    """One file of C into an object file; warnings fail the test."""
    command = [compiler, *STRICT, *flags, f"-I{firmware_dir() / 'include'}", "-c", source, "-o", to]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stderr}"


@lru_cache
def library(
    sources: tuple[str, ...],
    harness: str = "",
    compiler: str | None = None,
    flags: tuple[str, ...] = tuple(UNDEFINED),
) -> ctypes.CDLL:
    """A shared library of files in firmware/src; the same text is compiled once and kept.

    harness   more C, for what only the compiler knows, the size of a struct for example
    """
    compiler = compiler or find_compiler()
    flags = (*flags, *os.environ.get(EXTRA_FLAGS, "").split())
    paths = [firmware_dir() / "src" / name for name in sources]
    if missing := [path.name for path in paths if not path.is_file()]:
        pytest.skip(f"needs firmware/src/{', '.join(missing)}")
    headers = sorted(firmware_dir().rglob("*.h"))
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True).stdout
    digest = hashlib.sha256(repr((harness, compiler, flags, version)).encode())
    for path in (*paths, *headers):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    kept = cache_dir("firmware") / f"{digest.hexdigest()[:20]}.so"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            folder = Path(name)
            (folder / "harness.c").write_text(harness or "extern int nothing;\n")
            objects = []
            for path in (*paths, folder / "harness.c"):
                objects.append(folder / f"{path.stem}.o")
                compile_object(compiler, path, objects[-1], ("-fPIC", *flags))
            built = folder / "built.so"
            subprocess.run([compiler, "-shared", *flags, *objects, "-o", built], check=True)
            built.replace(kept)
    return ctypes.CDLL(str(kept))
