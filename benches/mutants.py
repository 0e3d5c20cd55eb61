"""Plants single errors in copies of simulator, gates and firmware: do the tests notice?

``python -m benches.mutants [--write docs/results] [--only TEXT] [--jobs 2]``

Each mutant of ``benches.planted_errors*`` gets its own copy of the tree and empty caches. A
mutant is caught if a test fails; exit code 1 if one survives, or if the tests fail without any.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benches.planted_errors import IN_GATES, IN_SIMULATOR, Mutant, Tests
from benches.planted_errors_firmware import IN_FIRMWARE
from benches.planted_errors_language import IN_LANGUAGE
from benches.planted_errors_link import IN_LINK
from benches.planted_errors_standalone import IN_STANDALONE
from edgesnn.measurement import record, write_result

ROOT = Path(__file__).parent.parent
PLANTED = {
    "In the simulator": IN_SIMULATOR,
    "In the gates": IN_GATES,
    "In the gates that speak with the host": IN_LINK,
    "In the gates of a board without a host": IN_STANDALONE,
    "In the firmware": IN_FIRMWARE,
    "In the firmware of language models": IN_LANGUAGE,
}
MUTANTS = tuple(mutant for group in PLANTED.values() for mutant in group)
TREES = ("edgesnn", "hdl", "boards", "firmware", "benches", "tests")
#: A mutant that hangs is caught as well; the tests alone take a tenth of this.
LIMIT_SECONDS = 300
#: A test that fails because of one of these did not notice anything: the mutant is no program.
NO_PROGRAM = re.compile(
    r"BuildFailed|ToolNotFound|TypingError|LoweringError|SyntaxError|NameError|ImportError"
)
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    noticed_by  test that failed, or empty
    """

    mutant: Mutant
    noticed_by: str
    seconds: float

    @property
    def caught(self) -> bool:
        return bool(self.noticed_by)


def plant(mutant: Mutant, tree: Path) -> None:
    """Put the error into a copy of the tree; raises ``ValueError`` if it has no single place."""
    path = tree / mutant.path
    text = path.read_text()
    places = text.count(mutant.old)
    if places != 1:
        raise ValueError(f"{mutant.name!r}: must occur once in {mutant.path}, not {places} times")
    path.write_text(text.replace(mutant.old, mutant.new))


def run_tests(
    tests: Iterable[str], tree: Path, scratch: Path, seconds: float = LIMIT_SECONDS
) -> tuple[int, str]:
    """Exit code of pytest and its output, in ``tree``, with caches below ``scratch``."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-rf", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(scratch / "numba"),
        "EDGESNN_CACHE": str(scratch / "gates"),
    }
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def copy_tree(source: Path, target: Path) -> None:
    target.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for name in TREES:
        shutil.copytree(source / name, target / name, ignore=unwanted)
    shutil.copy(source / "pyproject.toml", target)


def try_mutant(mutant: Mutant, pristine: Path) -> Outcome:
    """Plant one error and run its tests; raises ``ValueError`` if no program came of it."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        copy_tree(pristine, tree)
        plant(mutant, tree)
        try:
            code, output = run_tests(mutant.tests, tree, Path(folder))
        except subprocess.TimeoutExpired:
            return Outcome(mutant, f"no end within {LIMIT_SECONDS} s", time.monotonic() - begin)
    seconds = time.monotonic() - begin
    if code == 0:
        return Outcome(mutant, "", seconds)
    failed = FAILED.search(output)
    if code != 1 or failed is None or NO_PROGRAM.search(output):
        raise ValueError(f"{mutant.name!r} must still be a program:\n{output[-3000:]}")
    return Outcome(mutant, failed[1], seconds)


def run_without_error(tests: Iterable[Tests], pristine: Path) -> None:
    """All tests that the mutants need, on an unchanged copy; raises ``ValueError`` if one fails."""
    wanted = dict.fromkeys(name for group in tests for name in group)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        copy_tree(pristine, tree)
        code, output = run_tests(wanted, tree, Path(folder), len(wanted) * LIMIT_SECONDS)
    if code:
        raise ValueError(f"the tests must pass without a planted error:\n{output[-3000:]}")


def run_all(mutants: Iterable[Mutant], jobs: int) -> list[Outcome]:
    """Try every mutant on the tree as it is now, ``jobs`` at a time."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        pristine = Path(folder) / "tree"
        copy_tree(ROOT, pristine)
        begin = time.monotonic()
        run_without_error((m.tests for m in mutants), pristine)
        seconds = time.monotonic() - begin
        print(f"{seconds:5.0f} s  the tests pass without a planted error", flush=True)
        for outcome in pool.map(lambda m: try_mutant(m, pristine), mutants):
            outcomes.append(outcome)
            verdict = "caught  " if outcome.caught else "SURVIVED"
            where = Path(outcome.mutant.path).name
            print(
                f"{outcome.seconds:5.0f} s  {verdict}  {where}: {outcome.mutant.name}", flush=True
            )
    return outcomes


def page(outcomes: list[Outcome], machine: str, commit: str) -> str:
    caught = sum(o.caught for o in outcomes)
    lines = [
        "# Mutants: do the tests notice?",
        "",
        "Generated by `make results-mutants`; do not edit. `make mutants` runs the same check.",
        "",
        f"Machine: {machine}. Commit: {commit}.",
        "",
        "Each line is one wrong decision, planted in a copy of the tree with empty caches, and the "
        "first test that failed. The tests were run without any error before, and passed. "
        "Only the tests that a mutant names are run, so that the check takes minutes.",
        "",
        f"{caught} of {len(outcomes)} caught.",
        "",
    ]
    for title, group in PLANTED.items():
        lines += [f"## {title}", "", "| file | wrong decision | noticed by |", "|---|---|---|"]
        for o in outcomes:
            if o.mutant in group:
                where = Path(o.mutant.path).name
                by = f"`{Path(o.noticed_by).name}`" if o.caught else "**nothing**"
                lines.append(f"| `{where}` | {o.mutant.name} | {by} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="plant errors and see that tests notice")
    parser.add_argument("--write", type=Path, help="folder for mutants.md and mutants.json")
    parser.add_argument("--only", default="", help="mutants whose name or file contains this")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.only in m.name or options.only in m.path]
    if not chosen:
        parser.error(f"no mutant is called {options.only!r}")
    begin = time.monotonic()
    outcomes = run_all(chosen, options.jobs)
    caught = sum(o.caught for o in outcomes)
    figures = {
        "mutants": len(outcomes),
        "mutants_caught": caught,
        "seconds": round(time.monotonic() - begin),
    }
    result = record("python -m benches.mutants --write docs/results", figures)
    print(json.dumps(result, indent=2))
    if options.write:
        write_result(
            options.write, "mutants", result, page(outcomes, result["machine"], result["commit"])
        )
    return int(caught < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
