"""The inputs from which the fuzzers begin: few, small, and harmless."""

import subprocess

import pytest

from edgesnn._resources import firmware_dir
from tests.firmware.board import SANITIZED, needs
from tests.firmware.fuzz_corpus import CORPORA, corpus

HARNESSES = sorted((firmware_dir() / "fuzz").glob("fuzz_*.c"))


@pytest.mark.parametrize("harness", CORPORA)
def test_the_seeds_are_fresh(harness):
    seeds = CORPORA[harness]()
    found = {name: (corpus(harness) / name).read_bytes() for name in seeds}
    assert found == seeds, "run python -m tests.firmware.fuzz_corpus"


@pytest.mark.parametrize("harness", HARNESSES, ids=lambda path: path.stem)
def test_a_corpus_is_small_and_runs_clean(harness, tmp_path):
    compiler = needs("cc", "the firmware")
    folder = firmware_dir()
    files = sorted((folder / "fuzz/corpus" / harness.stem.removeprefix("fuzz_")).iterdir())
    assert 0 < len(files) < 50
    assert sum(file.stat().st_size for file in files) < 65536
    program = tmp_path / "replay"
    sources = [harness, folder / "fuzz/replay.c", *sorted((folder / "src").glob("*.c"))]
    command = [compiler, *SANITIZED.split(), "-std=c99", f"-I{folder / 'include'}"]
    subprocess.run([*command, *sources, "-o", program], check=True)
    done = subprocess.run([program, *files], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
