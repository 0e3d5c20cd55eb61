"""The jitter experiment: one layer of LIF neurons whose inputs are correlated in groups.

In the jittered task each input fires with a delay of its own, 0..7 steps after its cause; in the
synchronous one at once. The distance is that of van Rossum, relative to the trains of the
uncompressed layer, on windows that calibration did not see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgesnn.analysis.spike_trains import filtered
from edgesnn.compress.grid import Grid
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.quantize import quantize, quantized_model
from edgesnn.compress.statistics import collect
from edgesnn.connections import ModelConnection
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import InputPopulation, Readout
from edgesnn.neuron import ResetMode
from edgesnn.train.dynamics import Dynamics

INPUTS, NEURONS, CAUSES, STEPS, WINDOWS = 64, 32, 8, 60, 120
SEEDS = (0, 1, 2)


def task(seed: int, decay: float, jittered: bool) -> tuple[Model, EventWindows, EventWindows]:
    """A layer, calibration samples and other samples of the same kind."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.3, 1.0, (INPUTS, NEURONS)) * (1 - decay) * 2 / np.sqrt(CAUSES)
    ones = np.ones(NEURONS, np.float32)
    hidden = ModelPopulation(
        "layer", ones, ones * np.float32(decay), 0 * ones, reset_mode=ResetMode.TO_ZERO
    )
    model = Model(
        (InputPopulation("input", INPUTS), hidden),
        (ModelConnection(0, 1, weights.astype(np.float32)),),
        Readout(1, window_steps=STEPS),
    )
    cause_of = rng.integers(0, CAUSES, INPUTS)
    chance = rng.uniform(0.3, 0.9, INPUTS)
    causes = rng.random((2 * WINDOWS, STEPS + 8, CAUSES)) < 0.12
    delays = rng.integers(0, 8, INPUTS) if jittered else np.zeros(INPUTS, int)
    raster = np.stack(
        [causes[:, 8 - d : 8 - d + STEPS, c] for d, c in zip(delays, cause_of, strict=True)], axis=2
    )
    raster = raster & (rng.random(raster.shape) < chance)
    windows = EventWindows.from_rasters(raster.astype(np.uint8))
    return (
        model, windows.select(np.arange(WINDOWS)), windows.select(np.arange(WINDOWS, 2 * WINDOWS))
    )  # fmt: skip


def van_rossum(model: Model, changed: Model, samples: EventWindows, decay: float) -> float:
    wanted, found = (
        np.concatenate(
            [
                filtered(s.double().numpy(), np.full(NEURONS, decay))
                for s in Dynamics(m).record(samples).spikes[1]
            ]
        )
        for m in (model, changed)
    )
    return float(((wanted - found) ** 2).sum() / (wanted**2).sum())


def errors(decay: float, jittered: bool, sparsity: float) -> dict[str, float]:
    """The mean error over the seeds of SBC, OBC and the baseline without a Hessian ("plain").

    sparsity   of the pruning, with unrounded weights; 0: 2-bit codes for all weights instead
    """
    sums = dict.fromkeys(("sbc", "obc", "plain"), 0.0)
    for seed in SEEDS:
        model, calibration, others = task(seed, decay, jittered)
        statistics = collect(model, calibration, ("membrane", "input"))
        kept = [round((1 - sparsity) * INPUTS * NEURONS)]
        for method in sums:
            pruned = prune(
                model, statistics, kept, "magnitude" if method == "plain" else method, bias=False
            )
            changed = pruned_model(model, pruned)
            if not sparsity:
                quantizer = "nearest" if method == "plain" else method
                codes = quantize(model, statistics, pruned, quantizer, Grid(2), bias=False)
                changed = quantized_model(model, codes)
            sums[method] += van_rossum(model, changed, others, decay) / len(SEEDS)
    return sums


@dataclass(frozen=True)
class JitterRow:
    """One task; relative squared van Rossum distances of each method."""

    jittered: bool
    tau: int
    task: str
    errors: dict[str, float]


def jitter_rows() -> list[JitterRow]:
    """Both kinds of inputs, pruned and rounded."""
    return [
        JitterRow(
            jittered,
            tau,
            f"prune {100 * sparsity:.0f} %" if sparsity else "2 bit",
            errors(1 - 1 / tau, jittered, sparsity),
        )
        for jittered, tau in ((True, 16), (True, 8), (True, 2), (False, 4))
        for sparsity in (0.5, 0.9, 0.0)
    ]
