"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benches.representation import parts, pictures
from benches.representation.page import Measured, figures, page
from edgesnn.files import write_whole
from edgesnn.measurement import record, write_result

NUM_SEEDS = 5
#: At most, of other depths and widths, and of events: they take the longest to train.
NUM_FURTHER_SEEDS = 3
#: Data set that a part cannot do without.
NEEDS = {
    "pairs": "fashion_mnist",
    "controls": "fashion_mnist",
    "depths": "fashion_mnist",
    "widths": "fashion_mnist",
    "steps": "fashion_mnist",
    "attacks": "fashion_mnist",
    "events": "mnist",
}


def parts_of(
    seeds: tuple[int, ...], depths: tuple[int, ...] = parts.DEPTHS
) -> dict[str, Callable[[], Any]]:
    """What is measured, by the names of ``Measured``."""
    few = seeds[:NUM_FURTHER_SEEDS]
    return {
        "checks": parts.checks,
        "pairs": lambda: parts.pairs(seeds),
        "controls": lambda: parts.controls(seeds),
        "depths": lambda: parts.depths(few, depths),
        "widths": lambda: parts.widths(few),
        "events": lambda: parts.events(few),
        "steps": lambda: parts.steps(seeds),
        "attacks": lambda: parts.attacks(seeds),
        "compressed": parts.compressed,
    }


def measure(chosen: dict[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """What was found, by part, and what was skipped, with the reason."""
    missing = parts.unavailable()
    found: dict[str, Any] = {}
    skipped = {}
    for name, run in chosen.items():
        reason = missing.get(NEEDS.get(name, ""))
        if reason is not None:
            skipped[name] = reason
            found[name] = []
            print(f"{name}: skipped, {reason}", flush=True)
            continue
        print(f"{name} ...", flush=True)
        found[name] = run()
    return found, skipped


def written(folder: Path, result: dict[str, Any], measured: Measured) -> None:
    """Write the page, its figures and its pictures."""
    write_result(folder, "representation", result, page(result, measured))
    if measured.pairs:
        write_whole(folder / "representation_layers.png", pictures.layers(measured.pairs))
        curves = [*measured.pairs, *(p for p in measured.depths if p.depth > 8)]
        write_whole(folder / "representation_curves.png", pictures.curves(curves))
    if measured.steps:
        write_whole(folder / "representation_steps.png", pictures.steps(measured.steps))


def main() -> None:
    """All parts, one after the other; some hours with the training of the networks."""
    parser = argparse.ArgumentParser(description="what layers of spiking networks tell apart")
    parser.add_argument("--write", type=Path, help="folder for representation.md, .json and .png")
    parser.add_argument("--seeds", type=int, default=NUM_SEEDS, help="networks of each kind")
    parser.add_argument(
        "--depths",
        type=int,
        nargs="+",
        choices=parts.DEPTHS,
        default=list(parts.DEPTHS),
        help="layers with weights of networks",
    )
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument(
        "--only", action="append", choices=tuple(parts_of(())), help="part; no page is written"
    )
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=tuple(name for name in parts_of(()) if name != "checks"),
        help="parts that the page does without, and says so",
    )
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    torch.set_num_threads(options.threads)
    seeds = tuple(range(options.seeds))
    everything = parts_of(seeds, tuple(options.depths))
    chosen = options.only or [name for name in everything if name not in options.without]
    found, skipped = measure({name: everything[name] for name in chosen})
    if options.only:
        for name, value in found.items():
            print(name, value)
        return
    for name in options.without:
        skipped[name] = "left out of this run (--without)"
        found[name] = []
    measured = Measured(seeds=seeds, skipped=skipped, **found)
    command = " ".join(["python -m benches.representation", *sys.argv[1:]])
    result = record(command, figures(measured))
    print(json.dumps(result, indent=2))
    if options.write:
        written(options.write, result, measured)


if __name__ == "__main__":
    main()
