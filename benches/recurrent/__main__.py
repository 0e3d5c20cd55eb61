"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benches.jobs import Job, run_jobs
from benches.kept import folder_of
from benches.recurrent import pictures, tools
from benches.recurrent.measure import STUDIES, Studied, timed, variants
from benches.recurrent.networks import Plan
from benches.recurrent.page import Measured, figures, page
from edgesnn.files import write_whole
from edgesnn.measurement import record, write_result

#: Task of the ablations.
VARIED = "lorenz"


def parts(plan: Plan) -> dict[str, list[Job]]:
    """What is measured; seed by seed, so that a run with fewer finds what one with more kept."""
    return {
        "tools": [Job(f"tools-{plan.seeds}", tools.errors, (plan.seeds,))],
        **{
            task: [Job(f"{task}-{s}", study, (plan, task, s), s) for s in range(plan.seeds)]
            for task, study in STUDIES.items()
        },
        "variants": [Job(f"variants-{s}", variants, (plan, VARIED, s)) for s in range(plan.seeds)],
        "speed": [Job(f"speed-{size}", timed, (size,)) for size in plan.sizes],
    }


def measured(plan: Plan, chosen: dict[str, list[Job]], processes: int) -> Measured:
    """All that was chosen; timing has the machine for itself."""
    folder = folder_of("recurrent", f"{plan.neurons} {plan.epochs}")
    beside = [job for name, jobs in chosen.items() if name != "speed" for job in jobs]
    found = iter(run_jobs(beside, folder, processes))
    results: dict[str, list[Any]] = {
        name: [next(found) for _ in jobs] for name, jobs in chosen.items() if name != "speed"
    }
    studied = [s for of_part in results.values() for s in of_part if isinstance(s, Studied)]
    return Measured(
        plan,
        tools=results.get("tools", [{}])[0],
        scores=[row for s in studied for row in s.scores],
        variants=[row for rows in results.get("variants", []) for row in rows],
        deployed=[row for s in studied for row in s.deployed],
        spectra=[row for s in studied for row in s.spectra],
        speed=run_jobs(chosen.get("speed", []), folder, 1),
    )


def written(folder: Path, result: dict[str, Any], found: Measured) -> None:
    """Write the page, its figures and its pictures."""
    write_result(folder, "recurrent", result, page(result, found))
    if found.scores:
        write_whole(folder / "recurrent_scores.png", pictures.scores(found.scores))
    if found.spectra:
        write_whole(folder / "recurrent_spectra.png", pictures.spectra(found.spectra))
    if found.speed:
        write_whole(folder / "recurrent_times.png", pictures.times(found.speed))


def main() -> None:
    """All tables; hours with five seeds."""
    parser = argparse.ArgumentParser(description="what LNP keeps of recurrent networks")
    parser.add_argument("--write", type=Path, help="folder for recurrent.md and .json")
    parser.add_argument("--seeds", type=int, default=Plan.seeds)
    parser.add_argument("--neurons", type=int, default=Plan.neurons, help="of dense networks")
    parser.add_argument("--epochs", type=int, default=Plan.epochs, help="of training for series")
    parser.add_argument("--sizes", type=int, nargs="+", default=Plan.sizes, help="of the timing")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument(
        "--only", action="append", choices=tuple(parts(Plan())), help="part; others are left out"
    )
    options = parser.parse_args()
    plan = Plan(
        seeds=options.seeds,
        neurons=options.neurons,
        epochs=options.epochs,
        sizes=tuple(options.sizes),
    )
    chosen = {
        name: jobs for name, jobs in parts(plan).items() if not options.only or name in options.only
    }
    found = measured(plan, chosen, options.processes)
    words = ["python -m benches.recurrent", f"--seeds {plan.seeds}", f"--neurons {plan.neurons}"]
    words += [f"--epochs {plan.epochs}", "--sizes " + " ".join(map(str, plan.sizes))]
    words += [f"--only {name}" for name in options.only or ()]
    result = record(" ".join([*words, "--write docs/results"]), figures(found))
    print(json.dumps(result, indent=2))
    if options.write:
        written(options.write, result, found)


if __name__ == "__main__":
    main()
