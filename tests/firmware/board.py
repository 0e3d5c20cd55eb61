"""The firmware on this machine: built with make as anybody would, and its device as a process."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from edgesnn._resources import firmware_dir
from edgesnn.cache import cache_dir
from edgesnn.core_config import CoreConfig
from edgesnn.protocol import CONFIG_FIELDS

#: Every access out of bounds and every undefined operation ends the process.
SANITIZED = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
CLOCK_KHZ = 12_000


def needs(program: str, what: str) -> str:
    """The path of a program; skips the test with the reason if it is not there."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{what} needs {program}; install it")
    return found


def build(flags: str = "-O2 -Werror") -> Path:
    """The folder with libraries and device, built with these flags; from the cache if it can."""
    compiler, make = needs("cc", "the firmware"), needs("make", "the firmware")
    folder = firmware_dir()
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h") or p.name == "Makefile")
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True).stdout
    sources = [p.read_bytes() for p in files if "build" not in p.relative_to(folder).parts]
    digest = hashlib.sha256(b"\0".join([flags.encode(), version, *sources])).hexdigest()[:16]
    built = cache_dir("firmware") / digest
    if not built.is_dir():
        with tempfile.TemporaryDirectory(dir=built.parent) as temporary:
            fresh = Path(temporary) / "build"
            command = [make, "-s", "-C", str(folder), f"BUILD={fresh}", f"CFLAGS={flags}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            try:
                fresh.rename(built)
            except OSError:  # another process was faster
                assert built.is_dir()
    return built


def options(config: CoreConfig) -> list[str]:
    """Options of the device for a core of this size."""
    sizes = config.describe()
    named = [(f"--{name.replace('_', '-')}", str(sizes[name])) for name in CONFIG_FIELDS]
    return [text for pair in named for text in pair]


class FirmwareBoard:
    """The device of the firmware behind a pseudo-terminal, for ``with``; as a ``VirtualBoard``."""

    def __init__(self, config: CoreConfig, *more: str, flags: str = "-O2 -Werror") -> None:
        self.config = config
        program = str(build(flags) / "edgesnn_device")
        command = [program, "--pty", "--clock-khz", str(CLOCK_KHZ), *options(config), *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = os.fsdecode(self.process.stdout.readline().strip())

    def __enter__(self) -> FirmwareBoard:
        return self

    def __exit__(self, *_: object) -> None:
        alive = self.process.poll() is None
        self.process.terminate()
        self.process.communicate()
        assert alive, "the device must not end by itself"
