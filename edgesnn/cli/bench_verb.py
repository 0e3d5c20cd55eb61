"""The verb bench: the benches of a checkout, which are no part of an installed package."""

from __future__ import annotations

import subprocess
import sys
from json import loads as load_json
from pathlib import Path
from typing import Annotated

import typer

from edgesnn._resources import checkout_dir
from edgesnn.cli.options import Json
from edgesnn.cli.output import FAILURE, Output


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
        typer.Option(help="Folder of the pages. Default: docs/results.", file_okay=False),
    ] = None,
    json: Json = False,
) -> None:
    """Measure the simulator and the core, or, with --hardware, every board; in a checkout.

    Writes a page and figures of each. A run with --hardware that was stopped goes on where it was.
    Example: edgesnn bench --hardware --board icebreaker --seeds 8
    """
    out = Output(json)
    checkout = checkout_dir()
    options: list[str] = []
    if hardware:
        options += ["--seeds", str(seeds), *(["--cached"] if cached else [])]
        options += [part for name in board or () for part in ("--board", name)]
    elif board or cached:
        raise typer.BadParameter("--board and --cached must come with --hardware, not alone")
    folder = checkout / "docs" / "results" if write is None else write.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    measured = {}
    for name in ("hardware",) if hardware else ("simulator", "core"):
        command = [sys.executable, "-m", f"benches.{name}", "--write", str(folder), *options]
        # What a bench says on the way is not the result.
        done = subprocess.run(command, cwd=checkout, stdout=sys.stderr.fileno(), check=False)
        if done.returncode:
            raise typer.Exit(FAILURE)
        measured[name] = load_json((folder / f"{name}.json").read_text())
        out.line(f"{folder / name}.md: {len(measured[name]['figures'])} figures")
    out.result(measured)
