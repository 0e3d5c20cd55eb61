"""The C runtime of language models built for other machines, and on emulated ones of 32 bits."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from edgesnn._resources import firmware_dir
from edgesnn.language.c_language import SOURCES
from edgesnn.language.integer_image import encode_image
from edgesnn.language.integer_simulator import IntegerSimulator
from tests.firmware import compiled
from tests.firmware.board import needs
from tests.language.random_integers import extreme_model, random_model
from tests.test_export_c import EMULATED, LINKER, MACHINES, ROOT, STRICT, run_program


@pytest.mark.parametrize(
    ("compiler", "machine"),
    [
        ("gcc", "-O2"),
        ("clang", "-Os"),
        ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus -mthumb -Os"),
        ("arm-none-eabi-gcc", "-mcpu=cortex-m4 -mthumb -O2"),
        ("riscv64-unknown-elf-gcc", "-march=rv32imc -mabi=ilp32 -Os"),
    ],
)
def test_it_compiles_without_a_warning(compiler: str, machine: str, tmp_path: Path) -> None:
    needs(compiler, "this build")
    for name in ("edgesnn_language.c", "edgesnn_language_load.c"):
        flags = ["-Wshadow", "-ffreestanding", *machine.split()]
        compiled.compile_object(compiler, firmware_dir() / "src" / name, tmp_path / "o", flags)


def test_the_header_is_taken_by_cpp(tmp_path: Path) -> None:
    source = tmp_path / "some.cpp"
    source.write_text('#include "edgesnn_language.h"\n')
    command = [needs("g++", "this test"), "-std=c++11", "-Wall", "-Wextra", "-Werror"]
    command += ["-fsyntax-only", f"-I{firmware_dir() / 'include'}", str(source)]
    subprocess.run(command, check=True)


def test_the_example_of_the_readme_compiles(tmp_path: Path) -> None:
    text = (firmware_dir() / "README.md").read_text()
    (example,) = [
        block.split("```")[0]
        for block in text.split("```c\n")[1:]
        if "edgesnn_language.h" in block.split("```")[0]
    ]
    source = tmp_path / "example.c"
    declared = "int32_t go_on(const uint16_t *, uint32_t, uint16_t *, uint32_t);\n"
    source.write_text(f"#include <stdint.h>\n{declared}{example}")
    compiled.compile_object(compiled.find_compiler(), source, tmp_path / "example.o")


PROGRAM = """\
#include "edgesnn_language.h"

static const uint32_t image[] = {{{image}}};
static const uint16_t text[] = {{{text}}};
static uint32_t memory[{memory_words}];

void put_text(const char *text);
int main(void);

int main(void) {{
    esnn_lm *model;
    uint32_t step, layer, crc = 0;
    if (esnn_lm_load(&model, image, sizeof image, memory, sizeof memory) != ESNN_OK) {{
        put_text("refused\\n");
        return 1;
    }}
    for (step = 0; step < sizeof text / sizeof text[0]; step++) {{
        if (esnn_lm_read(model, text[step]) != ESNN_OK) {{
            return 1;
        }}
        crc = esnn_crc32(crc, esnn_lm_scores(model), 4u * esnn_lm_num_tokens(model));
        for (layer = 0; layer < esnn_lm_num_layers(model); layer++) {{
            crc = esnn_crc32(crc, esnn_lm_h(model, layer), 2u * esnn_lm_num_units(model, layer));
        }}
    }}
    put_text(crc == {crc}u ? "the same\\n" : "not the same\\n");
    return 0;
}}
"""


@pytest.mark.tools
@pytest.mark.parametrize("make", [random_model, extreme_model])
@pytest.mark.parametrize("compiler", EMULATED)
def test_every_number_is_that_of_the_simulator(compiler: str, make, tmp_path: Path) -> None:
    command, flash, ram, debian = EMULATED[compiler]
    machine, compilers_debian = MACHINES[compiler]
    for program, package in ((compiler, compilers_debian), (command.split()[0], debian)):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}; apt-get install {package}")
    model = make(3, (24, 30, 17), 20, 0.3)
    text = np.random.default_rng(3).integers(0, 20, 60)
    trace, crc = IntegerSimulator(model).read(text), 0
    for step in range(len(text)):
        for numbers in (trace.scores[step], *(h[step] for h in trace.h)):
            crc = zlib.crc32(numbers.tobytes(), crc)
    # 36 bytes of a model, 12 of its layers; 12 of a unit of the largest, 5 of each, 6 of arriving.
    memory = 36 + 12 + 12 * 30 + 5 * (24 + 30 + 17) + 6 * 30
    words = np.frombuffer(encode_image(model), "<u4").tolist()
    (tmp_path / "main.c").write_text(
        PROGRAM.format(
            image=", ".join(f"{word}u" for word in words),
            text=", ".join(map(str, text)),
            memory_words=(memory + 3) // 4,
            crc=crc,
        )
    )
    (tmp_path / "linker").write_text(LINKER.format(flash=flash, ram=ram))
    sources = [firmware_dir() / "src" / name for name in SOURCES]
    run_program(
        compiler, *STRICT, "-ffreestanding", "-Os", *machine.split(), "-nostdlib",
        f"-I{firmware_dir() / 'include'}", "-T", tmp_path / "linker", *sources,
        tmp_path / "main.c", ROOT / "tests/firmware/bare_metal.c", "-lgcc",
        "-o", tmp_path / "program",
    )  # fmt: skip
    done = subprocess.run(
        [*command.split(), "-nographic", "-semihosting", "-kernel", str(tmp_path / "program")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout + done.stderr).strip() == "the same"
