"""Rows of weights to codes: to the nearest, column by column, or by descent.

Column by column the weights that are not yet rounded make up for those that are (GPTQ); descent
goes on from there on the codes themselves.

All work on the quadratic error of :mod:`edgesnn.compress.obs`; weights that a mask removed stay
0. ``kept`` columns at the end (a bias) are real numbers and make up for what the codes miss.

Sources: Frantar et al. 2022, "GPTQ" (fixed order of columns, one Cholesky factor of the inverse
Hessian for all rows, updates in blocks); Frantar and Alistarh 2022, "Optimal Brain Compression"
(OBQ, the row-wise algorithm it equals for that order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from edgesnn.compress.grid import Grid
from edgesnn.compress.obs import chunks, kept_blocks, kept_indices

#: Columns whose updates are gathered before they are applied to all later columns.
BLOCK = 64
#: Coordinate descent stops after so many sweeps, or when a sweep changes nothing.
SWEEPS = 20


@dataclass(frozen=True, eq=False)
class Coded:
    """Rows of weights on codes.

    codes   float64 [rows, n], integers; 0 where a mask removed the weight and in kept columns
    scale   float64 [rows], above 0
    free    float64 [rows, kept], the real numbers of the kept columns
    """

    codes: Tensor
    scale: Tensor
    free: Tensor

    def values(self) -> Tensor:
        """The weights that the codes stand for, [rows, n]."""
        values = self.codes * self.scale[:, None]
        if self.free.shape[1]:
            values[:, -self.free.shape[1] :] = self.free
        return values


def importance(hessian: Tensor) -> Tensor:
    """Curvature of each weight when the others make up for it: 1 / (H^-1)_jj."""
    return 1 / torch.cholesky_inverse(torch.linalg.cholesky(hessian)).diagonal()


def _with_free(codes: Tensor, scale: Tensor, values: Tensor, kept: int) -> Coded:
    free = values[:, values.shape[1] - kept :].clone()
    if kept:
        codes[:, -kept:] = 0
    return Coded(codes, scale, free)


def to_nearest(
    hessian: Tensor,
    weights: Tensor,
    masks: Tensor,
    scale: Tensor,
    grid: Grid,
    kept: int,
    shared: bool = False,
    fixed: bool = False,
) -> Coded:
    """Round to nearest; nothing makes up for anything."""
    del hessian, shared, fixed
    return _with_free(grid.codes(weights, scale) * masks, scale, weights * masks, kept)


def column_by_column(
    hessian: Tensor,
    weights: Tensor,
    masks: Tensor,
    scale: Tensor,
    grid: Grid,
    kept: int,
    shared: bool = False,
    fixed: bool = False,
) -> Coded:
    """GPTQ: the column of the largest curvature first; later ones make up for its rounding.

    With all weights in place one factorisation serves all rows; with masks each row has one among
    its kept weights. ``weights`` must be the best ones for their masks (:func:`compensate`).
    Time: n^3 / 3 + rows * n^2; with masks the sum over rows of kept^3.
    """
    del shared, fixed
    curvature = hessian.diagonal().clone()
    if kept:
        curvature[-kept:] = -1.0  # Last of all, so that they make up for everything.
    codes = torch.zeros_like(weights)
    free = weights[:, weights.shape[1] - kept :].clone()
    if bool(masks.all()):
        order = curvature.argsort(descending=True, stable=True)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian[order][:, order]))
        upper = torch.linalg.cholesky(inverse, upper=True)
        found, values = _shared_columns(upper, weights[:, order], scale, grid, kept)
        codes[:, order] = found
        # The order of the kept columns among themselves is that of the stable sort: theirs.
        return Coded(codes, scale, values[:, values.shape[1] - kept :].clone())
    longest = int(masks.sum(dim=1).max())
    for part in chunks(len(weights), longest * longest):
        indices, real = kept_indices(masks[part])
        rank = curvature[indices].masked_fill(~real, -2.0).argsort(dim=1, descending=True)
        indices, real = indices.gather(1, rank), real.gather(1, rank)
        blocks = kept_blocks(hessian, indices, real)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(blocks))
        upper = torch.linalg.cholesky(inverse, upper=True)
        present = weights[part].gather(1, indices) * real
        number = indices >= weights.shape[1] - kept
        found = torch.zeros_like(present)
        for j in range(present.shape[1]):
            column = present[:, j : j + 1]
            code = grid.codes(column, scale[part])
            value = torch.where(number[:, j : j + 1], column, code * scale[part][:, None])
            error = (column - value) / upper[:, j, j : j + 1]
            present[:, j + 1 :] -= error * upper[:, j, j + 1 :]
            found[:, j : j + 1] = code.masked_fill(number[:, j : j + 1], 0.0)
        codes[part] = torch.zeros_like(codes[part]).scatter_(1, indices, found * real)
        if kept:
            whole = torch.zeros_like(codes[part]).scatter_(1, indices, present * real)
            free[part] = whole[:, -kept:]
    return Coded(codes, scale, free)


def _shared_columns(
    upper: Tensor, weights: Tensor, scale: Tensor, grid: Grid, kept: int
) -> tuple[Tensor, Tensor]:
    """Codes [rows, n] and final weights, columns in the given order, in blocks."""
    n = weights.shape[1]
    present = weights.clone()
    codes = torch.zeros_like(weights)
    for first in range(0, n - kept, BLOCK):
        last = min(first + BLOCK, n - kept)
        errors = torch.zeros(len(weights), last - first, dtype=weights.dtype)
        for j in range(first, last):
            column = present[:, j : j + 1]
            codes[:, j : j + 1] = grid.codes(column, scale)
            error = (column - codes[:, j : j + 1] * scale[:, None]) / upper[j, j]
            present[:, j + 1 : last] -= error * upper[j, j + 1 : last]
            errors[:, j - first] = error[:, 0]
        present[:, last:] -= errors @ upper[first:last, last:]
    return codes, present


def by_descent(
    hessian: Tensor,
    weights: Tensor,
    masks: Tensor,
    scale: Tensor,
    grid: Grid,
    kept: int,
    shared: bool = False,
    fixed: bool = False,
) -> Coded:
    """Coordinate descent from the codes of :func:`column_by_column`.

    Each code in turn becomes the best one for the others as they are, and between sweeps the scales
    become the best ones for the codes, until nothing changes. The error never rises.
    """
    start = column_by_column(hessian, weights, masks, scale, grid, kept)
    return refine(hessian, weights, masks, start, grid, shared, fixed)


def refine(
    hessian: Tensor,
    weights: Tensor,
    masks: Tensor,
    start: Coded,
    grid: Grid,
    shared: bool = False,
    fixed: bool = False,
    sweeps: int = SWEEPS,
) -> Coded:
    """Coordinate descent from ``start``.

    shared   one scale for all rows
    fixed    scales stay as they are

    Time of a sweep: rows * n^2.
    """
    kept = start.free.shape[1]
    n = weights.shape[1]
    codes, scale, free = start.codes.clone(), start.scale.clone(), start.free.clone()
    curvature = hessian.diagonal()
    for _ in range(sweeps):
        before = codes.clone()
        values = Coded(codes, scale, free).values()
        gradient = (values - weights) @ hessian
        for first in range(0, n, BLOCK):
            last = min(first + BLOCK, n)
            changes = torch.zeros(len(weights), last - first, dtype=weights.dtype)
            local = gradient[:, first:last].clone()
            inside = hessian[first:last, first:last]
            for j in range(first, last):
                wanted = values[:, j] - local[:, j - first] / curvature[j]
                if j < n - kept:
                    codes[:, j] = grid.codes(wanted[:, None], scale)[:, 0] * masks[:, j]
                    new = codes[:, j] * scale
                else:
                    free[:, j - n + kept] = new = wanted
                change = new - values[:, j]
                values[:, j] = new
                changes[:, j - first] = change
                local += change[:, None] * inside[j - first]
            gradient += changes @ hessian[first:last]
        if not fixed:
            scale = _refit(hessian, weights, Coded(codes, scale, free), grid, shared)
        if torch.equal(codes, before):
            break
    return Coded(codes, scale, free)


def _refit(hessian: Tensor, weights: Tensor, coded: Coded, grid: Grid, shared: bool) -> Tensor:
    """The scales that make the error least for these codes; they stay where they would turn."""
    wanted = weights.clone()
    kept = coded.free.shape[1]
    if kept:
        # What the real columns contribute is not the codes' business.
        wanted[:, -kept:] -= coded.free
    through = coded.codes @ hessian
    along = (through * wanted).sum(dim=1)
    size = (through * coded.codes).sum(dim=1)
    if shared or grid.granularity == "layer":
        along, size = along.sum().expand_as(along), size.sum().expand_as(size)
    best = along / size.clamp_min(torch.finfo(size.dtype).tiny)
    usable = (size > 0) & (best > 0) & (best < 4 * coded.scale) & (best > coded.scale / 4)
    if grid.granularity == "power-of-two":
        usable = torch.zeros_like(usable)
    return best.where(usable, coded.scale)


class RowQuantizer(Protocol):
    """A way to round rows of weights [rows, n] under masks, on scales [rows].

    shared   one scale for all rows; fixed: the scales must stay
    """

    def __call__(
        self,
        hessian: Tensor,
        weights: Tensor,
        masks: Tensor,
        scale: Tensor,
        grid: Grid,
        kept: int,
        shared: bool = False,
        fixed: bool = False,
    ) -> Coded: ...


ROW_QUANTIZERS: dict[str, RowQuantizer] = {
    "nearest": to_nearest,
    "columns": column_by_column,
    "descent": by_descent,
}
