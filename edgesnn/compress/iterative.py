"""Iterative magnitude pruning: prune a little, train again, and so on. The slow baseline.

Source: Han et al. 2015, "Learning both weights and connections"; Frankle and Carbin 2019 use the
same geometric schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edgesnn.compress.allocate import allocate
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.statistics import collect
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.sparse import train_sparse

#: Called with the number of rounds done and the number in all.
Progress = Callable[[int, int], None]


def prune_iteratively(
    model: Model,
    data: LabelledEvents,
    sparsity: float,
    settings: TrainingSettings,
    rounds: int = 10,
    allocation: str = "lamps",
    progress: Progress | None = None,
) -> Model:
    """Prune by magnitude in ``rounds``, each of which removes the same share of what is left.

    settings   of the training after each round, with the removed weights held at 0

    Returns the model with ``sparsity`` of its weights at 0. Raises ``InputError`` for a sparsity
    outside 0..1 or one that empties a layer.
    """
    nothing = collect(model, data.events.select([0]), objectives=())
    for done in range(1, rounds + 1):
        share = 1 - (1 - sparsity) ** (done / rounds)
        kept = allocate([c.parameters for c in model.connections], share, allocation)
        model = pruned_model(model, prune(model, nothing, kept, "magnitude"))
        model = train_sparse(model, data, replace(settings, seed=settings.seed + done))
        if progress is not None:
            progress(done, rounds)
    return model
