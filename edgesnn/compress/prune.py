"""Which weights go, and what the others become.

A method gives each weight a score; a layer keeps as many of its highest scores as was allocated
to it. The second-order methods then let the kept weights and the bias make up for what went;
magnitude and activity, the baselines, leave them as they are.

A weight is an operation whenever what it reads fires, so equally many weights may be very different
work: where a limit is set, each score is less a price for its operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgesnn.compress import obs
from edgesnn.compress.layers import Layer, population_of, weights_of, with_weights
from edgesnn.compress.statistics import LayerStatistics, RowGroup, Statistics
from edgesnn.errors import InputError
from edgesnn.model import Model

#: The elimination of a row ends at this part of the weights that rows keep in the mean.
STOP = 0.5
#: Of the weights that will go, this part is chosen by one shared inverse in layers of large fan-in.
FIRST_CUT = 0.75
#: An operation costs so many times the largest score, at most: scores no longer matter then.
LARGEST_PRICE = 1e15
PRICE_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class ToPrune:
    """A layer that is to lose weights.

    weights     float64 [rows, fan_in]
    thresholds  float64 [rows], units of the rows' errors
    wanted      weights that stay, of each of its connections; no more than are not 0
    bias        whether the biases may make up for those that go
    """

    statistics: LayerStatistics
    weights: Tensor
    thresholds: Tensor
    wanted: tuple[int, ...]
    bias: bool

    @property
    def present(self) -> Tensor:
        return self.weights != 0

    @property
    def sparsity(self) -> float:
        """Share of weights to remove."""
        return 1 - sum(self.wanted) / self.weights.numel()

    @property
    def operations(self) -> Tensor:
        """Synaptic operations of a time step that one weight brings, float64 [fan_in]."""
        # A weight of a kernel is a synapse at every position.
        return self.statistics.rates * self.statistics.layer.positions

    def hessian(self, group: RowGroup) -> Tensor:
        """Damped, with the bias as the last input if it may move."""
        return obs.damped(group.hessian if self.bias else group.hessian[:-1, :-1])

    def padded(self, rows: Tensor, value: bool = False) -> Tensor:
        """``rows`` with a column for the bias if it may move."""
        return torch.nn.functional.pad(rows, (0, int(self.bias)), value=value)


@dataclass(frozen=True)
class Pruner:
    """A way to score weights.

    objective   whose Hessian it uses, and by which the kept weights make up for the others;
                None for none
    scores      how much each weight of a layer matters; higher is kept
    """

    objective: str | None
    scores: Callable[[ToPrune], Tensor]


def _by_magnitude(layer: ToPrune) -> Tensor:
    return layer.weights.abs()


def _by_activity(layer: ToPrune) -> Tensor:
    """Weight times root of the rate of what it reads.

    Source: Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models"
    (weight times norm of its input).
    """
    return layer.weights.abs() * layer.statistics.rates.sqrt()


def _by_elimination(objective: str) -> Pruner:
    def scores(layer: ToPrune) -> Tensor:
        losses = torch.zeros_like(layer.weights)
        fan_in = losses.shape[1]
        for group in layer.statistics.of(objective):
            found = obs.elimination_losses(
                layer.hessian(group),
                layer.padded(layer.weights[group.rows]),
                kept=int(layer.bias),
                first_cut=FIRST_CUT * layer.sparsity,
                stop=STOP * (1 - layer.sparsity),
            )
            losses[group.rows] = found[:, :fan_in]
        # Damping gives a cost to inputs that calibration never saw; they have none.
        losses[:, layer.statistics.rates == 0] = 0.0
        # Membranes of different rows are compared in units of their thresholds.
        return losses / layer.thresholds[:, None] ** 2

    return Pruner(objective, scores)


PRUNERS: dict[str, Pruner] = {
    "magnitude": Pruner(None, _by_magnitude),
    "activity": Pruner(None, _by_activity),
    "obc": _by_elimination("input"),
    "sbc": _by_elimination("membrane"),
}


@dataclass(frozen=True, eq=False)
class PrunedLayer:
    """A layer after pruning.

    masks     bool [rows, fan_in], True where a weight stays
    weights   float64 [rows, fan_in], 0 where it does not
    bias      float64 [size], what is added to the bias of each neuron
    """

    layer: Layer
    masks: Tensor
    weights: Tensor
    bias: Tensor


def find_pruner(method: str) -> Pruner:
    """The pruner of that name; ``InputError`` lists what there is."""
    if method not in PRUNERS:
        raise InputError(f"a pruning method must be one of {', '.join(PRUNERS)}, not {method!r}")
    return PRUNERS[method]


def thresholds_of(model: Model, layer: Layer) -> Tensor:
    """The unit of a row's membrane, float64 [rows]; 1 for neurons that do not fire."""
    population = population_of(model, layer)
    if not population.spiking:
        return torch.ones(layer.rows, dtype=torch.float64)
    return layer.per_row(population.threshold)


def prune(
    model: Model,
    statistics: Statistics,
    kept: Sequence[int],
    method: str = "sbc",
    bias: bool = True,
    max_sops: float | None = None,
) -> list[PrunedLayer]:
    """Prune every layer by the method of that name.

    kept       weights that stay, for each connection of ``model``
    bias       whether the second-order methods may move the biases
    max_sops   synaptic operations of a time step, at most, in the mean of the samples that were
               collected; None for any number

    Weights that are 0 in the model stay 0. Raises ``InputError`` for an unknown method, and for
    fewer operations than so many weights can have.
    """
    pruner = find_pruner(method)
    tasks = [_task(model, layer, kept, bias) for layer in statistics.layers]
    scores = [_scores(task, pruner) for task in tasks]
    price = 0.0 if max_sops is None else _price_of_operation(tasks, scores, max_sops)
    return [
        _prune_layer(task, _masks(task, found, price), pruner)
        for task, found in zip(tasks, scores, strict=True)
    ]


def _task(model: Model, statistics: LayerStatistics, kept: Sequence[int], bias: bool) -> ToPrune:
    layer = statistics.layer
    weights = weights_of(model, layer)
    wanted = tuple(
        min(kept[i], int((weights[:, columns] != 0).sum()))
        for i, columns in zip(layer.connections, layer.columns(), strict=True)
    )
    return ToPrune(statistics, weights, thresholds_of(model, layer), wanted, bias)


def _scores(task: ToPrune, pruner: Pruner) -> Tensor:
    """Of each weight; nothing needs them where all stay."""
    if sum(task.wanted) == int(task.present.sum()):
        return torch.zeros_like(task.weights)
    return pruner.scores(task)


def _masks(task: ToPrune, scores: Tensor, price: float) -> Tensor:
    """The weights of the highest scores, less ``price`` for each operation: bool as ``scores``."""
    worth = (scores - price * task.operations).where(task.present, -torch.inf)
    return torch.cat(
        [
            _largest(worth[:, columns], count)
            for columns, count in zip(task.statistics.layer.columns(), task.wanted, strict=True)
        ],
        dim=1,
    )


def _price_of_operation(
    tasks: Sequence[ToPrune], scores: Sequence[Tensor], max_sops: float
) -> float:
    """The price of an operation, in units of the scores, at which layers have ``max_sops`` at most.

    Of all masks with as many weights and no more operations, those of a price lose the least score
    in all: the price is the multiplier of Lagrange of the second condition. Found by bisection, as
    operations never rise with it.
    """

    def sops(price: float) -> float:
        return sum(
            float((_masks(task, found, price) * task.operations).sum())
            for task, found in zip(tasks, scores, strict=True)
        )

    if sops(0.0) <= max_sops:
        return 0.0
    largest = max(float(found.abs().max()) for found in scores) or 1.0
    low, high = largest / LARGEST_PRICE, largest * LARGEST_PRICE
    if (fewest := sops(high)) > max_sops:
        raise InputError(
            f"max_sops must be at least {fewest:.6g}, the operations of the weights that are "
            f"read most seldom, not {max_sops:g}: raise it, or the sparsity"
        )
    for _ in range(PRICE_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if sops(middle) > max_sops else (low, middle)
    return high


def _prune_layer(task: ToPrune, masks: Tensor, pruner: Pruner) -> PrunedLayer:
    layer, weights = task.statistics.layer, task.weights
    bias = torch.zeros(layer.rows, dtype=torch.float64)
    if bool((masks == task.present).all()):
        return PrunedLayer(layer, masks, weights, layer.per_neuron(bias))
    result = weights * masks
    if pruner.objective is not None:
        for group in task.statistics.of(pruner.objective):
            r = group.rows
            solved = obs.compensate(
                task.hessian(group), task.padded(weights[r]), task.padded(masks[r], value=True)
            )
            result[r] = solved[:, : layer.fan_in]
            if task.bias:
                bias[r] = solved[:, -1]
    return PrunedLayer(layer, masks, result, layer.per_neuron(bias))


def _largest(scores: Tensor, count: int) -> Tensor:
    """True at the ``count`` largest scores; of equal ones those that come first."""
    chosen = torch.zeros(scores.numel(), dtype=torch.bool)
    order = scores.flatten().argsort(descending=True, stable=True)
    chosen[order[:count]] = True
    return chosen.reshape(scores.shape)


def pruned_model(model: Model, pruned: Sequence[PrunedLayer]) -> Model:
    """``model`` with the pruned weights and the corrected biases."""
    return with_weights(model, [p.layer for p in pruned], [(p.weights, p.bias) for p in pruned])
