"""Optimal brain surgery on one layer: which weights go, and what the others do to make up for it.

Every function works on the quadratic error of one layer: row r of ``weights`` [rows, fan_in] may
become w at the cost (w - w_r)^T H (w - w_r), where ``hessian`` H [fan_in, fan_in] is shared by
all rows. What H is made of (the input itself, or the input as the membrane sees it) is the
business of :mod:`edgesnn.compress.statistics`.

Sources: Hassibi and Stork 1993, "Second order derivatives for network pruning: Optimal Brain
Surgeon"; Frantar and Alistarh 2022, "Optimal Brain Compression" (ExactOBS), whose row-wise
algorithm is :func:`eliminate_exactly`; Shi et al. 2025, "Spiking Brain Compression".
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

#: Part of the mean diagonal that is added to a Hessian before it is inverted (OBC's choice).
DAMPING = 0.01
#: Numbers in the matrices of the rows that are worked on at once: 256 MB in double precision.
WORK_SIZE = 1 << 25
#: Part of the weights that one round of the elimination removes.
ROUND = 0.05
#: A removal costs at least this part more than the one before it.
RISE = 1e-9
#: Up to this fan-in all weights are eliminated round by round, from the first.
SMALL_FAN_IN = 512


def damped(hessian: Tensor, damping: float = DAMPING) -> Tensor:
    """``hessian`` plus ``damping`` of its mean diagonal, so that it can be inverted."""
    level = damping * float(hessian.diagonal().mean())
    return hessian + (level or 1.0) * torch.eye(len(hessian), dtype=hessian.dtype)


def eliminate_exactly(hessian: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    """ExactOBS on one row, weight by weight: the plain algorithm that the fast one is held to.

    Returns the losses [fan_in] (what the removal of each weight added to the error) and the order
    [fan_in] in which they went.
    """
    inverse = torch.linalg.inv(hessian)
    weights = row.clone()
    alive = torch.ones(len(row), dtype=torch.bool)
    losses = torch.zeros_like(row)
    order = []
    for _ in range(len(row)):
        costs = weights**2 / inverse.diagonal()
        costs[~alive] = torch.inf
        p = int(costs.argmin())
        losses[p] = costs[p]
        order.append(p)
        alive[p] = False
        weights -= inverse[:, p] * (weights[p] / inverse[p, p])
        inverse -= torch.outer(inverse[:, p], inverse[p]) / inverse[p, p]
        inverse[p, p] = 1.0
    return losses, torch.tensor(order)


def chunks(rows: int, size_each: int) -> Iterator[slice]:
    """Slices of rows whose matrices of ``size_each`` numbers fit the work memory together."""
    step = max(1, WORK_SIZE // max(size_each, 1))
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def elimination_losses(
    hessian: Tensor,
    weights: Tensor,
    kept: int = 0,
    first_cut: float = 0.5,
    round_part: float = ROUND,
    stop: float = 0.0,
) -> Tensor:
    """What the removal of each weight costs when the cheapest are removed first, [rows, fan_in].

    Of all weights those with a loss of at most some limit are a set that is removed together, so
    the limit that leaves the wanted number also says how many each row keeps.

    kept        the last ``kept`` inputs are never removed (a bias); their loss is infinite
    first_cut   part of a row's weights that goes at once by the shared inverse, where the fan-in is
                above ``SMALL_FAN_IN``; three quarters of what will be removed cost little
    round_part  part of the remaining weights that one round removes; 0 for one weight a round,
                which is ExactOBS
    stop        part of a row's weights at which its elimination ends; those that are left have the
                losses that they would have next

    Within a row the losses never fall along the order of removal. Time: rows * fan_in^3 * (1 -
    first_cut)^3, against rows * fan_in^3 for ExactOBS; memory: ``WORK_SIZE`` numbers, three times.
    """
    rows, fan_in = weights.shape
    target = weights @ hessian
    losses = torch.full_like(weights, torch.inf)
    cut = int(first_cut * (fan_in - kept)) if fan_in > SMALL_FAN_IN else 0
    alive = torch.arange(fan_in).expand(rows, fan_in)
    if cut:
        scores = weights**2 / torch.linalg.inv(hessian).diagonal()
        scores[:, fan_in - kept :] = torch.inf
        cheapest = scores.argsort(dim=1, stable=True)
        losses.scatter_(1, cheapest[:, :cut], scores.gather(1, cheapest[:, :cut]))
        alive = cheapest[:, cut:].sort(dim=1).values
    left, last = alive.shape[1], int(stop * (fan_in - kept))
    for part in chunks(rows, left * left):
        _eliminate(hessian, target[part], alive[part], losses[part], kept, round_part, last)
    return losses


def _eliminate(
    hessian: Tensor,
    target: Tensor,
    alive: Tensor,
    losses: Tensor,
    kept: int,
    round_part: float,
    last: int,
) -> None:
    """Remove the weights ``alive`` [rows, n] of some rows in rounds; writes into ``losses``.

    target   [rows, fan_in], H w of the original weights
    last     weights of a row at which its elimination ends
    """
    fan_in = hessian.shape[0]
    blocks = hessian[alive[:, :, None], alive[:, None, :]]
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(blocks))
    del blocks
    weights = (inverse @ target.gather(1, alive)[:, :, None])[:, :, 0]
    done = losses.where(losses.isfinite(), -torch.inf).amax(dim=1).clamp_min(0.0)
    while (removable := alive.shape[1] - kept) > 0:
        count = removable if removable <= last else max(1, int(round_part * removable))
        scores = weights**2 / inverse.diagonal(dim1=1, dim2=2)
        scores = scores.masked_fill(alive >= fan_in - kept, torch.inf)
        order = scores.argsort(dim=1, stable=True)
        gone, stay = order[:, :count], order[:, count:].sort(dim=1).values
        # A later removal must look dearer than an earlier one, or the limit would take it without
        # those before it.
        added = torch.maximum(scores.gather(1, gone), done[:, None] * (1 + RISE))
        if removable <= last:
            losses.scatter_(1, alive.gather(1, gone), added)
            break
        losses.scatter_(1, alive.gather(1, gone), added)
        done = added.amax(dim=1)
        columns = inverse.gather(2, gone[:, None, :].expand(-1, inverse.shape[1], -1))
        corner = columns.gather(1, gone[:, :, None].expand(-1, -1, count))
        columns = columns.gather(1, stay[:, :, None].expand(-1, -1, count))
        solved = torch.linalg.solve(corner, columns.transpose(1, 2))
        moved = (weights.gather(1, gone)[:, None, :] @ solved)[:, 0]
        weights = weights.gather(1, stay) - moved
        inverse = inverse.gather(1, stay[:, :, None].expand(-1, -1, inverse.shape[2]))
        inverse = inverse.gather(2, stay[:, None, :].expand(-1, stay.shape[1], -1))
        inverse -= columns @ solved
        alive = alive.gather(1, stay)


def kept_indices(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the kept weights of each row, padded to one length, and which of them are real.

    masks   bool [rows, fan_in]
    Returns int64 and bool, [rows, largest number of kept weights].
    """
    longest = max(1, int(masks.sum(dim=1).max())) if len(masks) else 1
    order = (~masks).to(torch.int8).argsort(dim=1, stable=True)[:, :longest]
    return order, masks.gather(1, order)


def kept_blocks(hessian: Tensor, indices: Tensor, real: Tensor) -> Tensor:
    """The Hessian among the kept weights of each row; the padding is a unit matrix beside it."""
    blocks = hessian[indices[:, :, None], indices[:, None, :]]
    blocks = blocks * (real[:, :, None] & real[:, None, :])
    blocks.diagonal(dim1=1, dim2=2).add_((~real).to(blocks.dtype))
    return blocks


def compensate(hessian: Tensor, weights: Tensor, masks: Tensor) -> Tensor:
    """The best weights [rows, fan_in] that are 0 where ``masks`` is False: exact, row by row.

    The group update of OBS is the constrained least-squares solution, which is solved among the
    kept weights: H_KK w_K = (H w)_K. Time: the sum over rows of kept^3 / 3.
    """
    if bool(masks.all()):
        return weights.clone()
    target = weights @ hessian
    result = torch.zeros_like(weights)
    counts = masks.sum(dim=1)
    # Rows of like length together, so that little padding is solved.
    order = counts.argsort()
    longest = int(counts.max()) if len(counts) else 0
    for part in chunks(len(weights), max(longest, 1) ** 2):
        rows = order[part]
        indices, real = kept_indices(masks[rows])
        factor = torch.linalg.cholesky(kept_blocks(hessian, indices, real))
        wanted = target[rows].gather(1, indices) * real
        solved = torch.cholesky_solve(wanted[:, :, None], factor)[:, :, 0]
        result[rows] = torch.zeros_like(result[rows]).scatter_(1, indices, solved * real)
    return result
