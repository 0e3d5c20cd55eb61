"""Microcontrollers in an emulator: what a network costs on one, and a device to talk to.

The firmware is compiled for the processor and runs in QEMU. Instructions are counted there one by
one and do not depend on this machine; how many clock cycles they take depends on the processor's
pipeline and on the flash, and is not known here.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from edgesnn import design_rules
from edgesnn._resources import firmware_dir
from edgesnn.errors import BuildFailed, ToolNotFound
from edgesnn.events import EventStream, check_events
from edgesnn.memory_image import pack_placement
from edgesnn.native_compiler import run_tool
from edgesnn.network import Network
from edgesnn.placement import place_for_software
from edgesnn.protocol import ADVANCE
from edgesnn.run_result import Counters
from edgesnn.synapse_coding import Coding

#: Debian packages of the programs that are needed.
PACKAGES = {
    "make": "make",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
}
#: What makes GCC write the update once for each kind of population, its choices taken out of the
#: loop: about five instructions less a neuron, for 2 KB more.
FOR_SPEED = "-O2 -funswitch-loops --param max-unswitch-insns=300"
#: Lines of a failed tool's output that go into the error.
LAST_LINES = 15
#: Seconds that the emulator may take to run all windows.
_TIMEOUT = 600.0


@dataclass(frozen=True)
class Target:
    """A processor: who compiles for it, and the machine that runs it.

    port      folder in firmware/ports; cpu: as its Makefile knows it
    compiler  command; emulator: command with the machine
    icount    nanoseconds of an emulated instruction, as a power of two
    counts    what ``port_count`` of the port advances in one instruction
    about     what is emulated, for people
    """

    port: str
    cpu: str
    compiler: str
    emulator: tuple[str, ...]
    icount: int
    counts: Fraction
    about: str

    @property
    def tools(self) -> tuple[str, ...]:
        """Commands without which nothing can be built and run."""
        return "make", self.compiler, self.emulator[0]


def _arm(cpu: str, machine: str, about: str) -> Target:
    # An instruction takes 2^8 ns here and the timer counts at 25 MHz: 6.4 counts an instruction,
    # so that rounding finds the exact number, and 2^32 counts are enough for any load.
    emulator = ("qemu-system-arm", "-machine", machine)
    return Target("mps2", cpu, "arm-none-eabi-gcc", emulator, 8, Fraction(32, 5), about)


def _riscv(cpu: str) -> Target:
    emulator = ("qemu-system-riscv32", "-machine", "virt", "-m", "16M", "-bios", "none")
    about = f"{cpu.upper()} on QEMU's virt"
    return Target("rv32", cpu, "riscv64-unknown-elf-gcc", emulator, 0, Fraction(1), about)


#: By name. Code for a Cortex-M0+ runs on a Cortex-M3, which has every instruction of it: the number
#: of instructions is that of a Cortex-M0+, and QEMU has no machine with one.
TARGETS = {
    "cortex-m0plus": _arm("cortex-m0plus", "mps2-an385", "Cortex-M0+ code on MPS2 AN385"),
    "cortex-m3": _arm("cortex-m3", "mps2-an385", "Cortex-M3 on MPS2 AN385"),
    "cortex-m4": _arm("cortex-m4", "mps2-an386", "Cortex-M4 on MPS2 AN386"),
    "rv32imc": _riscv("rv32imc"),
    "rv32imac": _riscv("rv32imac"),
}


def missing_tools(target: Target) -> dict[str, str]:
    """Commands that ``target`` needs and that are not there: command -> Debian package."""
    return {tool: PACKAGES[tool] for tool in target.tools if not shutil.which(tool)}


def _check_tools(target: Target) -> None:
    missing = missing_tools(target)
    if missing:
        raise ToolNotFound(
            f"for {target.cpu}, {', '.join(missing)} must be on the path; "
            f"on Debian: apt install {' '.join(missing.values())}"
        )


def build(target: Target, program: str, folder: Path, **variables: str) -> Path:
    """Build a program for ``target`` into ``folder``: its ELF file.

    program     device, echo, measure or node
    variables   of make, such as OPT="-Os"

    Raises ``ToolNotFound``, ``BuildFailed`` with the last lines of the compiler.
    """
    _check_tools(target)
    settings = {"CPU": target.cpu, "BUILD": str(folder), **variables}
    command = ["make", "-C", str(firmware_dir() / "ports" / target.port), program]
    command += [f"{name}={value}" for name, value in settings.items()]
    run_tool(command, folder, f"the build of the firmware for {target.cpu}")
    return folder / f"{program}.elf"


def image_for(network: Network, coding: Coding | None = None) -> bytes:
    """The memory image with as few lanes as hold the network: one, unless it is very large.

    coding   of the synapse words; None: the smaller one for each connection

    Raises ``DesignRuleError``, and ``DoesNotFit`` if 16 lanes are too few.
    """
    design_rules.check(network)
    return pack_placement(place_for_software(network, coding))


# The words of measure.c.
_START_WINDOW, _END_WINDOW, _END = 0x8000, 0x8001, 0x8002


def _words(streams: Sequence[EventStream]) -> Iterator[int]:
    for stream in streams:
        yield _START_WINDOW
        for source_ids in stream:
            yield from source_ids.tolist()
            yield ADVANCE
        yield _END_WINDOW
    yield _END


def c_array(kind: str, name: str, values: Sequence[int]) -> str:
    """A constant array of C."""
    rows = [", ".join(map(str, values[i : i + 16])) for i in range(0, len(values), 16)]
    return f"static const {kind} {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"


def _measure_data(image: bytes, streams: Sequence[EventStream]) -> str:
    """The header that measure.c includes."""
    padded = np.frombuffer(image + bytes(-len(image) % 4), "<u4")
    return (
        f"#define MEASURE_IMAGE_BYTES {len(image)}u\n"
        + c_array("uint32_t", "measure_image", padded.tolist())
        + c_array("uint16_t", "measure_words", list(_words(streams)))
    )


@dataclass(frozen=True)
class StepCost:
    """Instructions of one time step: its events pushed, and the step itself."""

    events: int
    step: int

    @property
    def instructions(self) -> int:
        return self.events + self.step


@dataclass(frozen=True)
class Window:
    """One window, from reset on: what it cost, and what came out.

    reset    instructions of the reset; steps: of each time step
    """

    reset: int
    steps: tuple[StepCost, ...]
    decision: int | None
    accumulators: tuple[int, ...]
    counters: Counters

    @property
    def instructions(self) -> int:
        return self.reset + sum(step.instructions for step in self.steps)


@dataclass(frozen=True)
class Profile:
    """What a network costs on a microcontroller.

    compiler           its first line of --version; optimize: its option
    code_bytes         flash: the runtime, with what it needs of the compiler's library
    image_bytes        flash: the network
    memory_bytes       RAM: what ``esnn_load`` asks for
    load_stack_bytes   deepest stack of ``esnn_load`` that was seen, with the caller's frame
    stack_bytes        likewise of reset, events, steps and read-out
    load_instructions  of ``esnn_load``, once
    windows            in the order of the samples
    """

    target: str
    compiler: str
    optimize: str
    code_bytes: int
    image_bytes: int
    memory_bytes: int
    load_stack_bytes: int
    stack_bytes: int
    load_instructions: int
    windows: tuple[Window, ...]

    @property
    def flash_bytes(self) -> int:
        return self.code_bytes + self.image_bytes

    @property
    def ram_bytes(self) -> int:
        return self.memory_bytes + max(self.load_stack_bytes, self.stack_bytes)

    @property
    def step_instructions(self) -> list[int]:
        """Of every time step of every window."""
        return [step.instructions for window in self.windows for step in window.steps]

    @property
    def window_instructions(self) -> list[int]:
        return [window.instructions for window in self.windows]


def _compiler_version(target: Target) -> str:
    command = [target.compiler, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


#: Object files whose code is the runtime, or serves it: all of libgcc, and memcpy and its like.
_RUNTIME_OBJECT = re.compile(r"(edgesnn\w*|freestanding)\.o$|libgcc\.a\(")
#: A section of an object file that went into the program: name, bytes, file.
_MAP_ENTRY = re.compile(
    r"^ \.(?:text|s?rodata|s?data)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (.+)$", re.MULTILINE
)


def _code_bytes(linker_map: str) -> int:
    """Bytes of flash of the runtime: what the linker kept of it for measure.c."""
    kept = linker_map.partition("Linker script and memory map")[2]
    found = _MAP_ENTRY.findall(kept)
    return sum(int(size, 16) for size, file in found if _RUNTIME_OBJECT.search(file))


def _emulate(target: Target, elf: Path) -> str:
    """Run a program that ends by itself; what it said on the line."""
    command = [
        *target.emulator, "-kernel", str(elf), "-display", "none", "-monitor", "none",
        "-serial", "stdio", "-icount", f"shift={target.icount}",
        "-semihosting-config", "enable=on,target=native",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(
            f"{target.emulator[0]} must end within {_TIMEOUT:g} s; profile fewer windows"
        ) from error
    if done.returncode or not done.stdout.endswith("end\n"):
        lines = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
        raise BuildFailed(f"{target.emulator[0]} failed\n" + "\n".join(lines))
    return done.stdout


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word


#: Turns of measure.c's loop of two instructions, whose count is known.
_LOOP_INSTRUCTIONS = 2 * 100_000


class _Printed:
    """What measure.c printed, its counts made instructions."""

    def __init__(self, target: Target, text: str) -> None:
        self._target = target
        self.single: dict[str, list[int]] = {}
        self.windows: list[Window] = []
        self._nothing = 0
        reset = 0
        steps: list[StepCost] = []
        for line in text.splitlines():
            name, *numbers = line.split()
            words = [int(number, 16) for number in numbers]
            if name == "calibration":
                self._calibrate(*words)
            elif name == "reset":
                reset, steps = self.instructions(words[0]), []
            elif name == "step":
                steps.append(StepCost(*map(self.instructions, words)))
            elif name == "window":
                self.windows.append(self._window(reset, steps, words))
            else:
                self.single[name] = words

    def _calibrate(self, nothing: int, loop: int) -> None:
        """The cost of counting itself, and whether a known loop counts as it must."""
        self._nothing = nothing
        counted = self.instructions(loop)
        if abs(counted - _LOOP_INSTRUCTIONS) > 8:
            raise BuildFailed(
                f"{self._target.emulator[0]} must count about {_LOOP_INSTRUCTIONS} instructions in "
                f"a loop of as many, not {counted}; take the version of QEMU that Debian 12 has"
            )

    def instructions(self, count: int) -> int:
        return round((count - self._nothing) / self._target.counts)

    @staticmethod
    def _window(reset: int, steps: list[StepCost], words: list[int]) -> Window:
        decision, *counted = words[:6]
        names = ("steps", "events", "sops", "spikes", "dropped")
        return Window(
            reset,
            tuple(steps),
            None if _signed(decision) < 0 else decision,
            tuple(map(_signed, words[6:])),
            Counters(**dict(zip(names, counted, strict=True))),
        )


def profile(
    network: Network,
    streams: Sequence[EventStream],
    target_name: str,
    optimize: str = "-O2",
    coding: Coding | None = None,
) -> Profile:
    """Compile the runtime with a network and events, run each window from reset, and count.

    target_name   one of ``TARGETS``
    optimize      options of the compiler; ``FOR_SPEED`` gives the fewest instructions
    coding        as in ``image_for``

    Raises ``DesignRuleError``, ``DoesNotFit``, ``EventLimitError``, ``ToolNotFound``,
    ``BuildFailed``.
    """
    target = TARGETS[target_name]
    _check_tools(target)
    image = image_for(network, coding)
    for stream in streams:
        check_events(network, stream)
    with tempfile.TemporaryDirectory(prefix="edgesnn-") as name:
        folder = Path(name)
        (folder / "measure_data.h").write_text(_measure_data(image, streams))
        elf = build(target, "measure", folder, MEASURE_DATA=name, OPT=optimize)
        code_bytes = _code_bytes((folder / "measure.map").read_text())
        printed = _Printed(target, _emulate(target, elf))
    load_count, load_stack = printed.single["load"]
    return Profile(
        target_name,
        _compiler_version(target),
        optimize,
        code_bytes,
        len(image),
        printed.single["memory"][0],
        load_stack,
        printed.single["stack"][0],
        printed.instructions(load_count),
        tuple(printed.windows),
    )


#: Ends the emulator with the thread that started it, even if that is killed.
TIED = ("setpriv", "--pdeathsig", "KILL")


class EmulatedDevice:
    """A microcontroller in QEMU that answers the serial protocol; a context manager.

    port   address for ``SerialDevice``

    Raises ``ToolNotFound``, ``BuildFailed``.
    """

    def __init__(self, target_name: str, program: str = "device") -> None:
        target = TARGETS[target_name]
        self._folder = tempfile.TemporaryDirectory(prefix="edgesnn-")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        try:
            elf = build(target, program, Path(self._folder.name))
            self._log = (elf.parent / "qemu.log").open("wb")
            # The emulator inherits a socket that listens already: no port is raced for, and whoever
            # connects early waits in its queue. Without nodelay a request takes 44 ms.
            with socket.create_server(("127.0.0.1", 0)) as server:
                tied = TIED if shutil.which(TIED[0]) else ()
                line = f"socket,id=line,fd={server.fileno()},server=on,wait=off,nodelay=on"
                self.port = f"socket://127.0.0.1:{server.getsockname()[1]}"
                self._process = subprocess.Popen(
                    [*tied, *target.emulator, "-kernel", str(elf), "-display", "none",
                     "-monitor", "none", "-chardev", line, "-serial", "chardev:line"],
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    pass_fds=[server.fileno()],
                )  # fmt: skip
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the emulator; may be called twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        self._folder.cleanup()

    def __enter__(self) -> EmulatedDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
