"""Pruning and quantization together: which order, and the joint choice of mask and codes.

The error of a row is that of its codes against the weights before pruning. Within a row a weight
may be swapped for one that was pruned, as long as the error falls; the number of weights stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgesnn.compress import obs
from edgesnn.compress.grid import Grid
from edgesnn.compress.prune import FIRST_CUT
from edgesnn.compress.rounding import Coded, RowQuantizer, refine

#: Swaps of one row, at most, between two sweeps over its codes.
SWAPS = 200
#: Rounds of swapping and sweeping.
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows that share a Hessian.

    hessian      float64 [n, n]
    wanted       float64 [rows, n], weights before pruning
    present      float64 [rows, n], after pruning and compensation
    masks        bool [rows, n]
    scale        float64 [rows]
    grid         of the codes
    kept         1 if the last column is a bias, which is a real number and always stays; else 0
    shared       one scale for all rows
    fixed        the scales must stay
    thresholds   float64 [rows], units of the rows' errors
    """

    hessian: Tensor
    wanted: Tensor
    present: Tensor
    masks: Tensor
    scale: Tensor
    grid: Grid
    kept: int
    shared: bool
    fixed: bool
    thresholds: Tensor

    def error(self, coded: Coded) -> float:
        """The sum of the rows' errors, in units of their thresholds squared."""
        missed = self.wanted - coded.values()
        rows = ((missed @ self.hessian) * missed).sum(dim=1)
        return float((rows / self.thresholds**2).sum())

    def refined(self, start: Coded, masks: Tensor) -> Coded:
        """Coordinate descent from ``start`` under ``masks``."""
        return refine(self.hessian, self.wanted, masks, start, self.grid, self.shared, self.fixed)


def prune_first(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """Quantize what pruning left, its zeros frozen."""
    p = problem
    return quantizer(
        p.hessian, p.present, p.masks, p.scale, p.grid, kept=p.kept, shared=p.shared, fixed=p.fixed
    )


def quantize_first(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """Quantize all weights, prune the codes, and let the remaining codes make up for it.

    Each row keeps as many weights as the pruned one has, those whose removal costs most.
    """
    p = problem
    n = p.wanted.shape[1] - p.kept
    sparsity = 1 - float(p.masks[:, :n].double().mean())
    everything = p.wanted != 0
    everything[:, n:] = True
    dense = quantizer(
        p.hessian,
        p.wanted,
        everything,
        p.scale,
        p.grid,
        kept=p.kept,
        shared=p.shared,
        fixed=p.fixed,
    )
    losses = obs.elimination_losses(
        p.hessian, dense.values(), kept=p.kept, first_cut=FIRST_CUT * sparsity
    )
    losses = losses.where(dense.codes != 0, -1.0)
    losses[:, n:] = torch.inf
    counts = p.masks.sum(dim=1)
    rank = losses.argsort(dim=1, descending=True).argsort(dim=1)
    masks = rank < counts[:, None]
    masks &= everything
    return p.refined(replace(dense, codes=dense.codes * masks), masks)


def jointly(problem: Problem, quantizer: RowQuantizer) -> Coded:
    """The better of both orders, then swaps of weights and sweeps over codes in turn."""
    both = [prune_first(problem, quantizer), quantize_first(problem, quantizer)]
    best = min(both, key=problem.error)
    for _ in range(ROUNDS):
        swapped, masks = swap(problem, best)
        better = problem.refined(swapped, masks)
        if not problem.error(better) < problem.error(best):
            break
        best = better
    return best


def swap(problem: Problem, start: Coded) -> tuple[Coded, Tensor]:
    """Exchange weights of each row for pruned ones while its error falls: codes and masks.

    One exchange takes away the code whose removal costs least, then adds the code that gains most.
    Time: rows * n for each exchange.
    """
    p = problem
    n = p.wanted.shape[1] - p.kept
    codes, values = start.codes.clone(), start.values()
    allowed = p.wanted != 0
    curvature = p.hessian.diagonal()
    gradient = (values - p.wanted) @ p.hessian
    active = torch.arange(len(codes))
    for _ in range(SWAPS):
        g, v, c = gradient[active], values[active], codes[active]
        scale = start.scale[active]
        each = torch.arange(len(active))
        removal = v * (v * curvature - 2 * g)
        removal = removal.where(c != 0, torch.inf)
        removal[:, n:] = torch.inf
        cost, out = removal.min(dim=1)
        after = g - v[each, out][:, None] * p.hessian[out]
        code = p.grid.codes(-after / curvature, scale)
        change = code * scale[:, None]
        gain = change * (change * curvature + 2 * after)
        free = (c == 0) & allowed[active]
        free[each, out] = False
        free[:, n:] = False
        gain = gain.where(free, torch.inf)
        added, new = gain.min(dim=1)
        falls = cost + added < -1e-9 * p.thresholds[active] ** 2
        if not bool(falls.any()):
            break
        active, out, new, each = active[falls], out[falls], new[falls], each[falls]
        gradient[active] = after[falls] + change[each, new][:, None] * p.hessian[new]
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
