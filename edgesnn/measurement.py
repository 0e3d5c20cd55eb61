"""A measurement that can be repeated: the command, the commit, the machine, and the figures."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgesnn import __version__

_CHECKOUT = Path(__file__).parent.parent


def commit() -> str:
    """The commit of the checkout, with ``+`` if files differ from it; else the package version."""
    git = shutil.which("git")
    if git is None or not (_CHECKOUT / ".git").exists():
        return f"edgesnn {__version__}"

    def ask(*arguments: str) -> str:
        asked = subprocess.run(
            [git, *arguments], cwd=_CHECKOUT, capture_output=True, text=True, check=False
        )
        return asked.stdout.strip()

    # The pages that a measurement writes are not part of what it measures.
    changed = ask("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/results")
    return (ask("rev-parse", "HEAD") or f"edgesnn {__version__}") + ("+" if changed else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine() -> str:
    """Processor, cores, system and Python, in words."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def record(command: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """``{"command", "commit", "machine", "figures"}``, JSON values."""
    return {
        "command": command,
        "commit": commit(),
        "machine": machine(),
        "figures": dict(figures),
    }


def write_result(folder: Path, name: str, result: Mapping[str, Any], page: str) -> None:
    """Write ``NAME.json`` and ``NAME.md`` into a folder: the figures, and what is read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    (folder / f"{name}.md").write_text(page)
