"""The documentation is true: its commands and examples run, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/how-to").glob("*.md"))]
ALL_PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "firmware/README.md",
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
#: Targets of our own Makefile, not of one elsewhere: make -C FOLDER.
MAKE = re.compile(r"`make (\w[\w-]*)`|^make (\w[\w-]*)", re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text())]


def environment(folder: Path) -> dict[str, str]:
    """``edgesnn`` and ``python`` on the path are those that run this test."""
    tools = folder / "bin"
    tools.mkdir()
    for name, module in (("edgesnn", "-m edgesnn"), ("python", "")):
        script = tools / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        script.chmod(0o755)
    path = os.pathsep.join(str(ROOT / part) for part in (".", "hdl", "boards"))
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": path,
        "PYTHONWARNINGS": "default",
    }


@pytest.mark.docs
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_and_examples_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    found = blocks(page)
    if not any("digits.model" in text for kind, text in found if kind == "sh"):
        prepare = "edgesnn train digits -o digits.model --epochs 1\n"
        prepare += "edgesnn compress digits.model -o digits.esnn\n"
        found.insert(0, ("sh", prepare))
    for kind, text in found:
        if kind == "python":
            command = [sys.executable, "-c", text]
        elif kind == "sh" and not MAKE.match(text):
            command = ["bash", "-euo", "pipefail", "-c", text]
        else:
            continue
        done = subprocess.run(
            command, cwd=work, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{page.name}:\n{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda p: p.stem)
def test_links_lead_to_files(page: Path) -> None:
    targets = [t for t in LINK.findall(page.read_text()) if "://" not in t]
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda p: p.stem)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {a or b for a, b in MAKE.findall(page.read_text())}
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    assert {n for n in named if n not in targets and not n.startswith("results-")} == set()


def test_every_verb_is_in_the_changelog_and_has_an_example() -> None:
    from edgesnn.cli.app import VERBS

    log = (ROOT / "CHANGELOG.md").read_text()
    for name, verb in VERBS.items():
        assert f"`{name}`" in log
        assert verb.__doc__ is not None
        assert "Example:" in verb.__doc__, name


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda p: p.stem)
def test_pages_hold_no_path_of_a_machine(page: Path) -> None:
    assert re.search(r"(/home/|/root/|/work/|/Users/)", page.read_text()) is None
