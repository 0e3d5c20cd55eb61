"""The verb bench: the benches of a checkout, which are no part of an installed package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgesnn._resources import checkout_dir
from edgesnn.cli.output import FAILURE


def bench(
    hardware: Annotated[
        bool, typer.Option("--hardware", help="Build every board over several seeds; hours.")
    ] = False,
    board: Annotated[
        list[str] | None, typer.Option(help="With --hardware: only this one; may be repeated.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="With --hardware: seeds of each board.")] = 5,
    cached: Annotated[
        bool, typer.Option("--cached", help="With --hardware: report what was built before.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(help="Folder of the page. Default: docs/results.", file_okay=False),
    ] = None,
) -> None:
    """Measure the simulator and the core, or, with --hardware, every board; in a checkout.

    A run with --hardware that was stopped goes on where it was, and writes hardware.md and .json.
    Example: edgesnn bench --hardware --board icebreaker --seeds 8
    """
    checkout = checkout_dir()
    if hardware:
        folder = checkout / "docs" / "results" if write is None else write.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--write", str(folder), "--seeds", str(seeds)]
        options += [part for name in board or () for part in ("--board", name)]
        programs = [("hardware", [*options, *(["--cached"] if cached else [])])]
    else:
        given = {"--board": board, "--cached": cached, "--write": write}
        if any(given.values()):
            names = ", ".join(name for name, value in given.items() if value)
            raise typer.BadParameter(f"{names} must come with --hardware, not alone")
        programs = [("simulator", []), ("core", [])]
    for name, arguments in programs:
        command = [sys.executable, "-m", f"benches.{name}", *arguments]
        if subprocess.run(command, cwd=checkout, check=False).returncode:
            raise typer.Exit(FAILURE)
