"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benches.compression.__main__ import kept
from benches.recurrent import measure, tools
from benches.recurrent.networks import Plan
from benches.recurrent.page import Measured, figures, page
from edgesnn.cache import cache_dir
from edgesnn.measurement import commit, record, write_result


def parts(plan: Plan) -> dict[str, Callable[[], Any]]:
    """What is measured, by the names of ``Measured``; timing last, when all else is done."""
    return {
        "tools": lambda: {
            "lorenz_error_percent": tools.lorenz_error_percent(),
            **tools.slow_mode_errors(plan.seeds),
        },
        "forecasts": lambda: measure.forecast_rows(plan),
        "digits": lambda: measure.digits_rows(plan),
        "ablations": lambda: measure.ablation_rows(plan),
        "deployed": lambda: measure.deployed_rows(plan),
        "trained": lambda: measure.trained_rows(plan),
        "speed": lambda: measure.speed_rows(plan),
    }


def folder_of(plan: Plan) -> Path | None:
    """Where a run keeps its parts for its commit; None where files differ from the commit."""
    code = commit()
    if code.endswith("+"):
        return None
    key = hashlib.sha256(f"{code} {plan}".encode()).hexdigest()[:20]
    folder = cache_dir("bench-recurrent") / key
    folder.mkdir(exist_ok=True)
    return folder


def main() -> None:
    """All tables; hours with five seeds."""
    parser = argparse.ArgumentParser(description="what LNP keeps of recurrent networks")
    parser.add_argument("--write", type=Path, help="folder for recurrent.md and .json")
    parser.add_argument("--seeds", type=int, default=Plan.seeds)
    parser.add_argument("--neurons", type=int, default=Plan.neurons, help="of dense networks")
    parser.add_argument("--sizes", type=int, nargs="+", default=Plan.sizes, help="of the timing")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument(
        "--only", action="append", choices=tuple(parts(Plan())), help="part; others are left out"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plan = Plan(options.seeds, options.neurons, tuple(options.sizes))
    chosen, folder = parts(plan), folder_of(plan)
    names = [name for name in chosen if not options.only or name in options.only]
    measured = Measured(plan, **{name: kept(folder, name, chosen[name]) for name in names})
    words = ["python -m benches.recurrent", f"--seeds {plan.seeds}", f"--neurons {plan.neurons}"]
    words.append("--sizes " + " ".join(map(str, plan.sizes)))
    words += [f"--only {name}" for name in options.only or ()]
    result = record(" ".join([*words, "--write docs/results"]), figures(measured))
    print(json.dumps(result, indent=2))
    if options.write:
        write_result(options.write, "recurrent", result, page(result, measured))


if __name__ == "__main__":
    main()
