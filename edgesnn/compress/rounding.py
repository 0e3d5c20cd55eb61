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

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgesnn.compress.grid import Grid
from edgesnn.compress.obs import chunks, kept_blocks, kept_indices

#: Columns whose updates are gathered before they are applied to all later columns.
BLOCK = 64
#: Coordinate descent stops after so many sweeps, or when a sweep changes nothing.
SWEEPS = 20


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that share a Hessian and are to be put on codes.

    hessian   float64 [n, n]
    weights   float64 [rows, n], the best ones for their masks (:func:`compensate`)
    masks     bool [rows, n], True where a weight stays
    scale     float64 [rows], above 0
    grid      of the codes
    kept      columns at the end that are real numbers and always stay: 1 for a bias, or 0
    shared    one scale for all rows
    fixed     the scales must stay
    """

    hessian: Tensor
    weights: Tensor
    masks: Tensor
    scale: Tensor
    grid: Grid
    kept: int = 0
    shared: bool = False
    fixed: bool = False

    @property
    def num_coded(self) -> int:
        """Columns that are put on codes."""
        return self.weights.shape[1] - self.kept


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


def to_nearest(rows: Rows) -> Coded:
    """Round to nearest; nothing makes up for anything."""
    codes = rows.grid.codes(rows.weights, rows.scale) * rows.masks
    codes[:, rows.num_coded :] = 0
    return Coded(codes, rows.scale, (rows.weights * rows.masks)[:, rows.num_coded :])


def column_by_column(rows: Rows) -> Coded:
    """GPTQ: the column of the largest curvature first; later ones make up for its rounding.

    With all weights in place one factorisation serves all rows; with masks each row has one among
    its kept weights. Time: n^3 / 3 + rows * n^2; with masks the sum over rows of kept^3. Memory:
    n^2 numbers; with masks ``obs.WORK_SIZE`` numbers, four times.
    """
    curvature = rows.hessian.diagonal().clone()
    curvature[rows.num_coded :] = -1.0  # Last of all, so that they make up for everything.
    if bool(rows.masks.all()):
        return _with_one_factor(rows, curvature)
    codes = torch.zeros_like(rows.weights)
    final = torch.zeros_like(rows.weights)
    longest = int(rows.masks.sum(dim=1).max())
    for part in chunks(len(codes), longest * longest):
        codes[part], final[part] = _with_a_factor_each(rows, part, curvature)
    return Coded(codes, rows.scale, final[:, rows.num_coded :])


def _with_one_factor(rows: Rows, curvature: Tensor) -> Coded:
    """All rows at once, in blocks of columns."""
    order = curvature.argsort(descending=True, stable=True)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(rows.hessian[order][:, order]))
    upper = torch.linalg.cholesky(inverse, upper=True)
    present = rows.weights[:, order]
    found = torch.zeros_like(present)
    for first in range(0, rows.num_coded, BLOCK):
        last = min(first + BLOCK, rows.num_coded)
        errors = torch.zeros(len(present), last - first, dtype=present.dtype)
        for j in range(first, last):
            column = present[:, j : j + 1]
            found[:, j : j + 1] = rows.grid.codes(column, rows.scale)
            error = (column - found[:, j : j + 1] * rows.scale[:, None]) / upper[j, j]
            present[:, j + 1 : last] -= error * upper[j, j + 1 : last]
            errors[:, j - first] = error[:, 0]
        present[:, last:] -= errors @ upper[first:last, last:]
    codes = torch.zeros_like(found)
    codes[:, order] = found
    # The sort is stable, so the kept columns are still last and in their order.
    return Coded(codes, rows.scale, present[:, rows.num_coded :].clone())


def _with_a_factor_each(rows: Rows, part: slice, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Codes and final weights of some rows, each among the weights that it keeps."""
    indices, real = kept_indices(rows.masks[part])
    rank = curvature[indices].masked_fill(~real, -2.0).argsort(dim=1, descending=True)
    indices, real = indices.gather(1, rank), real.gather(1, rank)
    blocks = kept_blocks(rows.hessian, indices, real)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(blocks))
    upper = torch.linalg.cholesky(inverse, upper=True)
    scale = rows.scale[part]
    present = rows.weights[part].gather(1, indices) * real
    number = indices >= rows.num_coded
    found = torch.zeros_like(present)
    for j in range(present.shape[1]):
        column = present[:, j : j + 1]
        code = rows.grid.codes(column, scale)
        value = torch.where(number[:, j : j + 1], column, code * scale[:, None])
        error = (column - value) / upper[:, j, j : j + 1]
        present[:, j + 1 :] -= error * upper[:, j, j + 1 :]
        found[:, j : j + 1] = code.masked_fill(number[:, j : j + 1], 0.0)
    nothing = torch.zeros_like(rows.weights[part])
    return (
        nothing.scatter(1, indices, found * real),
        nothing.scatter(1, indices, present * real),
    )


def by_descent(rows: Rows) -> Coded:
    """Coordinate descent from the codes of :func:`column_by_column`."""
    return refine(rows, column_by_column(rows))


def refine(rows: Rows, start: Coded, sweeps: int = SWEEPS) -> Coded:
    """Coordinate descent from ``start``; the error never rises.

    Each code in turn becomes the best one for the others as they are, and between sweeps the scales
    become the best ones for the codes, until nothing changes. Time of a sweep: rows * n^2. Memory:
    the rows, six times.
    """
    num_coded, hessian = rows.num_coded, rows.hessian
    n = rows.weights.shape[1]
    codes, scale, free = start.codes.clone(), start.scale.clone(), start.free.clone()
    curvature = hessian.diagonal()
    for _ in range(sweeps):
        before = codes.clone()
        values = Coded(codes, scale, free).values()
        gradient = (values - rows.weights) @ hessian
        for first in range(0, n, BLOCK):
            last = min(first + BLOCK, n)
            changes = torch.zeros(len(codes), last - first, dtype=codes.dtype)
            local = gradient[:, first:last].clone()
            inside = hessian[first:last, first:last]
            for j in range(first, last):
                wanted = values[:, j] - local[:, j - first] / curvature[j]
                if j < num_coded:
                    code = rows.grid.codes(wanted[:, None], scale)[:, 0]
                    codes[:, j] = code * rows.masks[:, j]
                    new = codes[:, j] * scale
                else:
                    free[:, j - num_coded] = new = wanted
                change = new - values[:, j]
                values[:, j] = new
                changes[:, j - first] = change
                local += change[:, None] * inside[j - first]
            gradient += changes @ hessian[first:last]
        if not rows.fixed:
            scale = _best_scale(rows, Coded(codes, scale, free))
        if torch.equal(codes, before):
            break
    return Coded(codes, scale, free)


def _best_scale(rows: Rows, coded: Coded) -> Tensor:
    """The scales that make the error least for these codes; they stay where they would turn."""
    if rows.grid.granularity == "power-of-two":
        return coded.scale
    wanted = rows.weights.clone()
    # What the real columns contribute is not the codes' business.
    wanted[:, rows.num_coded :] -= coded.free
    through = coded.codes @ rows.hessian
    along = (through * wanted).sum(dim=1)
    size = (through * coded.codes).sum(dim=1)
    if rows.shared:
        along, size = along.sum().expand_as(along), size.sum().expand_as(size)
    best = along / size.clamp_min(torch.finfo(size.dtype).tiny)
    usable = (size > 0) & (best > 0) & (best < 4 * coded.scale) & (best > coded.scale / 4)
    return best.where(usable, coded.scale)


RowQuantizer = Callable[[Rows], Coded]
ROW_QUANTIZERS: dict[str, RowQuantizer] = {
    "nearest": to_nearest,
    "columns": column_by_column,
    "descent": by_descent,
}
