"""Pruning and quantization together: which order, and the joint choice of mask and codes.

The error of a row is that of its codes against the weights before pruning. Within a row a weight
may be swapped for one that was pruned, as long as the error falls; no row gets more weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgesnn.compress import obs
from edgesnn.compress.prune import FIRST_CUT, STOP
from edgesnn.compress.rounding import Coded, RowQuantizer, Rows, refine

#: Swaps of one row, at most, between two sweeps over its codes.
SWAPS = 200
#: Rounds of swapping and sweeping.
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows after pruning, and what they should do.

    rows         pruned and compensated
    wanted       float64 [rows, n], weights before pruning
    thresholds   float64 [rows], units of the rows' errors
    """

    rows: Rows
    wanted: Tensor
    thresholds: Tensor

    def errors(self, coded: Coded) -> Tensor:
        """The error of each row, in units of its threshold squared."""
        missed = self.wanted - coded.values()
        errors: Tensor = ((missed @ self.rows.hessian) * missed).sum(dim=1)
        return errors / self.thresholds**2

    def error(self, coded: Coded) -> float:
        """The sum of the rows' errors."""
        return float(self.errors(coded).sum())

    def better(self, one: Coded, other: Coded) -> Coded:
        """Of each row the one that errs less; of all rows where they share a scale."""
        if self.rows.shared:
            return other if self.error(other) < self.error(one) else one
        rows = (self.errors(other) < self.errors(one))[:, None]
        return Coded(
            other.codes.where(rows, one.codes),
            other.scale.where(rows[:, 0], one.scale),
            other.free.where(rows, one.free),
        )

    def under(self, masks: Tensor) -> Rows:
        """The rows before pruning, to be coded under other masks."""
        return replace(self.rows, weights=self.wanted, masks=masks)


def prune_first(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """Quantize what pruning left, its zeros frozen."""
    return quantizer(problem.rows)


def quantize_first(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """Quantize all weights, prune the codes, and let the remaining codes make up for it.

    Each row keeps as many weights as the pruned one has, those whose removal costs most.
    """
    rows = problem.rows
    n = rows.num_coded
    everything = problem.wanted != 0
    everything[:, n:] = True
    dense = quantizer(problem.under(everything))
    sparsity = 1 - float(rows.masks[:, :n].double().mean())
    losses = obs.elimination_losses(
        rows.hessian, dense.values(), rows.kept, FIRST_CUT * sparsity, stop=STOP * (1 - sparsity)
    )
    losses = losses.where(dense.codes != 0, -1.0)
    losses[:, n:] = torch.inf
    rank = losses.argsort(dim=1, descending=True).argsort(dim=1)
    masks = (rank < rows.masks.sum(dim=1)[:, None]) & everything
    return refine(problem.under(masks), replace(dense, codes=dense.codes * masks))


def jointly(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """The better of both orders, then swaps of weights and sweeps over codes in turn."""
    both = [prune_first(problem, quantizer), quantize_first(problem, quantizer)]
    best = min(both, key=problem.error)
    for _ in range(ROUNDS):
        swapped, masks = swap(problem, best)
        better = refine(problem.under(masks), swapped)
        if not problem.error(better) < problem.error(best):
            break
        best = better
    return best


def swap(problem: Problem, start: Coded) -> tuple[Coded, Tensor]:
    """Exchange weights of each row for pruned ones while its error falls: codes and masks.

    One exchange takes away the code whose removal costs least, then adds the code that gains most.
    Time: rows * n for each exchange.
    """
    rows, wanted = problem.rows, problem.wanted
    n = rows.num_coded
    codes, values = start.codes.clone(), start.values()
    allowed = wanted != 0
    curvature = rows.hessian.diagonal()
    gradient = (values - wanted) @ rows.hessian
    active = torch.arange(len(codes))
    for _ in range(SWAPS):
        g, v, c = gradient[active], values[active], codes[active]
        scale = start.scale[active]
        each = torch.arange(len(active))
        removal = v * (v * curvature - 2 * g)
        removal = removal.where(c != 0, torch.inf)
        removal[:, n:] = torch.inf
        cost, out = removal.min(dim=1)
        after = g - v[each, out][:, None] * rows.hessian[out]
        code = rows.grid.codes(-after / curvature, scale)
        change = code * scale[:, None]
        gain = change * (change * curvature + 2 * after)
        free = (c == 0) & allowed[active]
        free[each, out] = False
        free[:, n:] = False
        gain = gain.where(free, torch.inf)
        added, new = gain.min(dim=1)
        falls = cost + added < -1e-9 * problem.thresholds[active] ** 2
        if not bool(falls.any()):
            break
        active, out, new, each = active[falls], out[falls], new[falls], each[falls]
        gradient[active] = after[falls] + change[each, new][:, None] * rows.hessian[new]
        codes[active, out], values[active, out] = 0.0, 0.0
        codes[active, new], values[active, new] = code[each, new], change[each, new]
    masks = codes != 0
    masks[:, n:] = True
    return Coded(codes, start.scale, start.free), masks


#: (problem, how rows are rounded) -> codes
Order = Callable[[Problem, RowQuantizer], Coded]
ORDERS: dict[str, Order] = {
    "prune-first": prune_first,
    "quantize-first": quantize_first,
    "joint": jointly,
}
