"""A network as C: the folder compiles as it is, and its example gives what Python has computed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgesnn import __version__, files, model_file
from edgesnn._resources import firmware_dir
from edgesnn.backends.c_library import LoadedImage, runtime_library
from edgesnn.c_package import c_string, check_name, filled_in, name_in_c
from edgesnn.cli import main
from edgesnn.encoders import DeltaEncoder, FilterBankEncoder, LevelCrossingEncoder, encoder_to_info
from edgesnn.errors import DesignRuleError, DoesNotFit, InputError, ToolNotFound
from edgesnn.events import EventStream, check_events
from edgesnn.export_c import (
    CODE_BYTES,
    LOAD_STACK_BYTES,
    NETWORK_BYTES,
    STEP_STACK_BYTES,
    export,
    made_up_window,
    package,
    working_bytes,
)
from edgesnn.memory_image import pack_placement
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.placement import place
from edgesnn.reference import Reference
from edgesnn.samples import Samples, write_samples
from edgesnn.synapses import Synapses
from tests.firmware import compiled
from tests.firmware.board import needs
from tests.strategies import random_network

ROOT = Path(__file__).parents[1]
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
#: Cross compilers: flags, and the Debian package that has them.
MACHINES = {
    "arm-none-eabi-gcc": ("-mcpu=cortex-m0plus -mthumb", "gcc-arm-none-eabi"),
    "riscv64-unknown-elf-gcc": ("-march=rv32imc -mabi=ilp32", "gcc-riscv64-unknown-elf"),
}


def run_program(*command: str | Path, **options: Any) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def delta_network() -> Network:
    """Two channels, each with a source for up and one for down; two decisions."""
    encoder = DeltaEncoder(channels=2, resolution=0.25, threshold=3, hysteresis=1, max_events=2)
    return Network(
        (
            InputPopulation("sensor", encoder.num_sources),
            LifPopulation("out", [4, 4], [4096, 4096], [0, 0], membrane_bits=12),
        ),
        (Connection(0, 1, Synapses.from_dense(np.array([[5, 0], [0, 5], [3, -2], [-8, 7]]))),),
        Readout(1, window_steps=6),
        state_bits=16,
        event_limit=EventLimit(EventLimitForm.FULL, 2),
        info={"encoder": encoder_to_info(encoder), "labels": ["left", 'a "*/\\?%d é\n']},
    )


def test_working_bytes_are_what_the_runtime_asks_for() -> None:
    try:
        library = runtime_library()
    except ToolNotFound as error:
        pytest.skip(f"needs a C compiler: {error}")
    harness = '#include "edgesnn.h"\nuint32_t size(void);\n'
    harness += "uint32_t size(void) { return (uint32_t)sizeof(esnn_network); }\n"
    size = int(compiled.library((), harness).size())
    forms = set()
    for seed in range(200):
        late = seed % 4
        network = random_network(
            seed, max_size=80, max_synapses=300, currents=late > 1, delays=late % 2 > 0
        )
        placement = place(network, lanes=(1, 1, 2, 4, 16)[seed % 5])
        loaded = LoadedImage(library, pack_placement(placement))
        assert loaded.required_bytes == size + working_bytes(placement), seed
        assert loaded.status == 0
        forms.add(network.event_limit.form)
    assert forms == set(EventLimitForm)


def test_working_memory_is_a_word_for_each_state_and_little_more() -> None:
    for seed in range(200):
        network = random_network(seed, max_size=300, max_synapses=300)
        placement = place(network, lanes=1)
        outputs = network.populations[network.readout.population].size
        states = network.num_neurons + outputs  # an accumulator is the state of an output
        spikes = 2 * placement.spike_words  # a bit for each neuron
        queue = placement.most_events
        assert NETWORK_BYTES + working_bytes(placement) <= 4 * states + spikes + 8 * queue + 140


def test_made_up_events_are_such_that_the_network_takes_them() -> None:
    for seed in range(100):
        network = random_network(seed, max_synapses=100)
        stream = made_up_window(network)
        check_events(network, stream)
        assert 1 <= stream.num_steps <= network.readout.window_steps
        again = made_up_window(network)
        assert np.array_equal(stream.source_ids, again.source_ids)


def written(network: Network, folder: Path, **options: Any) -> Path:
    export(network, folder, "some", **options)
    return folder


def compile_all(compiler: str, folder: Path, flags: str = "", more: tuple[Path, ...] = ()) -> Path:
    """The example with all sources of the folder."""
    program = folder / "program"
    sources = [*sorted((folder / "src").glob("*.c")), folder / "example/main.c", *more]
    run_program(
        needs(compiler, "this test"), *STRICT, *flags.split(), f"-I{folder / 'src'}",
        *sources, "-o", program,
    )  # fmt: skip
    return program


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("protocol", [False, True])
def test_folder_compiles_without_a_warning_and_the_example_passes(
    compiler: str, protocol: bool, tmp_path: Path
) -> None:
    folder = written(delta_network(), tmp_path / "c", with_protocol=protocol)
    names = {path.name for path in (folder / "src").iterdir()}
    assert ({"edgesnn_device.c", "edgesnn_node.c", "edgesnn_frames.h"} <= names) == protocol
    assert {"edgesnn_encoders.c", "edgesnn_encoders.h"} <= names
    assert not [name for name in names if "language" in name]
    printed = run_program(compile_all(compiler, folder))
    assert printed.endswith("passed: the same as on the host\n")


def decided(network: Network) -> int:
    """Of the events that are made up, by the reference."""
    decision = Reference(network).run(made_up_window(network)).decision
    return -1 if decision is None else decision


@pytest.mark.parametrize("seed", range(6))
def test_example_of_a_random_network_passes(seed: int, tmp_path: Path) -> None:
    late = seed % 2 > 0
    network = random_network(1000 + seed, max_size=60, max_synapses=500, currents=late, delays=late)
    folder = written(network, tmp_path / "c")
    printed = run_program(compile_all("gcc", folder, "-O1 -fsanitize=undefined,address"))
    assert printed.endswith("passed: the same as on the host\n")
    result = Reference(network).run(made_up_window(network))
    assert f"\ndecision {decided(network)}\n" in printed
    assert f"\nsynaptic operations {result.counters.sops}\n" in printed
    shown = [int(number) for number in re.findall(r"^accumulator (.*)", printed, re.MULTILINE)]
    assert shown == result.accumulators.tolist()
    assert "edgesnn_encoders.h" not in [path.name for path in (folder / "src").iterdir()]


@pytest.mark.parametrize(
    ("what", "pattern", "replacement", "message"),
    [
        ("test.h", r"(_TEST_DECISION) .*", r"\1 (77)", "decision .*, must be 77"),
        ("test.c", r"\.sops = \d+u", ".sops = 4000000000u", "operations .*, must be 4000000000"),
        ("test.c", r"(accumulators\[.*\n +)", r"\1-", "accumulator .*, must be -"),
        ("network.c", r"0x00200002u", "0x00200003u", "status -4, must be 0"),
    ],
)
def test_example_fails_if_anything_is_not_as_expected(
    tmp_path: Path, what: str, pattern: str, replacement: str, message: str
) -> None:
    stream = EventStream.from_steps([[0, 0], [0, 2], [], [3, 0], [0], [1]])
    folder = written(delta_network(), tmp_path / "c", window=stream)
    path = folder / f"src/some_{what}"
    changed, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(changed)
    done = subprocess.run([compile_all("gcc", folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(message, done.stdout)
    assert done.stdout.endswith("FAILED: not the same as on the host\n")


def test_example_prints_through_a_function_of_the_machine(tmp_path: Path) -> None:
    folder = written(delta_network(), tmp_path / "c")
    hook = tmp_path / "hook.c"
    hook.write_text(
        "#include <stdio.h>\nvoid uart_put(const char *text);\n"
        'void uart_put(const char *text) { printf("[%s]", text); }\n'
    )
    printed = run_program(
        compile_all("gcc", folder, "-DEDGESNN_EXAMPLE_PUT=uart_put", more=(hook,))
    )
    assert printed.endswith("[passed: the same as on the host\n]")


def test_sketch_passes_with_the_serial_monitor_of_a_test(tmp_path: Path) -> None:
    compiler, cc = needs("g++", "this test"), needs("gcc", "this test")
    folder = written(delta_network(), tmp_path / "c")
    (tmp_path / "sketch.cpp").write_text(
        """\
#include <cstdint>
#include <cstdio>
struct Monitor {
    void begin(long) {}
    explicit operator bool() const { return true; }
    void print(const char *text) { std::fputs(text, stdout); }
    void print(long number) { std::printf("%ld", number); }
    void println(const char *text) { std::puts(text); }
};
static Monitor Serial;
static unsigned long millis() { return 0; }
"""
        + (folder / "examples/edgesnn_example/edgesnn_example.ino").read_text()
        + "int main() { setup(); loop(); return 0; }\n"
    )
    objects = tmp_path / "objects"
    objects.mkdir()
    sources = [path.resolve() for path in (folder / "src").glob("*.c")]
    run_program(cc, "-c", *sources, cwd=objects)
    program = tmp_path / "program"
    run_program(
        compiler, "-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{folder / 'src'}",
        tmp_path / "sketch.cpp", *objects.glob("*.o"), "-o", program,
    )  # fmt: skip
    assert run_program(program).endswith("passed: the same as on the host\n")


def cross_compiled(compiler: str, folder: Path, flags: tuple[str, ...] = ()) -> Path:
    """A folder of objects, one for each source."""
    machine, debian = MACHINES[compiler]
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}; apt-get install {debian}")
    objects = folder / "objects"
    objects.mkdir()
    sources = [path.resolve() for path in (folder / "src").glob("*.c")]
    run_program(
        compiler, *STRICT, "-ffreestanding", "-Os", *machine.split(), *flags, "-c", *sources,
        cwd=objects,
    )  # fmt: skip
    return objects


@pytest.mark.parametrize("compiler", MACHINES)
def test_library_compiles_for_microcontrollers_with_the_memory_that_is_documented(
    compiler: str, tmp_path: Path
) -> None:
    folder = written(delta_network(), tmp_path / "c", with_protocol=True)
    bytes_told = NETWORK_BYTES + working_bytes(place(delta_network(), 1))
    (folder / "src/sizes.c").write_text(
        '#include "some_network.h"\n'
        f"extern char is_exact[SOME_MEMORY_BYTES == {bytes_told} ? 1 : -1];\n"
        f"extern char is_whole[sizeof(some_memory) == {bytes_told} ? 1 : -1];\n"
        f"extern char is_known[sizeof(esnn_network) == {NETWORK_BYTES} ? 1 : -1];\n"
    )
    cross_compiled(compiler, folder)


@pytest.mark.parametrize("currents", [False, True])
@pytest.mark.parametrize("delays", [False, True])
def test_readme_says_what_can_be_left_out(currents: bool, delays: bool, tmp_path: Path) -> None:
    network = random_network(3, max_size=20, currents=currents, delays=delays)
    text = (written(network, tmp_path / "c") / "README.md").read_text()
    assert ("-DESNN_WITH_CURRENTS=0" in text) == (not network.has_currents)
    assert ("-DESNN_WITH_DELAYS=0" in text) == (not network.max_delay)
    assert ("; less: `" in text) == (not network.has_currents or not network.max_delay)


def test_code_and_stack_are_those_of_the_readme(tmp_path: Path) -> None:
    compiler = "arm-none-eabi-gcc"
    folder = written(delta_network(), tmp_path / "c", with_protocol=True)
    objects = cross_compiled(compiler, folder, ("-fcallgraph-info=su",))
    rows = run_program("arm-none-eabi-size", *objects.glob("*.o")).splitlines()[1:]
    sizes = {Path(row.split()[5]).stem: int(row.split()[0]) for row in rows}
    for group, told in CODE_BYTES.items():
        assert 0.8 * told < sum(sizes[name] for name in group) <= told, group
    script = firmware_dir() / "stack.awk"
    stacks = run_program("awk", "-f", script, *objects.glob("edgesnn*.ci"))
    deepest = {name: int(n) for n, name in re.findall(r"(\d+)  (\w+)\(", stacks)}
    ways = {"esnn_load": LOAD_STACK_BYTES, "esnn_step": STEP_STACK_BYTES}
    alone = run_program("awk", "-f", script, *(objects / f"edgesnn{n}.ci" for n in ("", "_load")))
    deepest |= {name: int(n) for n, name in re.findall(r"(\d+)  (\w+)\(", alone)}
    for name, told in ways.items():
        assert 0.8 * told < deepest[name] <= told, name
    readme = (folder / "README.md").read_text()
    for number in (*CODE_BYTES.values(), LOAD_STACK_BYTES, STEP_STACK_BYTES):
        assert f" {number:,} |" in readme


LINKER = """\
SECTIONS {{
    . = {flash};
    .text : {{ KEEP(*(.first)) *(.text*) *(.rodata*) *(.srodata*) }}
    . = {ram};
    .bss : {{ *(.data*) *(.sdata*) *(.bss*) *(.sbss*) *(COMMON) }}
    stack_top = {ram} + 0x4000;
}}
"""
#: Emulated machines: where flash and RAM begin, and the Debian package of the emulator.
EMULATED = {
    "arm-none-eabi-gcc": ("qemu-system-arm -M microbit", "0", "0x20000000", "qemu-system-arm"),
    "riscv64-unknown-elf-gcc": (
        "qemu-system-riscv32 -M virt -bios none", "0x80000000", "0x80100000", "qemu-system-misc",
    ),
}  # fmt: skip


@pytest.mark.tools
@pytest.mark.parametrize("compiler", EMULATED)
def test_example_passes_on_an_emulated_microcontroller(compiler: str, tmp_path: Path) -> None:
    command, flash, ram, debian = EMULATED[compiler]
    emulator = command.split()
    if shutil.which(emulator[0]) is None:
        pytest.skip(f"needs {emulator[0]}; apt-get install {debian}")
    network = random_network(1003, max_size=60, max_synapses=500)
    folder = written(network, tmp_path / "c")
    for name in ("main.c", "check.h"):
        shutil.copy(folder / "example" / name, folder / "src")
    shutil.copy(ROOT / "tests/firmware/bare_metal.c", folder / "src")
    (tmp_path / "linker").write_text(LINKER.format(flash=flash, ram=ram))
    objects = cross_compiled(compiler, folder, ("-DEDGESNN_EXAMPLE_PUT=put_text",))
    program = tmp_path / "program"
    run_program(
        compiler, *MACHINES[compiler][0].split(), "-nostdlib", "-T", tmp_path / "linker",
        *objects.glob("*.o"), "-lgcc", "-o", program,
    )  # fmt: skip
    printed = subprocess.run(
        [*emulator, "-nographic", "-semihosting", "-kernel", str(program)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    shown = printed.stdout + printed.stderr
    assert "passed: the same as on the host\n" in shown
    assert f"decision {decided(network)}\n" in shown


# Descriptions for build systems


def test_make_builds_and_runs_with_another_compiler_and_flags(tmp_path: Path) -> None:
    make = needs("make", "this test")
    folder = written(delta_network(), tmp_path / "c", with_protocol=True)
    quiet = (make, "--no-print-directory")  # whether or not a make runs the tests
    printed = run_program(*quiet, "run", "CC=gcc", "CFLAGS=-O1 -Werror", cwd=folder)
    assert "gcc -O1 -Werror -std=c99" in printed
    assert printed.endswith("passed: the same as on the host\n")
    run_program(*quiet, "clean", cwd=folder)
    assert not (folder / "build").exists()


def needs_cmake() -> str:
    found = shutil.which("cmake")
    if found is None:
        pytest.skip("needs cmake; apt-get install cmake")
    return found


def test_cmake_builds_the_library_and_its_test_passes(tmp_path: Path) -> None:
    cmake = needs_cmake()
    folder = written(delta_network(), tmp_path / "c")
    run_program(cmake, "-S", folder, "-B", tmp_path / "b")
    run_program(cmake, "--build", tmp_path / "b")
    run_program("ctest", cwd=tmp_path / "b")


def test_cmake_takes_the_folder_into_another_project(tmp_path: Path) -> None:
    cmake = needs_cmake()
    folder = written(delta_network(), tmp_path / "some_c")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(mine C)\nadd_subdirectory(some_c)\n"
        f"add_executable(app {folder}/example/main.c)\ntarget_link_libraries(app PRIVATE edgesnn)\n"
    )
    run_program(cmake, "-S", tmp_path, "-B", tmp_path / "b")
    run_program(cmake, "--build", tmp_path / "b")
    assert "passed" in run_program(tmp_path / "b/app")


def test_cmake_builds_the_firmware_where_it_is(tmp_path: Path) -> None:
    run_program(needs_cmake(), "-S", firmware_dir(), "-B", tmp_path)
    run_program("cmake", "--build", tmp_path)
    assert (tmp_path / "libedgesnn.a").is_file()
    assert (tmp_path / "edgesnn_device").is_file()


#: What Zephyr's build system offers, for this machine.
ZEPHYR = """\
cmake_minimum_required(VERSION 3.13)
project(zephyr C)
set(CONFIG_EDGESNN {chosen})
function(zephyr_include_directories)
  include_directories(${{ARGN}})
endfunction()
macro(zephyr_library_named name)
  set(zephyr_current ${{name}})
  file(WRITE ${{CMAKE_BINARY_DIR}}/none.c "extern int none;")
  add_library(${{name}} STATIC ${{CMAKE_BINARY_DIR}}/none.c)
endmacro()
function(zephyr_library_sources)
  target_sources(${{zephyr_current}} PRIVATE ${{ARGN}})
endfunction()
add_subdirectory({folder}/zephyr zephyr)
"""


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("where", ["export", "firmware"])
def test_zephyr_compiles_the_library_if_it_is_chosen(
    tmp_path: Path, chosen: bool, where: str
) -> None:
    cmake = needs_cmake()
    folder = firmware_dir() if where == "firmware" else tmp_path / "c"
    if where == "export":
        written(delta_network(), folder)
    text = ZEPHYR.format(chosen="y" if chosen else "n", folder=folder)
    (tmp_path / "CMakeLists.txt").write_text(text)
    run_program(cmake, "-S", tmp_path, "-B", tmp_path / "b")
    run_program(cmake, "--build", tmp_path / "b")
    assert (tmp_path / "b/zephyr/libedgesnn.a").is_file() == chosen


def test_zephyr_module_names_files_that_exist(tmp_path: Path) -> None:
    for folder in (written(delta_network(), tmp_path / "c"), firmware_dir()):
        lines = (folder / "zephyr/module.yml").read_text().splitlines()
        assert lines[:2] == ["name: edgesnn", "build:"]
        build = dict(line.strip().split(": ") for line in lines[2:])
        assert all(line.startswith("  ") for line in lines[2:])
        assert (folder / build["cmake"] / "CMakeLists.txt").is_file()
        kconfig = (folder / build["kconfig"]).read_text()
        assert re.match(r"config EDGESNN\n\tbool \".*\"\n\tdepends on !BIG_ENDIAN\n", kconfig)


def test_arduino_finds_what_its_specification_requires(tmp_path: Path) -> None:
    folder = written(delta_network(), tmp_path / "c")
    lines = (folder / "library.properties").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    required = "name version author maintainer sentence paragraph category url architectures"
    assert all(found.get(field) for field in required.split())
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9 _.-]{0,62}", found["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
    assert found["category"] == "Data Processing"
    assert (folder / "src" / found["includes"]).is_file()
    (sketch,) = (folder / "examples").iterdir()
    assert (sketch / f"{sketch.name}.ino").is_file()


def test_platformio_finds_what_it_requires(tmp_path: Path) -> None:
    for folder, name in (
        (written(delta_network(), tmp_path / "c"), "edgesnn-some"),
        (firmware_dir(), "edgesnn"),
    ):
        found = json.loads((folder / "library.json").read_text())
        assert (found["name"], found["version"]) == (name, __version__)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found["name"])
        assert len(found["name"]) <= 50
        assert list(folder.rglob(found["headers"]))


def test_cmake_knows_the_version() -> None:
    text = (firmware_dir() / "CMakeLists.txt").read_text()
    assert f"project(edgesnn VERSION {__version__} " in text


def test_no_placeholder_is_left_and_no_line_of_the_readme_is_too_long(tmp_path: Path) -> None:
    folder = written(delta_network(), tmp_path / "c", with_protocol=True)
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("Makefile", "LICENSE"):
            assert not re.search(r"@\w+@", path.read_text()), path
    assert max(map(len, (folder / "README.md").read_text().splitlines())) <= 100


# What is written


def test_labels_and_encoder_are_those_of_the_network(tmp_path: Path) -> None:
    folder = written(delta_network(), tmp_path / "c")
    (tmp_path / "show.c").write_text(
        """\
#include <stdio.h>
#include "some_network.h"
int main(void) {
    uint32_t i;
    for (i = 0; i < SOME_NUM_OUTPUTS; i++) {
        fputs(some_labels[i], stdout);
        putchar('|');
    }
    printf("%u %u %u %u|", some_encoder.threshold, some_encoder.hysteresis,
           (unsigned)some_encoder.channels, (unsigned)some_encoder.max_events);
    printf("%u %u %u %u\\n", SOME_NUM_INPUTS, SOME_WINDOW_STEPS, SOME_CHANNELS, SOME_STEP_EVENTS);
    return 0;
}
"""
    )
    sources = [folder / "src/some_network.c", *(folder / "src").glob("edgesnn*.c")]
    program = tmp_path / "show"
    run_program(
        needs("gcc", "this test"), *STRICT, f"-I{folder / 'src'}", tmp_path / "show.c", *sources,
        "-o", program,
    )  # fmt: skip
    assert run_program(program) == 'left|a "*/\\?%d é\n|3 1 2 2|4 6 2 8\n'


@pytest.mark.parametrize(
    "encoder",
    [
        LevelCrossingEncoder(channels=2, resolution=1.0, spacing=4, offset=1),
        FilterBankEncoder(16, ((1, -2, 3), (-65535, 65535, 0), (9, 8, 7), (6, 5, 4)), rate_unit=9),
    ],
    ids=lambda e: e.kind,
)
def test_other_encoders_compile(encoder: Any, tmp_path: Path) -> None:
    network = replace(delta_network(), info={"encoder": encoder_to_info(encoder)})
    folder = written(network, tmp_path / "c")
    header = (folder / "src/some_network.h").read_text()
    assert f"extern const esnn_{encoder.kind} some_encoder;" in header
    assert "some_labels" not in header
    assert run_program(compile_all("gcc", folder)).endswith("passed: the same as on the host\n")


def test_encoder_of_other_inputs_is_left_out_with_the_reason(tmp_path: Path) -> None:
    encoder = encoder_to_info(DeltaEncoder(channels=3))
    folder = written(replace(delta_network(), info={"encoder": encoder}), tmp_path / "c")
    header = (folder / "src/some_network.h").read_text()
    assert "the encoder must give 4 sources, not 6" in header
    assert "some_encoder" not in header


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("digits", "digits"), ("My Net-2", "my_net_2"), ("3d", "network_3d"), ("ü", "network"),
        ("edgesnn", "network_edgesnn"), ("__a__b", "a_b"), ("x" * 60, "x" * 40),
    ],
)  # fmt: skip
def test_names_are_such_as_c_takes(text: str, name: str) -> None:
    assert name_in_c(text) == name
    check_name(name)


def test_strings_of_c_hold_any_text() -> None:
    assert c_string('a"\\?é') == '"a\\042\\134\\077\\303\\251"'


def test_network_that_breaks_a_rule_is_refused_with_all_violations() -> None:
    network = delta_network()
    wide = replace(network.populations[1], membrane_bits=16)
    with pytest.raises(DesignRuleError, match="design rule"):
        package(replace(network, populations=(network.populations[0], wide)), "some")


def test_network_that_no_image_holds_is_refused_with_what_to_do() -> None:
    network = Network(
        (InputPopulation("in", 20000), LifPopulation("out", [9], [0], [0], membrane_bits=8)),
        (Connection(0, 1, Synapses.from_dense(np.eye(20000, 1, dtype=np.int64))),),
        Readout(1),
        event_limit=EventLimit(EventLimitForm.FULL, 4),
    )
    with pytest.raises(
        DoesNotFit, match=r"at most 65535 for each lane of a memory image, not 80000; use the LIM"
    ):
        package(network, "some")


# The verb

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``edgesnn export-c`` in this process: exit code, output, errors."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgesnn", "export-c", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "some.esnn"
    model_file.write(delta_network(), path)
    return path


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_verb_writes_the_folder_and_tells_its_sizes(run: Run, network: Path) -> None:
    folder = network.parent / "c"
    code, out, err = run(network, "-o", folder, "--json")
    assert code == 0
    assert "made up events, as there are no samples" in err
    told = json.loads(out)
    assert told["folder"] == str(folder)
    assert told["image_bytes"] == len(pack_placement(place(delta_network(), 1)))
    assert told["working_bytes"] == NETWORK_BYTES + working_bytes(place(delta_network(), 1))
    written = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    assert told["files"] == sorted(written)
    assert entries(network.parent) == ["c", "some.esnn"]


def test_recorded_samples_become_the_window_of_the_example(run: Run, network: Path) -> None:
    samples = network.parent / "samples.npz"
    windows = np.cumsum(np.full((2, 6, 2), [1.0, -0.5]), axis=1)
    write_samples(samples, Samples(windows))
    folder = network.parent / "c"
    code, _, err = run(network, "-o", folder, "--samples", samples)
    assert (code, err) == (0, "")
    printed = run_program(compile_all("gcc", folder))
    stream = next(iter(Samples(windows).events(DeltaEncoder(**{
        name: value for name, value in delta_network().info["encoder"].items() if name != "kind"
    })).streams()))  # fmt: skip
    assert len(stream.source_ids) > 0
    assert f"\nevents {len(stream.source_ids)}\n" in printed
    assert "a recorded window" in (folder / "src/some_test.h").read_text()


def test_samples_that_do_not_fit_are_an_error(run: Run, network: Path) -> None:
    samples = network.parent / "samples.npz"
    write_samples(samples, Samples(np.ones((1, 5, 2))))
    code, _, err = run(network, "-o", network.parent / "c", "--samples", samples)
    assert code == 1
    assert "a window must hold 6 sample(s)" in err
    assert entries(network.parent) == ["samples.npz", "some.esnn"]


def test_name_that_c_does_not_take_is_a_usage_error(run: Run, network: Path) -> None:
    code, _, err = run(network, "-o", network.parent / "c", "--name", "my-net")
    assert code == 2
    assert "'my_net' would be one" in err


def test_folder_with_something_in_it_is_refused_unless_it_is_an_export(
    run: Run, network: Path
) -> None:
    folder = network.parent / "c"
    folder.mkdir()
    assert run(network, "-o", folder)[0] == 0  # Empty.
    (folder / "mine").write_text("dear to me")
    code, out, err = run(network, "-o", folder, "--json")
    assert code == 1
    assert "must be empty or not exist; choose another folder, or replace all" in err
    assert json.loads(out)["error"]["kind"] == "InputError"
    assert (folder / "mine").exists()
    assert run(network, "-o", folder, "--force", "--with-protocol")[0] == 0
    assert not (folder / "mine").exists()
    assert (folder / "src/edgesnn_node.c").is_file()
    other = network.parent / "other"
    other.mkdir()
    (other / "mine").touch()
    code, _, err = run(network, "-o", other, "--force")
    assert code == 1
    assert "must be a folder that export-c has written to be replaced" in err
    assert entries(network.parent) == ["c", "other", "some.esnn"]


def test_places_where_no_folder_can_be_are_refused(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run(network, "-o", network.parent / "absent/c")
    assert code == 1
    assert "must lie in a folder that exists" in err
    code, _, err = run(network, "-o", network)
    assert code == 1
    assert "must be a folder, and is a file" in err
    monkeypatch.chdir(network.parent)
    for folder in (".", ".."):
        code, _, err = run(network, "-o", folder, "--force")
        assert code == 1
        assert "must not hold the current folder" in err


@pytest.mark.parametrize("before", ["nothing", "an export"])
@pytest.mark.parametrize("at", ["write_bytes", "rename"])
def test_nothing_is_half_written_if_the_disk_is_full(
    network: Path, monkeypatch: pytest.MonkeyPatch, before: str, at: str
) -> None:
    folder = network.parent / "c"
    if before == "an export":
        export(delta_network(), folder, "old")
    was = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    original, calls = getattr(Path, at), []

    def fails(self: Path, *arguments: Any) -> Any:
        calls.append(self)
        # Of renames the one that brings the new folder into its place.
        if (at == "write_bytes" and len(calls) == 7) or (
            at == "rename" and len(calls) == 1 + (before == "an export")
        ):
            raise OSError(28, "No space left on device")
        return original(self, *arguments)

    monkeypatch.setattr(Path, at, fails)
    with pytest.raises(OSError, match="No space left"):
        export(delta_network(), folder, "new", force=True)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == was
    left = ["c", "some.esnn"] if before == "an export" else ["some.esnn"]
    assert entries(network.parent) == left


def test_folder_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    files.write_whole_folder(tmp_path / "a", {"b/c": b"1"})
    (tmp_path / "made").mkdir()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "made").stat().st_mode
    assert (tmp_path / "a/b/c").read_bytes() == b"1"


def test_refusals_in_python_say_what_must_be_what() -> None:
    with pytest.raises(InputError, match="a name must be a letter, then letters, digits"):
        package(delta_network(), "Some")
    with pytest.raises(KeyError, match="absent"):
        filled_in("@absent@", {})
