"""Float weights to 4-bit codes with one scale for each target neuron.

A neuron's membrane has one unit, so all weights that reach it share that unit, times a power of
two for each connection (its ``weight_shift``). Threshold and bias of the neuron are then simply
counted in the same unit. Read-out neurons are compared with each other on integers, so a whole
read-out population shares one unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.model import Model

Weights = npt.NDArray[np.float32]
#: Symmetric codes: -7..7.
LARGEST_CODE = 7
#: Parts of the largest weight that are tried as the end of the range.
RANGES = np.linspace(0.3, 1.0, 36)
#: Connections of one neuron may differ by at most this power of two.
MAX_RELATIVE_SHIFT = 6


@dataclass(frozen=True, eq=False)
class QuantizedWeights:
    """Weights of one connection: ``codes * scale * 2**shift`` stands for the float weights.

    codes   int8 [source, target], -7..7
    scale   float64 [target], unit of the target's membrane before the network's common shift
    shift   relative to the other connections of the same target population
    """

    codes: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float64]
    shift: int

    def values(self) -> npt.NDArray[np.float64]:
        """The weights that the codes stand for."""
        values: npt.NDArray[np.float64] = self.codes * (self.scale * 2.0**self.shift)
        return values


def _to_codes(
    weights: npt.NDArray[np.floating], scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.int8]:
    return np.clip(np.rint(weights / scale), -LARGEST_CODE, LARGEST_CODE).astype(np.int8)


def best_scales(columns: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """For each column the scale with the least squared rounding error, by search.

    A column without weights gets scale 0.
    """
    largest = np.abs(columns).max(axis=0, initial=0).astype(np.float64) / LARGEST_CODE
    safe = np.where(largest > 0, largest, 1.0)
    best = safe.copy()
    least = np.full(columns.shape[1], np.inf)
    for part in RANGES:
        scale = safe * part
        error = ((columns - _to_codes(columns, scale) * scale) ** 2).sum(axis=0)
        better = error < least
        least[better], best[better] = error[better], scale[better]
    return np.where(largest > 0, best, 0.0)


def _typical(scale: npt.NDArray[np.float64], otherwise: float) -> float:
    """The median of the scales that are not 0."""
    return float(np.median(scale[scale > 0])) if np.any(scale > 0) else otherwise


def _relative_shifts(weights: list[Weights]) -> list[int]:
    """Powers of two that bring the connections of one population to a common grid."""
    typical = [_typical(best_scales(w), 0.0) for w in weights]
    smallest = min((t for t in typical if t > 0), default=1.0)
    return [
        min(max(round(np.log2(t / smallest)), 0), MAX_RELATIVE_SHIFT) if t > 0 else 0
        for t in typical
    ]


def to_nearest(weights: list[Weights], shared: bool) -> list[QuantizedWeights]:
    """Round each weight to the nearest code; the scale of each neuron is searched.

    weights   all connections of one population, [source, target] each
    shared    one scale for the whole population
    """
    shifts = _relative_shifts(weights)
    grid = np.concatenate([w / 2.0**s for w, s in zip(weights, shifts, strict=True)])
    if shared:
        scale = np.repeat(best_scales(grid.reshape(-1, 1)), grid.shape[1])
    else:
        scale = best_scales(grid)
    # A neuron without weights still needs a unit for its threshold and bias: a typical one.
    scale = np.where(scale > 0, scale, _typical(scale, 1.0))
    return [
        QuantizedWeights(_to_codes(w, scale * 2.0**s), scale, s)
        for w, s in zip(weights, shifts, strict=True)
    ]


#: (weights of all connections of one population, one scale for all) -> the same, quantized.
Quantizer = Callable[[list[Weights], bool], list[QuantizedWeights]]
QUANTIZERS: dict[str, Quantizer] = {"nearest": to_nearest}


def quantize(model: Model, method: str = "nearest") -> tuple[QuantizedWeights, ...]:
    """Quantize every connection of ``model``, in the order of its connections.

    Raises ``InputError`` for an unknown method.
    """
    if method not in QUANTIZERS:
        raise InputError(
            f"a quantization method must be one of {', '.join(QUANTIZERS)}, not {method!r}"
        )
    result: dict[int, QuantizedWeights] = {}
    for index, _ in enumerate(model.populations):
        incoming = [i for i, c in enumerate(model.connections) if c.target == index]
        if incoming:
            weights = [model.connections[i].weights for i in incoming]
            quantized = QUANTIZERS[method](weights, index == model.readout.population)
            result |= dict(zip(incoming, quantized, strict=True))
    return tuple(result[i] for i in range(len(model.connections)))
