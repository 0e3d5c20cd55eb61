"""A language model as C: the folder compiles as it is, and its self-test notices any difference."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgesnn import model_file
from edgesnn._resources import firmware_dir
from edgesnn.cli import main
from edgesnn.errors import InputError, ToolNotFound
from edgesnn.export_language_c import (
    CODE_BYTES,
    LOAD_STACK_BYTES,
    MODEL_BYTES,
    READ_STACK_BYTES,
    TEST_TOKENS,
    export,
    made_up_tokens,
    package,
    working_bytes,
)
from edgesnn.language import integer_file
from edgesnn.language.c_language import LoadedLanguageImage, language_library
from edgesnn.language.corpus import Vocabulary
from edgesnn.language.integer_file import IntegerLanguage
from edgesnn.language.integer_image import encode_image
from edgesnn.language.integer_reference import Reader
from edgesnn.language.language_file import Trained, write_language_model
from edgesnn.language.model import LanguageModel, LanguageSettings
from tests.firmware import compiled
from tests.firmware.board import needs
from tests.language.random_integers import extreme_model, random_model
from tests.strategies import random_network
from tests.test_export_c import (
    EMULATED,
    LINKER,
    MACHINES,
    ROOT,
    STRICT,
    compile_all,
    cross_compiled,
    entries,
    needs_cmake,
    run_program,
)

PASSED = "passed: the same as on the host\n"
#: Such as C takes only in disguise.
TOKENS = ("a", "é", "\n", '"', "\\?", "*/")


def some_language(seed: int = 0, sizes: tuple[int, ...] = (9, 4)) -> IntegerLanguage:
    model = random_model(seed, sizes, len(TOKENS), 0.5)
    return IntegerLanguage(model, Vocabulary(TOKENS), {"text": "gone.txt"})


def written(folder: Path, language: IntegerLanguage | None = None, **options: object) -> Path:
    export(language or some_language(), folder, "some", **options)
    return folder


@pytest.mark.parametrize("sizes", [(5,), (5, 9, 2), (3, 4), (40, 1)])
@pytest.mark.parametrize("tokens", [1, 90])
def test_working_bytes_are_what_the_runtime_asks_for(sizes: tuple[int, ...], tokens: int) -> None:
    try:
        library = language_library()
    except ToolNotFound as error:
        pytest.skip(f"needs a C compiler: {error}")
    harness = '#include "edgesnn_language.h"\nuint32_t size(void);\n'
    harness += "uint32_t size(void) { return (uint32_t)sizeof(esnn_lm); }\n"
    size = int(compiled.library((), harness).size())
    model = random_model(0, sizes, tokens, 0.5)
    loaded = LoadedLanguageImage(library, encode_image(model))
    assert loaded.required_bytes == size + working_bytes(model)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_folder_compiles_without_a_warning_and_the_self_test_passes(
    compiler: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "c")
    assert sorted(path.name for path in (folder / "src").iterdir()) == [
        "edgesnn.h", "edgesnn_crc32.c", "edgesnn_format.h", "edgesnn_language.c",
        "edgesnn_language.h", "edgesnn_language_load.c", "edgesnn_language_model.h",
        "edgesnn_language_tables.h", "edgesnn_network.h", "some_model.c", "some_model.h",
        "some_test.c", "some_test.h", "some_tokens.c",
    ]  # fmt: skip
    printed = run_program(compile_all(compiler, folder))
    assert f"\ntokens read {TEST_TOKENS}\n" in printed
    assert printed.endswith(PASSED)


@pytest.mark.parametrize("make", [random_model, extreme_model])
@pytest.mark.parametrize("sizes", [(1,), (30, 20, 10)])
def test_self_test_of_random_models_passes_and_tells_what_the_reference_gives(
    make: Callable[..., object], sizes: tuple[int, ...], tmp_path: Path
) -> None:
    model = make(sum(sizes), sizes, len(TOKENS), 0.4)
    text = np.random.default_rng(1).integers(0, len(TOKENS), 70)
    folder = written(tmp_path / "c", IntegerLanguage(model, Vocabulary(TOKENS)), tokens=text)
    printed = run_program(compile_all("gcc", folder, "-O1 -fsanitize=undefined,address"))
    assert printed.endswith(PASSED)
    reader = Reader(model)
    scores = [reader.read(int(token)) for token in text][-1]
    assert "\ntokens read 70\n" in printed
    assert f"\nbest token {scores.index(max(scores))}\n" in printed


@pytest.mark.parametrize(
    ("what", "pattern", "replacement", "message"),
    [
        ("test.c", r"(crcs\[.*\n +0x)........", r"\g<1>00000000", "states .*, must be 0\ntokens "
         "read 0, must be 100"),
        ("test.c", r"0x........u\n};$", "0x00000001u\n};", "read 99, must be 100"),
        ("test.c", r"(tokens\[.*\n +)\d+", r"\g<1>77", "status -16, must be 0"),
        ("test.h", r"(_OPERATIONS) \d+", r"\g<1> 7", "operations .*, must be 7"),
        ("test.h", r"(_BEST_TOKEN) \d+", r"\g<1> 9", "best token .*, must be 9"),
        ("model.c", r"0x4c4e5345u, 0x00000001u", "0x4c4e5345u, 0x00000002u", "status -4, must be"),
        ("language.c", r"\* g \+ half\)", "* g)", "CRC-32 of scores and states"),
    ],
)  # fmt: skip
def test_self_test_fails_if_anything_is_not_as_expected(
    tmp_path: Path, what: str, pattern: str, replacement: str, message: str
) -> None:
    folder = written(tmp_path / "c")
    path = folder / f"src/{'edgesnn' if what == 'language.c' else 'some'}_{what}"
    changed, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(changed)
    done = subprocess.run([compile_all("gcc", folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(message, done.stdout)
    assert done.stdout.endswith("FAILED: not the same as on the host\n")


def test_texts_of_tokens_are_those_of_the_vocabulary(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    (tmp_path / "show.c").write_text(
        """\
#include <stdio.h>
#include "some_model.h"
int main(void) {
    uint32_t i;
    for (i = 0; i < SOME_NUM_TOKENS; i++) {
        fputs(some_tokens[i], stdout);
        putchar('|');
    }
    return 0;
}
"""
    )
    program = tmp_path / "show"
    run_program(
        needs("gcc", "this test"), *STRICT, f"-I{folder / 'src'}", tmp_path / "show.c",
        *(folder / "src").glob("*.c"), "-o", program,
    )  # fmt: skip
    assert run_program(program) == "".join(f"{token}|" for token in TOKENS)


def test_image_is_there_as_an_array_and_as_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    image = encode_image(some_language().model)
    assert (folder / "some.bin").read_bytes() == image
    text = (folder / "src/some_model.c").read_text()
    words = [int(word, 16) for word in re.findall(r"0x(\w{8})u", text)]
    assert np.array(words, "<u4").tobytes() == image
    assert f"SOME_IMAGE_BYTES {len(image)}u" in (folder / "src/some_model.h").read_text()


@pytest.mark.parametrize("compiler", MACHINES)
def test_it_compiles_for_microcontrollers_with_the_memory_that_is_documented(
    compiler: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "c")
    bytes_told = MODEL_BYTES + working_bytes(some_language().model)
    (folder / "src/sizes.c").write_text(
        '#include "some_model.h"\n'
        f"extern char is_exact[SOME_MEMORY_BYTES == {bytes_told} ? 1 : -1];\n"
        f"extern char is_whole[sizeof(some_memory) == {bytes_told} ? 1 : -1];\n"
    )
    cross_compiled(compiler, folder)
    assert f"| RAM | {bytes_told:,} |" in (folder / "README.md").read_text()


def test_code_and_stack_are_those_of_the_readme(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    objects = cross_compiled("arm-none-eabi-gcc", folder, ("-fcallgraph-info=su",))
    rows = run_program("arm-none-eabi-size", *objects.glob("edgesnn*.o")).splitlines()[1:]
    assert 0.95 * CODE_BYTES < sum(int(row.split()[0]) for row in rows) <= CODE_BYTES
    script = firmware_dir() / "stack.awk"
    stacks = run_program("awk", "-f", script, *objects.glob("edgesnn*.ci"))
    deepest = {name: int(n) for n, name in re.findall(r"(\d+)  (\w+)\(", stacks)}
    for name, told in (("esnn_lm_load", LOAD_STACK_BYTES), ("esnn_lm_read", READ_STACK_BYTES)):
        assert 0.8 * told < deepest[name] <= told, name
    readme = (folder / "README.md").read_text()
    for number in (CODE_BYTES, LOAD_STACK_BYTES, READ_STACK_BYTES):
        assert f" {number:,} |" in readme


@pytest.mark.tools
@pytest.mark.parametrize("compiler", EMULATED)
def test_self_test_passes_on_an_emulated_microcontroller(compiler: str, tmp_path: Path) -> None:
    command, flash, ram, debian = EMULATED[compiler]
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"needs {command.split()[0]}; apt-get install {debian}")
    folder = written(tmp_path / "c")
    for path in ("main.c", "check.h"):
        shutil.copy(folder / "example" / path, folder / "src")
    shutil.copy(ROOT / "tests/firmware/bare_metal.c", folder / "src")
    (tmp_path / "linker").write_text(LINKER.format(flash=flash, ram=ram))
    objects = cross_compiled(compiler, folder, ("-DEDGESNN_EXAMPLE_PUT=put_text",))
    program = tmp_path / "program"
    run_program(
        compiler, *MACHINES[compiler][0].split(), "-nostdlib", "-T", tmp_path / "linker",
        *objects.glob("*.o"), "-lgcc", "-o", program,
    )  # fmt: skip
    printed = subprocess.run(
        [*command.split(), "-nographic", "-semihosting", "-kernel", str(program)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert PASSED in printed.stdout + printed.stderr


def test_make_and_cmake_build_and_run_it(tmp_path: Path) -> None:
    make = needs("make", "this test")
    folder = written(tmp_path / "c")
    printed = run_program(make, "--no-print-directory", "run", "CFLAGS=-O1 -Werror", cwd=folder)
    assert printed.endswith(PASSED)
    cmake = needs_cmake()
    run_program(cmake, "-S", folder, "-B", tmp_path / "b")
    run_program(cmake, "--build", tmp_path / "b")
    run_program("ctest", cwd=tmp_path / "b")


def test_no_placeholder_is_left_and_no_line_of_the_readme_is_too_long(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("Makefile", "LICENSE", "some.bin"):
            assert not re.search(r"@\w+@", path.read_text()), path
    readme = (folder / "README.md").read_text()
    assert max(map(len, readme.splitlines())) <= 100
    assert '#include "some_model.h"' in readme
    properties = (folder / "library.properties").read_text()
    assert "sentence=The language model 'some', and the runtime" in properties
    assert "includes=some_model.h" in properties


def test_refusals_in_python_say_what_must_be_what() -> None:
    language = some_language()
    with pytest.raises(InputError, match="a name must be a letter, then letters, digits"):
        package(language, "Some")
    with pytest.raises(InputError, match="must read at least one token: take a longer text"):
        package(language, "some", [])
    with pytest.raises(InputError, match=r"tokens must be in 0\.\.5, not 6\.\.6"):
        package(language, "some", [6])
    assert np.array_equal(made_up_tokens(language.model, 9), made_up_tokens(language.model, 9))


# The verb

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``edgesnn lm export-c`` in this process: exit code, output, errors."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgesnn", "lm", "export-c", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        printed = capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "some.esnn"
    integer_file.write(some_language(), path)
    return path


def test_verb_writes_the_folder_and_tells_its_sizes(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    code, out, err = run(model, "--json")
    assert code == 0
    assert "made up tokens, as there is no text: a text must be a path that exists" in err
    told = json.loads(out)
    assert told["folder"] == "some_c"
    folder = model.parent / "some_c"
    assert told["image_bytes"] == len(encode_image(some_language().model))
    assert told["working_bytes"] == MODEL_BYTES + working_bytes(some_language().model)
    files = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    assert told["files"] == sorted(files)
    assert entries(model.parent) == ["some.esnn", "some_c"]
    code, out, err = run(model, "--force")
    assert code == 0
    assert "Try it: make -C some_c run; some_c/README.md says how to go on." in out


def test_test_part_of_a_text_is_what_the_self_test_reads(run: Run, tmp_path: Path) -> None:
    language = some_language()
    path, text = tmp_path / "letters.esnn", tmp_path / "text.txt"
    names = Vocabulary(("a", "é", "\n", '"', "\\", "*"), characters=True)
    integer_file.write(IntegerLanguage(language.model, names, {"text": str(text)}), path)
    text.write_text('aé"\n' * 400)
    for more in ((), ("--text", text)):
        code, _, err = run(path, "-o", tmp_path / "c", "--tokens", 7, "--force", *more)
        assert (code, err) == (0, "")
        source = (tmp_path / "c/src/letters_test.c").read_text()
        assert re.search(r"test_tokens\[.*\] = \{\n    (\d, ){6}\d\n\}", source)
        assert set(re.findall(r"(\d)[,\n]", source.split("{")[1].split("}")[0])) == set("0132")
    assert "the beginning of a text" in (tmp_path / "c/src/letters_test.h").read_text()
    assert run_program("make", "-s", "run", cwd=tmp_path / "c").endswith(PASSED)


def test_models_of_other_kinds_are_refused_with_what_to_do(run: Run, tmp_path: Path) -> None:
    settings = LanguageSettings("egru", 2, (3,))
    write_language_model(Trained(LanguageModel(settings), Vocabulary(("a", "b"))), tmp_path / "f")
    model_file.write(random_network(1), tmp_path / "spiking.esnn")
    integer_file.write(some_language(), tmp_path / "cut.esnn")
    (tmp_path / "cut.esnn").write_bytes((tmp_path / "cut.esnn").read_bytes()[:-1])
    (tmp_path / "text").write_text("no model")
    before = entries(tmp_path)
    for name, message in (
        ("f", "f must be a language model in integers, not in floating point: edgesnn lm compre"),
        ("spiking.esnn", "spiking.esnn must be a language model of EGRU layers, not a spiking "
         "network: those are for edgesnn export-c"),
        ("cut.esnn", "cut.esnn: a model file must be a whole safetensors"),
        ("text", "must be a trained model in floating point"),
    ):  # fmt: skip
        code, out, err = run(tmp_path / name, "-o", tmp_path / "c")
        assert (code, out) == (1, "")
        assert message in err
    code, _, err = run(tmp_path / "absent", "-o", tmp_path / "c")
    assert code == 2
    assert entries(tmp_path) == before


def test_bad_options_are_refused_without_a_file(run: Run, model: Path) -> None:
    full = model.parent / "full"
    full.mkdir()
    (full / "mine").touch()
    for code, message, words in (
        (1, "full must be empty or not exist; choose another folder", ("-o", full)),
        (1, "must be a folder that export-c has written to be replaced", ("-o", full, "--force")),
        (1, "must be a folder, and is a file", ("-o", model)),
        (2, "'my_net' would be one", ("--name", "my-net", "-o", model.parent / "c")),
        (1, "a text must be a path that exists", ("--text", "none", "-o", model.parent / "c")),
        (
            2,
            "'--tokens': Input should be greater than or equal to 1",
            ("--tokens", 0, "-o", model.parent / "c"),
        ),
    ):
        found, out, err = run(model, *words)
        assert (found, out) == (code, ""), words
        assert message in err
    assert entries(model.parent) == ["full", "some.esnn"]
    assert entries(full) == ["mine"]
