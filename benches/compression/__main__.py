"""Measures, prints and writes: see the package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from benches.compression import accuracy, jitter, speed, storage
from benches.compression.page import Measured, figures, page
from edgesnn.cache import cache_dir
from edgesnn.measurement import record

SEEDS = (0, 1, 2)


def main() -> None:
    """All tables, one after the other; about an hour with the training of the models."""
    parser = argparse.ArgumentParser(description="what compression costs, on real data")
    parser.add_argument("--write", type=Path, help="folder for compression.md and .json")
    parser.add_argument("--models", type=Path, help="folder that keeps trained models")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    options = parser.parse_args()
    folder = options.models or cache_dir("models")
    torch.set_num_threads(options.threads)
    measured = Measured(
        floats=accuracy.floats(folder, SEEDS),
        saccade=accuracy.saccade_rows(folder, SEEDS),
        alone=accuracy.alone_rows(folder, SEEDS),
        calibration=accuracy.calibration_rows(folder, SEEDS),
        ablations=accuracy.ablation_rows(folder, SEEDS[0]),
        storage=storage.storage_rows(folder),
        recurrent=accuracy.recurrent_rows(folder, SEEDS),
        jitter=jitter.jitter_rows(),
        # Last, so that what else the machine does can wait for them.
        sizes=speed.size_rows(folder),
        against=speed.against_iterative(folder),
    )
    command = "python -m benches.compression --write docs/results"
    result = record(command, figures(measured))
    print(json.dumps(result, indent=2))
    if options.write:
        (options.write / "compression.json").write_text(json.dumps(result, indent=2) + "\n")
        (options.write / "compression.md").write_text(page(result, measured))


if __name__ == "__main__":
    main()
