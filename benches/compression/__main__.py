"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benches.compression import accuracy, jitter, speed, storage
from benches.compression.page import Measured, figures, page
from benches.kept import folder_of, kept
from edgesnn.cache import cache_dir
from edgesnn.measurement import record, write_result

SEEDS = (0, 1, 2)


def parts(models: Path) -> dict[str, Callable[[], Any]]:
    """What is measured, by the names of ``Measured``, with the models in that folder.

    Timing comes last, so that what else the machine does can wait for it.
    """
    return {
        "floats": lambda: accuracy.floats(models, SEEDS),
        "saccade": lambda: accuracy.saccade_rows(models, SEEDS),
        "alone": lambda: accuracy.alone_rows(models, SEEDS),
        "calibration": lambda: accuracy.calibration_rows(models, SEEDS),
        "ablations": lambda: accuracy.ablation_rows(models, SEEDS[0]),
        "storage": lambda: storage.storage_rows(models),
        "recurrent": lambda: accuracy.recurrent_rows(models, SEEDS),
        "jitter": jitter.jitter_rows,
        "sizes": lambda: speed.size_rows(models),
        "against": lambda: speed.against_iterative(models),
    }


def main() -> None:
    """All tables, one after the other; about an hour with the training of the models."""
    parser = argparse.ArgumentParser(description="what compression costs, on real data")
    parser.add_argument("--write", type=Path, help="folder for compression.md and .json")
    parser.add_argument("--models", type=Path, help="folder that keeps trained models")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument(
        "--only", action="append", choices=tuple(parts(Path())), help="part; no page is written"
    )
    options = parser.parse_args()
    models = options.models or cache_dir("models")
    torch.set_num_threads(options.threads)
    chosen = parts(models)
    folder = folder_of("compression", str(models.resolve()))
    found = {name: kept(folder, name, chosen[name]) for name in options.only or chosen}
    if options.only:
        return
    measured = Measured(**found)
    command = "python -m benches.compression --write docs/results"
    result = record(command, figures(measured))
    print(json.dumps(result, indent=2))
    if options.write:
        write_result(options.write, "compression", result, page(result, measured))


if __name__ == "__main__":
    main()
