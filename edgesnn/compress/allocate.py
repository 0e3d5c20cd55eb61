"""How many weights each layer keeps: the wanted sparsity of the whole, shared out over layers.

A layer is one connection's matrix of parameters. What a method gives is a number of weights to
keep for each; which ones is the pruner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

Weights = npt.NDArray[np.floating]
#: Exponent of the LAMPS score. Shi et al. 2025 use 2, and 3 for their deepest networks.
LAMPS_EXPONENT = 2.0


def _smallest(scores: Sequence[npt.NDArray[np.floating]], removed: int) -> list[int]:
    """How many of the ``removed`` smallest scores lie in each array; ties go to the first."""
    together = np.concatenate([s.ravel() for s in scores])
    owner = np.repeat(np.arange(len(scores)), [s.size for s in scores])
    gone = owner[np.argsort(together, kind="stable")[:removed]]
    return np.bincount(gone, minlength=len(scores)).tolist()


def uniform(layers: Sequence[Weights], sparsity: float) -> list[int]:
    """Every layer keeps the same share."""
    return [w.size - round(sparsity * w.size) for w in layers]


def by_global_magnitude(layers: Sequence[Weights], sparsity: float) -> list[int]:
    """The largest weights of all layers together, each relative to the largest of its layer."""
    scores = [np.abs(w) / (np.abs(w).max(initial=0) or 1.0) for w in layers]
    removed = _smallest(scores, round(sparsity * sum(w.size for w in layers)))
    return [w.size - r for w, r in zip(layers, removed, strict=True)]


def lamps_scores(weights: Weights, exponent: float = LAMPS_EXPONENT) -> npt.NDArray[np.float64]:
    """|w|^p over the sum of |v|^p of all weights v of the layer that are at least as large.

    Source: Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning" (p = 2).
    The scale of a layer cancels, and the largest weight of each scores 1: no layer is emptied
    before all others.
    """
    sizes = np.abs(weights.astype(np.float64)).ravel()
    powers = (sizes / (sizes.max(initial=0) or 1.0)) ** exponent  # The scale cancels.
    order = np.argsort(powers, kind="stable")
    at_least = np.cumsum(powers[order][::-1])[::-1]
    scores = np.zeros(powers.size)
    scores[order] = powers[order] / np.maximum(at_least, np.finfo(np.float64).tiny)
    return scores.reshape(weights.shape)


def lamps(
    layers: Sequence[Weights], sparsity: float, exponent: float = LAMPS_EXPONENT
) -> list[int]:
    """The largest LAMPS scores of all layers together."""
    removed = _smallest(
        [lamps_scores(w, exponent) for w in layers],
        round(sparsity * sum(w.size for w in layers)),
    )
    return [w.size - r for w, r in zip(layers, removed, strict=True)]


#: (parameters of each layer, share to remove) -> weights that each layer keeps.
Allocator = Callable[[Sequence[Weights], float], list[int]]
ALLOCATORS: dict[str, Allocator] = {
    "uniform": uniform,
    "global-magnitude": by_global_magnitude,
    "lamps": lamps,
}


def allocate(
    layers: Sequence[Weights],
    sparsity: float,
    method: str = "lamps",
    names: Sequence[str] = (),
    exponent: float = LAMPS_EXPONENT,
) -> list[int]:
    """Weights that each layer keeps, by the method of that name.

    names      of the layers, for messages
    exponent   of the method "lamps"

    Raises ``InputError`` for an unknown method, for a sparsity outside 0..1, for a layer without
    weights and if a layer would keep nothing.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"sparsity must be at least 0 and below 1, not {sparsity}")
    if method not in ALLOCATORS:
        raise InputError(f"an allocation must be one of {', '.join(ALLOCATORS)}, not {method!r}")
    names = names or [f"layer {i}" for i in range(len(layers))]
    for name, weights in zip(names, layers, strict=True):
        if not np.any(weights):
            raise InputError(f"{name} must hold a weight that is not 0: leave it out of the model")

    def by(name: str) -> list[int]:
        if name == "lamps":
            return lamps(layers, sparsity, exponent)
        return ALLOCATORS[name](layers, sparsity)

    kept = by(method)
    for name, weights, count in zip(names, layers, kept, strict=True):
        if not count:
            better = [other for other in ("lamps", "uniform", "global-magnitude") if all(by(other))]
            raise InputError(
                f"{name} must keep at least one weight, but a sparsity of {sparsity:.10g} by "
                f"{method!r} takes all {weights.size}: lower the sparsity"
                + (f", or allocate by {better[0]!r}" if better else "; no allocation leaves enough")
            )
    return kept
