"""What parts of the firmware cost on a microcontroller, and what they need to be built: nothing."""

import re
import shutil
import subprocess

import pytest

from edgesnn._resources import firmware_dir
from tests.firmware.board import needs

RUNTIME = ("edgesnn", "edgesnn_load", "edgesnn_crc32")
PROTOCOL = ("edgesnn_crc32", "edgesnn_device", "edgesnn_frames")
#: Tables of 8 KiB among it.
LANGUAGE = ("edgesnn_language", "edgesnn_language_load", "edgesnn_crc32")
#: Most bytes of code, with all features and without what may be left out; the CRC-32 is counted in
#: all. The protocol and language models leave nothing out.
CODE_BYTES = {RUNTIME: (4736, 4096), PROTOCOL: (3072, 3072), LANGUAGE: (10752, 10752)}
OPTIONS = "CURRENTS DELAYS"
#: Of the protocol alone, and of everything; the check of an image goes deepest.
OWN_STACK_BYTES = 128
STACK_BYTES = 256
#: What a compiler may call by itself: tables of a switch, in its own library; blocks of memory.
COMPILERS_OWN = re.compile(r"__gnu_thumb1_case_\w+|_GLOBAL_OFFSET_TABLE_|memset|memcpy|memmove")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def for_cortex_m0(tmp_path_factory):
    """What make prints: sizes, with and without options, stacks; and the folder of the objects."""
    needs("arm-none-eabi-gcc", "the size of the firmware")
    folder, plain = tmp_path_factory.mktemp("arm"), tmp_path_factory.mktemp("plain")
    make = ("make", "-s", "--no-print-directory", "-C", str(firmware_dir()), f"BUILD={folder}")
    without = (*make[:-1], f"BUILD={plain}", f"WITHOUT={OPTIONS}")
    return (run(*make, "size"), run(*without, "size")), run(*make, "stack"), folder / "arm"


@pytest.mark.parametrize("left_out", [False, True])
@pytest.mark.parametrize("files", CODE_BYTES, ids=["runtime", "protocol", "language"])
def test_code_is_small_and_has_no_data(for_cortex_m0, files, left_out):
    rows = [line.split() for line in for_cortex_m0[0][left_out].splitlines()[1:]]
    sizes = {r[5].split("/")[-1]: [int(n) for n in r[:3]] for r in rows if r[5] != "(TOTALS)"}
    mine = [sizes[f"{name}.o"] for name in files]
    assert sum(code for code, _, _ in mine) <= CODE_BYTES[files][left_out]
    assert [(data, bss) for _, data, bss in mine] == [(0, 0)] * len(files)


def deepest(text):
    """Bytes of stack below each function that is called from outside."""
    assert "calls itself" not in text
    found = re.findall(r"^ *(\d+)  (esnn_\w+)\(", text, re.MULTILINE)
    return {name: int(depth) for depth, name in found}


def test_the_stack_is_shallow_on_every_way(for_cortex_m0):
    script = str(firmware_dir() / "stack.awk")
    alone = run("awk", "-f", script, *(str(for_cortex_m0[2] / f"{name}.ci") for name in PROTOCOL))
    assert deepest(alone)["esnn_device_take"] <= OWN_STACK_BYTES
    with_runtime = deepest(for_cortex_m0[1])
    assert max(with_runtime.values()) <= STACK_BYTES
    assert {"esnn_device_take", "esnn_device_tick"} <= set(with_runtime)


@pytest.mark.parametrize("files", [PROTOCOL, LANGUAGE], ids=["protocol", "language"])
def test_they_call_nothing_but_the_runtime(for_cortex_m0, files):
    objects = [str(for_cortex_m0[2] / f"{name}.o") for name in files]
    called = set(re.findall(r" U (\w+)", run("arm-none-eabi-nm", "-u", *objects)))
    others = {c for c in called if not c.startswith("esnn_") and not COMPILERS_OWN.fullmatch(c)}
    assert others == set()


@pytest.mark.parametrize("left_out", ["", *OPTIONS.split(), OPTIONS])
@pytest.mark.parametrize("level", ["-Os", "-O3"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_compiles_without_a_warning_and_without_a_library(compiler, level, left_out, tmp_path):
    needs(compiler, "this build")
    strict = "-std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror"
    strict += "".join(f" -DESNN_WITH_{name}=0" for name in left_out.split())
    for name in sorted({*RUNTIME, *PROTOCOL, *LANGUAGE}):
        source = firmware_dir() / f"src/{name}.c"
        object_ = tmp_path / f"{name}.o"
        include = f"-I{firmware_dir() / 'include'}"
        run(compiler, level, *strict.split(), include, "-c", str(source), "-o", str(object_))
        called = set(re.findall(r" U (\w+)", run("nm", "-u", str(object_))))
        others = {c for c in called if not c.startswith("esnn_") and not COMPILERS_OWN.fullmatch(c)}
        assert others == set(), name


def test_the_folder_builds_alone_with_one_make(tmp_path):
    needs("make", "the firmware")
    needs("cc", "the firmware")
    copy = tmp_path / "alone"
    shutil.copytree(firmware_dir(), copy, ignore=shutil.ignore_patterns("build"))
    # No Python on the way.
    run("make", "-s", cwd=copy, env={"PATH": "/usr/bin:/bin"})
    built = {path.name for path in (copy / "build").iterdir()}
    assert {"libedgesnn.a", "libedgesnn.so", "edgesnn_device"} <= built
    run("make", "-s", "clean", cwd=copy)
    assert not (copy / "build").exists()
