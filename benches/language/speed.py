"""Time: of a token in the event-driven simulator, and of training next to PyTorch's GRU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch

from benches.language.rows import Row, Speed
from edgesnn.language.integer_model import (
    ACTIVATION_ONE,
    MULTIPLIER_BITS,
    STATE_ONE,
    IntegerLayer,
    IntegerModel,
    Rows,
)
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.model import LanguageModel, LanguageSettings

#: Units of the layer whose time is taken: a matrix that the cache holds when it is sparse.
UNITS = 1024
#: Shares of weights that are left, and of units that send.
DENSITIES, ACTIVITIES = (1.0, 0.5, 0.2, 0.1), (1.0, 0.5, 0.1)
#: A time is the least of so many, each of so many tokens: short, so that little comes between.
#: All are taken in turn, several times, as machines have slow seconds.
ROUNDS, TRIES, TOKENS = 8, 40, 50
#: Of training: units, and windows of steps and rows.
TRAINED_UNITS, STEPS, BATCH = 256, 64, 20
SIMULATOR, DENSE_LOOP, PRODUCT = "simulator", "dense loop", "dense product"
TRAINING = "training"


def measured() -> list[Row]:
    """All of it, with one thread."""
    torch.set_num_threads(1)
    rows: list[Row] = []
    for found in zip(*(_round() for _ in range(ROUNDS)), strict=True):
        better = max if found[0].what.startswith(TRAINING) else min
        rows.append(better(found, key=lambda row: row.value))
        print(rows[-1], flush=True)
    return rows


def _round() -> list[Speed]:
    rows = [simulated(d, a) for d in DENSITIES for a in ACTIVITIES]
    rows += [dense(DENSE_LOOP, _dense_loop), dense(PRODUCT, _dense_product)]
    return rows + [trained(kind) for kind in ("egru", "gru", "lstm")]


def _best(run: Callable[[], Any]) -> float:
    """Seconds."""
    run()
    times = []
    for _ in range(TRIES):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def layer_with(density: float, activity: float, units: int = UNITS) -> IntegerModel:
    """A layer in which, whatever it reads, the same units send in every step."""
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 8, (3 * units, units)) * rng.choice([-1, 1], (3 * units, units))
    weights[rng.random(weights.shape) >= density] = 0
    # Gates that are open to what always arrives: those that send have much of it.
    always = np.zeros((1, 3 * units), np.int16)
    always[0, 2 * units :] = -2 * ACTIVATION_ONE
    sending = rng.choice(units, round(activity * units), replace=False)
    always[0, 2 * units + sending] = 2 * ACTIVATION_ONE
    # Multipliers so small that what events bring moves no gate over its threshold.
    recurrent = Rows(
        weights.astype(np.int8), np.ones(3 * units, np.int32), np.zeros(3 * units, np.int32)
    )
    thresholds = np.full(units, STATE_ONE // 100, np.int16)
    scores = Rows(np.ones((1, units), np.int8), np.ones(1, np.int32), np.zeros(1, np.int32))
    return IntegerModel(always, (IntegerLayer(None, recurrent, thresholds),), scores)


def simulated(density: float, activity: float, units: int = UNITS) -> Speed:
    """Microseconds of a token in the simulator."""
    simulator, tokens = (
        IntegerSimulator(layer_with(density, activity, units)),
        np.zeros(TOKENS, int),
    )
    sent = simulator.read(tokens).events.mean()
    assert abs(sent - activity * units) < 1, (sent, activity * units)
    seconds = _best(lambda: simulator.read(tokens)) / TOKENS
    return Speed(SIMULATOR, density, activity, 1e6 * seconds)


def dense(name: str, loop: Callable[..., None], units: int = UNITS) -> Speed:
    """Microseconds of the recurrent sums of a token from all weights and all units."""
    rng = np.random.default_rng(0)
    by_row = rng.integers(-7, 8, (3 * units, units)).astype(np.int8)
    weights = by_row if name == DENSE_LOOP else np.ascontiguousarray(by_row.T)
    values = rng.integers(0, 256, units).astype(np.int32)
    sums = np.empty(3 * units, np.int32)
    multipliers, bias = np.ones(3 * units, np.int32), np.zeros(3 * units, np.int32)
    seconds = _best(lambda: loop(weights, values, multipliers, bias, sums))
    return Speed(name, 1.0, 1.0, 1e6 * seconds)


def _loop(
    weights: npt.NDArray[np.int8],
    values: npt.NDArray[np.int32],
    multipliers: npt.NDArray[np.int32],
    bias: npt.NDArray[np.int32],
    sums: npt.NDArray[np.int32],
) -> None:
    """Row by row, as an integer network without events is written: weights [row, source]; a value
    of 0 is no reason to skip."""
    half = np.int64(1) << (MULTIPLIER_BITS - 1)
    for row in range(len(sums)):
        total = np.int64(0)
        for source in range(len(values)):
            total += np.int64(weights[row, source]) * values[source]
        sums[row] = bias[row] + ((total * multipliers[row] + half) >> MULTIPLIER_BITS)


def _product(
    weights: npt.NDArray[np.int8],
    values: npt.NDArray[np.int32],
    multipliers: npt.NDArray[np.int32],
    bias: npt.NDArray[np.int32],
    sums: npt.NDArray[np.int32],
) -> None:
    """Column by column, in an order that the compiler makes vectors of: weights [source, row]."""
    half = np.int64(1) << (MULTIPLIER_BITS - 1)
    sums[:] = 0
    for source in range(len(values)):
        for row in range(len(sums)):
            sums[row] += weights[source, row] * values[source]
    for row in range(len(sums)):
        total = np.int64(sums[row])
        sums[row] = bias[row] + ((total * multipliers[row] + half) >> MULTIPLIER_BITS)


_compile: Any = numba.njit(error_model="numpy")
_dense_loop, _dense_product = _compile(_loop), _compile(_product)


def trained(kind: str) -> Speed:
    """Tokens a second, forward and backward through one layer."""
    torch.manual_seed(0)
    model = LanguageModel(LanguageSettings(kind, 64, (TRAINED_UNITS,)))
    tokens = torch.randint(64, (STEPS, BATCH))

    def run() -> None:
        model.zero_grad()
        model.hear(tokens).features.sum().backward()

    return Speed(f"{TRAINING} {kind}", 1.0, 1.0, tokens.numel() / _best(run))
