"""The grid that codes stand on: how many, how far apart, and for which weights in common.

A neuron's membrane has one unit, so all codes that reach a neuron count in that unit (times a
power of two for each connection). Its threshold and bias are then simply counted in it, which is
why each neuron may have a grid of its own at no cost in hardware. Read-out neurons are compared
with each other as integers, so they share one unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.compress.settings import BITS, FINE_BITS
from edgesnn.errors import InputError
from edgesnn.number_format import WEIGHT_CODE

#: By how much the shifts of two synapses differ that hold a code of 8 bits.
HALF_BITS = 4
#: Parts of the largest weight that a search tries as the end of the range.
PARTS = torch.linspace(0.3, 1.0, 36, dtype=torch.float64)


@dataclass(frozen=True)
class Grid:
    """How weights are put on codes.

    bits         of a code, 2..4; codes are symmetric, -(2^(bits-1) - 1) up. Or 8: as many as two
                 synapses of 4 bits hold (:func:`halves`), -119..119
    granularity  "row": a scale for each neuron; "layer": one for the population;
                 "power-of-two": for each neuron the nearest power of two
    range        how far the codes reach: "max" to the largest weight, "mse" as far as makes the
                 squared error of the weights least, "hessian" the same with each weight's error
                 times the curvature that the others leave (1 / (H^-1)_jj), "search" nearer or
                 farther than "mse", each through the whole rounding, whichever errs least then

    Raises ``InputError`` for other bits.
    """

    bits: int = 4
    granularity: str = "row"
    range: str = "mse"

    def __post_init__(self) -> None:
        known = (*BITS, FINE_BITS)
        if self.bits not in known:
            raise InputError(f"bits must be one of {known}, not {self.bits}")

    @property
    def largest_code(self) -> int:
        if self.bits == FINE_BITS:
            return WEIGHT_CODE.maximum << HALF_BITS | WEIGHT_CODE.maximum
        return (1 << (self.bits - 1)) - 1

    def codes(self, weights: Tensor, scale: Tensor) -> Tensor:
        """The nearest codes of ``weights`` [rows, n] on ``scale`` [rows], as floats."""
        scaled = weights / scale[:, None]
        return scaled.round().clamp(-self.largest_code, self.largest_code)

    def snapped(self, scale: Tensor) -> Tensor:
        """The allowed scales from ``scale`` [rows] up, which must be above 0."""
        if self.granularity == "power-of-two":
            return torch.exp2(scale.log2().ceil())
        return scale

    def scales(self, weights: Tensor, importance: Tensor, shared: bool) -> Tensor:
        """A scale for each row of ``weights`` [rows, n].

        importance   [n], weight of each column's squared error for the range "hessian"
        shared       one scale for all rows, whatever the granularity
        A row without weights gets a typical scale, since threshold and bias need a unit too.
        """
        together = shared or self.granularity == "layer"
        rows = weights.reshape(1, -1) if together else weights
        largest = rows.abs().amax(dim=1) / self.largest_code
        used = largest > 0
        safe = largest.where(used, torch.ones_like(largest))
        best = self.snapped(safe)
        if self.range != "max":
            cost = importance if self.range == "hessian" else torch.ones_like(importance)
            cost = cost.repeat(weights.shape[0]) if together else cost
            least = torch.full_like(safe, torch.inf)
            for part in PARTS:
                scale = self.snapped(safe * part)
                missed = rows - self.codes(rows, scale) * scale[:, None]
                error = (missed**2 * cost).sum(dim=1)
                better = error < least
                least = error.where(better, least)
                best = scale.where(better, best)
        typical = best[used].median() if bool(used.any()) else torch.tensor(1.0, dtype=best.dtype)
        best = best.where(used, typical)
        return best.expand(weights.shape[0]).clone() if together else best


def halves(codes: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Upper and lower half of codes of 8 bits: ``codes == 16 * upper + lower``, both -8..7."""
    lower = (codes - WEIGHT_CODE.minimum) % (1 << HALF_BITS) + WEIGHT_CODE.minimum
    return ((codes - lower) >> HALF_BITS).astype(np.int8), lower.astype(np.int8)
