"""What a node is made of: builds everywhere, holds nothing, needs nothing, stays in its memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgesnn._resources import firmware_dir
from edgesnn.encoders import DeltaEncoder, encoder_to_c
from tests.firmware.compiled import EXTRA_FLAGS, compile_object, find_compiler

SOURCES = ("edgesnn_encoders.c", "edgesnn_ring.c", "edgesnn_node.c")
HEADERS = ("edgesnn_encoders.h", "edgesnn_ring.h", "edgesnn_node.h")
SMALL = {
    "cortex-m0plus": ("-mcpu=cortex-m0plus", "-mthumb", "-Os"),
    "cortex-m4": ("-mcpu=cortex-m4", "-mthumb", "-Os"),
}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", SOURCES)
def test_compiles_without_a_warning(compiler: str, source: str, tmp_path: Path) -> None:
    for level in ("-O0", "-O2", "-Os"):
        flags = (level, "-Wshadow", "-Wsign-conversion")
        path = firmware_dir() / "src" / source
        compile_object(find_compiler(compiler), path, tmp_path / "out.o", flags)


@pytest.mark.parametrize("header", HEADERS)
def test_header_stands_alone_in_c_and_in_cpp(header: str, tmp_path: Path) -> None:
    for name in ("alone.c", "alone.cpp"):
        source = tmp_path / name
        source.write_text(f'#include "{header}"\n')
        command = [find_compiler("cc"), "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        include = f"-I{firmware_dir() / 'include'}"
        subprocess.run([*command, include, source], check=True)


@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("source", SOURCES)
def test_on_a_microcontroller_it_has_no_data_and_needs_no_library(
    machine: str, source: str, tmp_path: Path
) -> None:
    compiler = find_compiler("arm-none-eabi-gcc")
    built = tmp_path / "out.o"
    compile_object(compiler, firmware_dir() / "src" / source, built, SMALL[machine])

    def tool(name: str, *options: str) -> list[list[str]]:
        path = shutil.which(f"arm-none-eabi-{name}")
        assert path is not None
        done = subprocess.run([path, *options, built], capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    _, data, bss, *_ = tool("size")[1]
    assert (data, bss) == ("0", "0")
    # Helpers of the compiler for what the machine cannot do; memcpy and its like would be here.
    assert all(name.startswith(("esnn_", "__aeabi_")) for _, name in tool("nm", "-u"))


#: What the example asks of its port.
PORT = """
#include <stdint.h>
void port_start(void);
void port_read_codes(int32_t *codes);
int port_take_byte(uint8_t *byte);
int port_has_sent(void);
void port_send(const uint8_t *bytes, uint32_t num_bytes);
void port_decided(uint16_t decision);
uint32_t port_milliseconds(void);
void sampling_interrupt(void);
"""


def test_the_example_of_the_guide_compiles(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs/how-to/build_a_sensor_node.md"
    example = page.read_text().split("```c\n")[1].split("```")[0]
    encoder = DeltaEncoder(channels=3, resolution=0.125, threshold=4, hysteresis=2)
    (tmp_path / "main.c").write_text(example)
    (tmp_path / "encoder.h").write_text(encoder_to_c(encoder))
    (tmp_path / "port.h").write_text(PORT)
    compile_object(find_compiler(), tmp_path / "main.c", tmp_path / "main.o", [f"-I{tmp_path}"])


@pytest.mark.slow
def test_no_access_is_out_of_bounds() -> None:
    """The tests of encoders, ring and node once more, every access watched."""
    compiler = find_compiler("gcc")
    asked = [compiler, "-print-file-name=libasan.so"]
    runtime = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(runtime).is_file():
        pytest.skip("needs the address sanitizer of gcc (libasan.so)")
    folder = Path(__file__).parent
    files = [folder / f"test_{name}.py" for name in ("encoders_c", "ring", "node")]
    environment = {
        **os.environ,
        "CC": compiler,
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        EXTRA_FLAGS: "-fsanitize=address",
    }
    chosen = "not real_device and not threads and not longest and not spoken and not gestures"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", chosen],
        env=environment, cwd=folder.parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
