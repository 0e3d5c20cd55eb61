"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from benches.jobs import Job, run_jobs
from benches.kept import folder_of
from benches.language import gated, in_spikes, pictures, speed
from benches.language.figures import figures
from benches.language.gated import Task
from benches.language.page import page
from benches.language.rows import Part, Point, part_from
from edgesnn.cli.lm_make_verbs import STEPS
from edgesnn.files import write_whole
from edgesnn.language.presets import SPIKING
from edgesnn.measurement import commit, machine, record, write_result

#: Shares of the weights that further seeds are pruned to, and models with other activity; the first
#: model goes all steps.
FEW_LEVELS, ONE_LEVEL = (0.8, 0.95), (0.8,)
ONE_SHOT = (0.5, 0.7, 0.8)
#: The dense model and the pruned one that become integers.
ROUNDED = (0.0, 0.8)

WORD_TASKS = (
    Task("egru", "ptb", "egru", 0, levels=STEPS, one_shot=ONE_SHOT, integers=ROUNDED),
    Task("gru", "ptb", "gru"),
    Task("lstm", "ptb", "lstm"),
)
#: What else there is of words: other seeds, and activity by other means.
FURTHER_TASKS = (
    Task("egru", "ptb", "egru", 1, levels=FEW_LEVELS),
    Task("egru", "ptb", "egru", 2, levels=FEW_LEVELS),
    Task(
        "egru, thresholds of 0.2", "ptb", "egru",
        layers={"threshold_mean": 0.2}, levels=ONE_LEVEL,
    ),
    Task(
        "egru, 10 times the weight decay", "ptb", "egru",
        training={"weight_decay": 0.2}, levels=ONE_LEVEL,
    ),
)  # fmt: skip
CHARACTER_TASKS = (
    Task("egru", "characters", "egru", levels=(0.5, 0.8), one_shot=ONE_SHOT, integers=ROUNDED),
    Task("gru", "characters", "gru"),
)


def parts(folder: Path | None, share: float = 1.0) -> dict[str, list[Job]]:
    """What is measured; ``share`` of every text."""

    def jobs(tasks: tuple[Task, ...]) -> list[Job]:
        return [
            Job(f"{t.preset}-{t.name}-{t.seed}", gated.measured, (t, folder, share)) for t in tasks
        ]

    spikes = [Job(name, in_spikes.measured, (name, folder, share)) for name in SPIKING]
    return {
        "words": jobs(WORD_TASKS),
        "further words": jobs(FURTHER_TASKS),
        "characters": jobs(CHARACTER_TASKS),
        "spiking": spikes,
        "speed": [Job("speed", speed.measured)],
    }


def measured(names: list[str], processes: int, share: float) -> dict[str, Part]:
    """The parts of these names; timing has the machine for itself."""
    folder = folder_of("language", f"{share}")
    chosen = {name: jobs for name, jobs in parts(folder, share).items() if name in names}
    together = [job for name, jobs in chosen.items() if name != "speed" for job in jobs]
    found = iter(run_jobs(together, folder, processes))
    rows = {name: [next(found) for _ in jobs] for name, jobs in chosen.items() if name != "speed"}
    if "speed" in chosen:
        rows["speed"] = run_jobs(chosen["speed"], folder, 1)
    return {
        name: Part(commit(), machine(), [row for of_job in all_rows for row in of_job])
        for name, all_rows in rows.items()
    }


def written(folder: Path, command: str, new: Mapping[str, Part]) -> None:
    """Write page, figures and picture; parts that are not new stay as they are in the file."""
    path = folder / "language.json"
    before = json.loads(path.read_text())["parts"] if path.exists() else {}
    known = {name: part_from(part) for name, part in before.items()} | dict(new)
    every = {name: known[name] for name in parts(None) if name in known}
    result = record(command, figures(every))
    whole = {**result, "parts": {name: part.as_json() for name, part in every.items()}}
    write_result(folder, "language", whole, page(result, every))
    points = [row for part in every.values() for row in part.rows if isinstance(row, Point)]
    if points:
        write_whole(folder / "language_surface.png", pictures.surface(points))


def main() -> None:
    """All parts; hours."""
    parser = argparse.ArgumentParser(description="sparse, integer and spiking language models")
    parser.add_argument("--write", type=Path, help="folder for language.md and .json")
    parser.add_argument("--only", action="append", choices=tuple(parts(None)), help="part")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--share", type=float, default=1.0, help="of every text, to try")
    options = parser.parse_args()
    if options.write and options.share != 1:
        parser.error(f"--share must be 1 to be written, not {options.share:g}: leave out one")
    names = options.only or list(parts(None))
    found = measured(names, options.processes, options.share)
    only = [f"--only {shlex.quote(name)}" for name in options.only or ()]
    command = " ".join(["python -m benches.language", *only, "--write docs/results"])
    print(json.dumps(figures(found), indent=2))
    if options.write:
        written(options.write, command, found)


if __name__ == "__main__":
    main()
