"""Where inputs are jittered in time against the membrane's memory, SBC is ahead of OBC.

The experiment of one layer of LIF neurons with reset to zero: channels are correlated in groups;
in the jittered task each fires with a delay of its own of 0..7 steps. The distance is that of van
Rossum, relative to the trains of the uncompressed layer.
"""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.compress.grid import Grid
from edgesnn.compress.measure import filtered
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.quantize import quantize, quantized_model
from edgesnn.compress.statistics import collect
from edgesnn.connections import ModelConnection
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.neuron import ResetMode
from edgesnn.train.dynamics import Dynamics
from tests.compress.models import model_of, population

INPUTS, NEURONS, CAUSES, STEPS, WINDOWS = 64, 32, 8, 60, 120
SEEDS = (0, 1, 2)


def task(seed: int, decay: float, jittered: bool) -> tuple[Model, EventWindows, EventWindows]:
    """A layer, calibration samples and other samples of the same kind."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.3, 1.0, (INPUTS, NEURONS)) * (1 - decay) * 2 / np.sqrt(CAUSES)
    hidden = population("layer", NEURONS, decay, reset_mode=ResetMode.TO_ZERO)
    model = model_of(INPUTS, [hidden], [ModelConnection(0, 1, weights.astype(np.float32))])
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
    assert wanted.any()
    return float(((wanted - found) ** 2).sum() / (wanted**2).sum())


def errors(decay: float, jittered: bool, sparsity: float) -> dict[str, float]:
    """The mean error over the seeds of SBC, OBC and the baseline without a Hessian."""
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


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_jittered_inputs_prune_best_by_membranes_then_by_inputs(sparsity: float) -> None:
    found = errors(1 - 1 / 16, jittered=True, sparsity=sparsity)
    assert found["sbc"] < found["obc"] < found["plain"]


def test_jittered_inputs_round_best_by_membranes_then_by_inputs() -> None:
    found = errors(1 - 1 / 16, jittered=True, sparsity=0.0)
    assert found["sbc"] < found["obc"] < found["plain"]


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_synchronous_inputs_make_no_difference_between_the_two(sparsity: float) -> None:
    found = errors(1 - 1 / 4, jittered=False, sparsity=sparsity)
    assert found["sbc"] == pytest.approx(found["obc"], rel=0.05)
    assert found["obc"] < found["plain"]
