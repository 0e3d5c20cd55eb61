"""Time: of one layer next to plain ExactOBS, and of a whole network next to iterative pruning."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benches.compression.models import (
    PER_CLASS,
    percent_right,
    percent_right_in_integers,
    trained,
)
from edgesnn.compress import obs
from edgesnn.compress.iterative import prune_iteratively
from edgesnn.compress.pipeline import compress
from edgesnn.compress.prune import prune
from edgesnn.compress.quantize import quantize
from edgesnn.compress.settings import CompressionSettings
from edgesnn.compress.statistics import collect
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelConnection
from edgesnn.network import InputPopulation
from edgesnn.recipes import find_recipe

SIZES = (256, 512, 1024, 2312)
#: Rows on which plain ExactOBS is measured; all rows cost the same.
EXACT_ROWS = {256: 16, 512: 8, 1024: 3, 2312: 1}
SPARSITY = 0.97


@dataclass(frozen=True)
class SizeRow:
    """Seconds for a layer of ``inputs`` x 256, 97 % pruned and 4 bit.

    exact   plain row-wise ExactOBS for the pruning alone: ``exact_rows`` rows measured, times 256
            over their number
    """

    inputs: int
    collect: float
    prune: float
    quantize: float
    exact: float
    exact_rows: int


def busiest(model: Model, events: EventWindows, count: int) -> tuple[Model, EventWindows]:
    """The model and events with only the ``count`` busiest sources."""
    rates = np.bincount(events.source_ids, minlength=events.num_sources)
    chosen = np.sort(np.argsort(-rates, kind="stable")[:count])
    place = np.full(events.num_sources, -1)
    place[chosen] = np.arange(count)
    ids = place[events.source_ids]
    before = np.concatenate([[0], np.cumsum(ids >= 0)])
    few = EventWindows(events.num_steps, count, before[events.step_start], ids[ids >= 0])
    first = model.connections[0]
    smaller = replace(
        model,
        populations=(InputPopulation("input", count), *model.populations[1:]),
        connections=(
            ModelConnection(first.source, first.target, first.parameters[chosen]),
            *model.connections[1:],
        ),
    )
    return smaller, few


def size_rows(folder: Path) -> list[SizeRow]:
    """Time against the size of the first layer of saccade-mnist."""
    found = trained(folder, "saccade-mnist", 0)
    rows = []
    for size in SIZES:
        model, events = busiest(found.model, found.calibration().events, size)
        began = time.perf_counter()
        statistics = collect(model, events)
        collected = time.perf_counter()
        kept = [round((1 - SPARSITY) * c.parameters.size) for c in model.connections]
        pruned = prune(model, statistics, kept)
        done = time.perf_counter()
        quantize(model, statistics, pruned)
        quantized = time.perf_counter()
        (group,) = statistics.layers[0].groups["membrane"]
        hessian = obs.damped(group.hessian[:-1, :-1])
        weights = torch.from_numpy(model.connections[0].parameters.T.astype(np.float64))
        count = EXACT_ROWS[size]
        start = time.perf_counter()
        for row in weights[:count]:
            obs.eliminate_exactly(hessian, row)
        exact = (time.perf_counter() - start) * len(weights) / count
        rows.append(
            SizeRow(size, collected - began, done - collected, quantized - done, exact, count)
        )
        print(rows[-1], flush=True)
    return rows


@dataclass(frozen=True)
class Against:
    """One-shot against iterative pruning, both to 97 % and 4 bit; accuracies in per cent."""

    one_shot_seconds: float
    one_shot_accuracy: float
    iterative_seconds: float
    iterative_pruned_accuracy: float
    iterative_accuracy: float
    rounds: int
    epochs_of_a_round: int


def against_iterative(folder: Path, rounds: int = 10) -> Against:
    """Both on the saccade-mnist model of seed 0; the whole time, calibration included."""
    found = trained(folder, "saccade-mnist", 0)
    samples = found.calibration(PER_CLASS)
    settings = CompressionSettings(sparsity=SPARSITY)
    began = time.perf_counter()
    network, _ = compress(found.model, samples, settings)
    one_shot = time.perf_counter() - began
    training = replace(find_recipe("saccade-mnist").settings, epochs=1, validation=0.0)
    began = time.perf_counter()
    pruned = prune_iteratively(
        found.model, found.data.training, SPARSITY, training, rounds,
        progress=lambda done, total: print(f"iterative {done}/{total}", flush=True),
    )  # fmt: skip
    # What is zero stays zero, so nothing more is pruned.
    again, _ = compress(pruned, samples, CompressionSettings(sparsity=0.0))
    iterative = time.perf_counter() - began
    held_out = found.data.held_out
    return Against(
        one_shot,
        percent_right_in_integers(network, held_out),
        iterative,
        percent_right(pruned, held_out),
        percent_right_in_integers(again, held_out),
        rounds,
        1,
    )
