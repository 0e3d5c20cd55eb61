"""Parts of a bench that do not need each other: one process each, and kept when they are done."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benches.kept import kept


@dataclass(frozen=True)
class Job:
    """``function(*arguments)``, whose result is kept under ``name``; lower ranks run first."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    rank: int = 0

    def run(self, folder: Path | None) -> Any:
        found = kept(folder, self.name, lambda: self.function(*self.arguments))
        print(self.name, "done", flush=True)
        return found


def run_jobs(jobs: list[Job], folder: Path | None, processes: int) -> list[Any]:
    """Results in the order of the jobs; each process computes with one thread."""
    if processes == 1 or not jobs:
        return [job.run(folder) for job in jobs]
    # A new interpreter for each, which reads how many threads linear algebra may have.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, torch.set_num_threads, (1,)) as pool:
        order = sorted(range(len(jobs)), key=lambda i: jobs[i].rank)
        waiting = {i: pool.submit(jobs[i].run, folder) for i in order}
        return [waiting[i].result() for i in range(len(jobs))]
