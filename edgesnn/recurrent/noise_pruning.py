"""LNP, step I: synapses are kept with a probability that noise tells.

An edge matters by its size and by how little the noise-driven units that it joins move together:
p_ij = min(1, rho |w_ij| (C_ii + C_jj - 2 sign(w_ij) C_ij)). rho gives the wanted number of edges.

Source: Moore and Chaudhuri 2020, "Using noise to probe recurrent neural network structure and prune
synapses", equation 4; Chakraborty et al. 2024 for spiking networks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Exponents nearer to 0 count as this far away: their harmonic mean has no meaning at 0.
SMALLEST_EXPONENT = 1e-3
#: A kept weight grows at most so many times when it stands for those that went.
LARGEST_RESCALING = 4.0
_HALVINGS = 200


def neighbourhood_exponents(exponents: Values, edges: Mask) -> Values:
    """For each edge (i, j) the harmonic mean of the exponents of all neighbours of i and j.

    exponents   float64 [size], of each neuron
    edges       bool [size, size]; direction does not matter for who is a neighbour

    0 where there is no edge. Exponents are taken as at least ``SMALLEST_EXPONENT`` from 0, and a
    mean of exponents of both signs stays within the sizes of the exponents: where their
    reciprocals cancel it would run away.
    """
    sign = np.where(exponents < 0, -1.0, 1.0)
    safe = sign * np.maximum(np.abs(exponents), SMALLEST_EXPONENT)
    near = (edges | edges.T).astype(np.float64)
    np.fill_diagonal(near, 0.0)
    reciprocal = 1 / safe

    def over_union(values: Values) -> Values:
        single = near @ values
        both = (near * values) @ near.T
        union: Values = single[:, None] + single[None, :] - both
        return union

    counts, sums = over_union(np.ones(len(safe))), over_union(reciprocal)
    largest = np.abs(safe).max()
    smallest = counts / largest  # in size, that the sum of reciprocals has if all have one sign
    sums = np.where(np.abs(sums) < smallest, np.where(sums < 0, -smallest, smallest), sums)
    found: Values = np.where(edges & (counts > 0), counts / np.where(sums == 0, 1.0, sums), 0.0)
    return found


def keep_scores(weights: Values, covariance: Values) -> Values:
    """|w_ij| (C_ii + C_jj - 2 sign(w_ij) C_ij) of each edge, 0 on the diagonal and without an edge.

    weights      [size, size]; which way round does not matter, for C is symmetric
    covariance   [size, size] under noise
    """
    variance = np.diag(covariance)
    apart = variance[:, None] + variance[None, :] - 2 * np.sign(weights) * covariance
    scores: Values = np.abs(weights) * np.maximum(apart, 0.0)
    np.fill_diagonal(scores, 0.0)
    return scores


def keep_probabilities(scores: Values, num_kept: int) -> Values:
    """min(1, rho * score) with the rho, by bisection, for which ``num_kept`` are kept in the mean.

    Raises ``InputError`` if there are not so many scores above 0.
    """
    positive = scores[scores > 0]
    if not 0 < num_kept <= positive.size:
        raise InputError(
            f"edges to keep must be 1..{positive.size}, as many as there are, not {num_kept}"
        )
    if num_kept == positive.size:
        return (scores > 0).astype(np.float64)
    low, high = 0.0, 1.0 / float(positive.min())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if np.minimum(1.0, middle * positive).sum() < num_kept:
            low = middle
        else:
            high = middle
    return np.minimum(1.0, high * scores)


def draw(probabilities: Values, num_kept: int, rng: np.random.Generator) -> Mask:
    """Exactly ``num_kept`` entries, each with its probability; they must sum up to that number.

    Systematic sampling in a random order. Source: Madow 1949, "On the theory of systematic
    sampling, II".
    """
    flat = probabilities.ravel()
    order = rng.permutation(np.flatnonzero(flat))
    reached = np.cumsum(flat[order])
    reached *= num_kept / reached[-1]  # rounding of the sum must not lose the last one
    points = rng.random() + np.arange(num_kept)
    chosen = np.zeros(flat.size, np.bool_)
    chosen[order[np.minimum(np.searchsorted(reached, points, side="right"), len(order) - 1)]] = True
    return chosen.reshape(probabilities.shape)


def rescaled(weights: Values, mask: Mask, probabilities: Values, largest: float) -> Values:
    """Kept weights over their probability, so that the mean stays; grown ``largest`` times at most.

    ``largest`` 1 leaves the weights as they are ("mask only"), which suits spiking networks.
    """
    factor = 1 / np.where(mask, np.maximum(probabilities, 1 / largest), 1.0)
    return np.where(mask, weights * factor, 0.0)


def with_row_sums(before: Values, after: Values) -> Values:
    """``after`` with a diagonal by which each row leaks as much as in ``before``.

    Moore and Chaudhuri's diagonal: what a row lost in size of its other entries is taken from its
    leak, so that slow modes of a linear network stay slow.
    """
    outside = ~np.eye(len(before), dtype=np.bool_)
    lost = (np.abs(after) * outside).sum(axis=1) - (np.abs(before) * outside).sum(axis=1)
    found = after.copy()
    np.fill_diagonal(found, np.diag(before) - lost)
    return found
