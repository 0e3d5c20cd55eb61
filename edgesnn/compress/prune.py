"""Which weights go. A method is a function from model, calibration and sparsity to masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgesnn.compress.calibrate import Calibration
from edgesnn.errors import InputError
from edgesnn.model import Model

Mask = npt.NDArray[np.bool_]
#: (model, calibration, share of weights to remove) -> one mask [source, target] per connection,
#: True where a weight stays.
Pruner = Callable[[Model, Calibration, float], tuple[Mask, ...]]


def _largest(scores: npt.NDArray[np.floating], count: int) -> Mask:
    """True at the ``count`` largest scores; of equal ones those that come first."""
    chosen = np.zeros(scores.size, bool)
    chosen[np.argsort(-scores, axis=None, kind="stable")[:count]] = True
    return chosen.reshape(scores.shape)


def _kept(total: int, sparsity: float) -> int:
    return total - round(total * sparsity)


def _per_layer(scores: list[npt.NDArray[np.floating]], sparsity: float) -> tuple[Mask, ...]:
    return tuple(_largest(s, _kept(s.size, sparsity)) for s in scores)


def by_magnitude(model: Model, calibration: Calibration, sparsity: float) -> tuple[Mask, ...]:
    """Keep the largest weights of each connection."""
    del calibration
    return _per_layer([np.abs(c.weights) for c in model.connections], sparsity)


def by_global_magnitude(
    model: Model, calibration: Calibration, sparsity: float
) -> tuple[Mask, ...]:
    """Keep the largest weights of the whole model, relative to the threshold of their neuron.

    A read-out neuron has no threshold; its weights count relative to the largest of them.
    """
    del calibration
    scores = []
    for c in model.connections:
        target = model.populations[c.target]
        spiking = getattr(target, "spiking", False)
        scale = target.threshold if spiking else np.abs(c.weights).max() or 1.0  # type: ignore[union-attr]
        scores.append(np.abs(c.weights) / scale)
    together = np.concatenate([s.ravel() for s in scores])
    kept = _largest(together, _kept(together.size, sparsity))
    parts = np.split(kept, np.cumsum([s.size for s in scores])[:-1])
    return tuple(part.reshape(s.shape) for part, s in zip(parts, scores, strict=True))


def by_activity(model: Model, calibration: Calibration, sparsity: float) -> tuple[Mask, ...]:
    """Keep the largest products of weight and root of the source's event rate.

    Source: Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models"
    (weight times norm of its input); compared within a connection.
    """
    scores = [
        np.abs(c.weights) * np.sqrt(calibration.source_rates[c.source])[:, np.newaxis]
        for c in model.connections
    ]
    return _per_layer(scores, sparsity)


PRUNERS: dict[str, Pruner] = {
    "magnitude": by_magnitude,
    "global-magnitude": by_global_magnitude,
    "activity": by_activity,
}


def apply_masks(model: Model, masks: tuple[Mask, ...]) -> Model:
    """The model with 0 where a mask is False."""
    return model.with_weights(
        tuple(c.weights * m for c, m in zip(model.connections, masks, strict=True))
    )


def prune(
    model: Model, calibration: Calibration, sparsity: float, method: str = "magnitude"
) -> tuple[Mask, ...]:
    """Masks of the weights that stay, by the method of that name.

    Raises ``InputError`` for an unknown method, a sparsity outside 0..1, or if a connection would
    lose all its weights.
    """
    if method not in PRUNERS:
        raise InputError(f"a pruning method must be one of {', '.join(PRUNERS)}, not {method!r}")
    if not 0 <= sparsity < 1:
        raise InputError(f"sparsity must be at least 0 and below 1, not {sparsity}")
    masks = PRUNERS[method](model, calibration, sparsity)
    for connection, mask in zip(model.connections, masks, strict=True):
        if not np.any(connection.weights[mask]):
            raise InputError(
                f"{model.name_of(connection)} must keep at least one weight: lower the sparsity, "
                "or prune each connection by itself (magnitude)"
            )
    return masks
