"""LNP, step III: a few edges come back, so that no mode of the network sits on a few neurons.

For the most localized eigenvectors, edges that were pruned come back at the neurons on which these
sit: those that make degrees differ most between neighbours, H = mean over edges of the squared
difference of the degrees of their ends. It ends when the largest inverse participation ratio is
that of the network before pruning, or at a share of the edges.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgesnn.analysis.localization import inverse_participation

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Edges that come back before eigenvectors are computed anew, as a share of the limit.
_ROUND = 0.25


def heterogeneity_gain(edges: Mask, sources: npt.ArrayLike, targets: npt.ArrayLike) -> Values:
    """By how much each new edge (source, target), by itself, changes H times the number of edges.

    Degrees count both directions. The new edge itself adds the squared difference of its ends;
    edges that its ends have already see a degree that is larger by one.
    """
    degree = (edges.sum(axis=0) + edges.sum(axis=1)).astype(np.float64)
    both_ways = edges.astype(np.float64) + edges.T

    def of_end(node: npt.NDArray[np.int64]) -> Values:
        # sum over the neighbours k of (d + 1 - d_k)^2 - (d - d_k)^2 = 2 (d - d_k) + 1
        near = both_ways[node]
        found: Values = (near * (2 * (degree[node][:, None] - degree[None, :]) + 1)).sum(axis=1)
        return found

    a, b = np.asarray(sources, np.int64), np.asarray(targets, np.int64)
    # An edge the other way between the two has both ends larger by one: nothing changes.
    found: Values = (degree[a] - degree[b]) ** 2 + of_end(a) + of_end(b) - 2 * edges[b, a]
    return found


def edges_to_restore(
    weights: Values, before: Values, limit: int, wanted_ipr: float, num_vectors: int = 5
) -> Mask:
    """Which pruned edges come back, at most ``limit`` of them.

    weights      [size, size] after pruning
    before       the same before pruning, of the neurons that are left: where edges may come back
    wanted_ipr   the largest inverse participation ratio that ends it early
    num_vectors  most localized eigenvectors that a round looks at
    """
    restored = np.zeros(weights.shape, np.bool_)
    now = weights.copy()
    while restored.sum() < limit:
        vectors = np.linalg.eig(now)[1]
        ratios = inverse_participation(vectors)
        if ratios.max() <= wanted_ipr:
            break
        worst = vectors[:, np.argsort(-ratios)[:num_vectors]]
        share = (np.abs(worst) ** 2).max(axis=1)
        missing = (before != 0) & (now == 0)
        np.fill_diagonal(missing, False)
        # Where a mode sits is where an edge can spread it: half the mass, and its neighbourhood.
        seats = share >= np.sort(share)[-max(len(share) // 20, 1)]
        candidates = np.argwhere(missing & (seats[:, None] | seats[None, :]))
        if not len(candidates):
            break
        gain = heterogeneity_gain(now != 0, candidates[:, 0], candidates[:, 1])
        count = min(max(int(_ROUND * limit), 1), limit - int(restored.sum()))
        for a, b in candidates[np.argsort(-gain, kind="stable")[:count]]:
            restored[a, b] = True
            now[a, b] = before[a, b]
    return restored
