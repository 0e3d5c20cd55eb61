"""What the compressor must know about activity: Hessians and rates, from one pass over samples.

The error that counts is that of the membrane. Without resets a membrane is the weighted sum of
its inputs, each passed through the neuron's own leak, so its squared error over all steps is a
quadratic form in the weights: H = sum over windows and steps of x x^T, where x is the filtered
input, x_t = input_t + decay * x_(t-1), with the decay that the hardware applies (a multiple of
1/4096). Source: Shi et al. 2025, "Spiking Brain Compression" (the SBC Hessian). With x the input
itself it is the Hessian of Optimal Brain Compression (OBC).

Neurons of one layer may have decays of their own. Rows of the same decay share a Hessian; where
there are more than ``max_groups`` different ones, neighbours are merged and share the decay of
their geometric mean time constant, which is then an approximation for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgesnn.compress.layers import Layer, layers_of, on_hardware_grid, population_of
from edgesnn.compress.settings import MAX_GROUPS
from edgesnn.connections import ModelConnection
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics

OBJECTIVES = ("membrane", "input")
#: Numbers of one batch of filtered inputs: 128 MB in single precision.
BATCH_SIZE = 1 << 25


@dataclass(frozen=True, eq=False)
class RowGroup:
    """Rows that share a Hessian.

    rows      int64, indices of rows
    decay     of their membranes; 0 for the objective "input"
    synaptic  decay of their synaptic currents, or None
    exact     whether all these rows really have these decays
    hessian   float64 [fan_in + 1, fan_in + 1]; the last input is the bias, 1 in every step
    """

    rows: Tensor
    decay: float
    synaptic: float | None
    exact: bool
    hessian: Tensor


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Activity at the input of a layer on the calibration samples.

    rates   float64 [fan_in], events per step and position of each column
    groups  of its rows, for each objective
    """

    layer: Layer
    rates: Tensor
    groups: dict[str, tuple[RowGroup, ...]]

    def of(self, objective: str) -> tuple[RowGroup, ...]:
        """The groups of one objective; ``InputError`` if it was not collected."""
        if objective not in self.groups:
            raise InputError(
                f"statistics must hold the objective {objective!r}, not only "
                f"{sorted(self.groups)}: name it when they are collected"
            )
        return self.groups[objective]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Activity of a model on calibration samples.

    layers           of the model
    rates            for each population float64 [size]: events per step of a source or neuron
    mean_v           for each population float64 [size]: mean of ``v``; 0 for inputs
    lowest, highest  for each population float64 [size]: extremes of ``v``; 0 for inputs
    largest_current  for each population float64 [size]: size of the largest synaptic current that
                     is left after a step; 0 where there is none
    """

    layers: tuple[LayerStatistics, ...]
    rates: tuple[np.ndarray, ...]
    mean_v: tuple[np.ndarray, ...]
    lowest: tuple[np.ndarray, ...]
    highest: tuple[np.ndarray, ...]
    largest_current: tuple[np.ndarray, ...]


def decay_groups(
    decay: Tensor, synaptic: Tensor | None, max_groups: int
) -> list[tuple[Tensor, float, float | None, bool]]:
    """Rows that share a Hessian: (rows, decay, synaptic decay, exact) for each group."""
    keys = decay[:, None] if synaptic is None else torch.stack([decay, synaptic], dim=1)
    different, member = torch.unique(keys, dim=0, return_inverse=True)
    if len(different) > max_groups:
        # Like numbers of rows, in the order of their decays (and then synaptic decays); rows of
        # one decay stay together.
        counts = torch.bincount(member)
        middle = counts.cumsum(0) - counts / 2
        member = (middle * max_groups / len(decay)).long()[member]
    groups = []
    for number in member.unique().tolist():
        rows = torch.nonzero(member == number)[:, 0]
        means = [_mean_decay(values[rows]) for values in keys.T]
        exact = bool((keys[rows] == keys[rows[0]]).all())
        groups.append((rows, means[0], means[1] if synaptic is not None else None, exact))
    return groups


def _mean_decay(decays: Tensor) -> float:
    """The decay of the geometric mean time constant -1 / ln(decay), on the hardware's grid."""
    if bool((decays == decays[0]).all()):
        return float(decays[0])
    inner = decays.clamp(1e-4, 1 - 1e-4)
    mean = torch.exp(1 / -torch.exp((-1 / inner.log()).log().mean()))
    return float(on_hardware_grid(np.array([float(mean)]))[0])


def leaky(inputs: Tensor, decay: float) -> Tensor:
    """x_t = inputs_t + decay * x_(t-1) along dimension 1 of [batch, step, ...]."""
    if decay == 0:
        return inputs
    filtered = inputs.clone()
    for t in range(1, inputs.shape[1]):
        filtered[:, t].add_(filtered[:, t - 1], alpha=decay)
    return filtered


def layer_inputs(model: Model, layer: Layer, spikes: list[Tensor]) -> Tensor:
    """What the rows of a layer read, float32 [batch, step, positions, fan_in].

    spikes   of each population [batch, step, size]; a recurrent or feedback connection delivers
             those of the step before
    """
    parts = []
    for i in layer.connections:
        c = model.connections[i]
        sent = spikes[c.source]
        if c.source >= c.target:
            sent = torch.cat([torch.zeros_like(sent[:, :1]), sent[:, :-1]], dim=1)
        if isinstance(c, ModelConnection):
            parts.append(sent[:, :, None])
        else:
            flat = c.patches(sent.flatten(0, 1).numpy())
            parts.append(torch.from_numpy(flat).unflatten(0, sent.shape[:2]))
    return torch.cat(parts, dim=3)


def _batches(events: EventWindows, layers: list[Layer]) -> Iterator[EventWindows]:
    widest = max(layer.positions * (layer.fan_in + 1) for layer in layers)
    size = max(1, BATCH_SIZE // (events.num_steps * widest))
    for first in range(0, len(events), size):
        yield events.select(np.arange(first, min(first + size, len(events))))


def collect(
    model: Model,
    events: EventWindows,
    objectives: tuple[str, ...] = ("membrane",),
    max_groups: int = MAX_GROUPS,
) -> Statistics:
    """Run calibration samples through ``model`` once and gather.

    objectives   which Hessians: "membrane" (SBC), "input" (OBC); none: rates and extremes alone

    Time: windows * steps * positions * fan_in^2 for each group. Memory: the Hessians, 8 bytes *
    (fan_in + 1)^2 for each group, and one batch of ``BATCH_SIZE`` numbers, three times; batches
    are streamed. Raises ``InputError`` if there are no samples or they do not fit the model.
    """
    wrong = [name for name in objectives if name not in OBJECTIVES]
    if wrong:
        raise InputError(f"an objective must be one of {', '.join(OBJECTIVES)}, not {wrong[0]!r}")
    if not len(events) or events.num_sources != model.num_inputs:
        raise InputError(
            f"calibration needs one window or more of {model.num_inputs} sources, "
            f"not {len(events)} of {events.num_sources}"
        )
    layers = layers_of(model)
    found: list[dict[str, list[RowGroup]]] = [
        {name: _empty_groups(model, layer, name, max_groups) for name in objectives}
        for layer in layers
    ]
    sums = [torch.zeros(layer.fan_in, dtype=torch.float64) for layer in layers]
    sizes = [p.size for p in model.populations]
    rates = [torch.zeros(n, dtype=torch.float64) for n in sizes]
    mean_v = [torch.zeros(n, dtype=torch.float64) for n in sizes]
    lowest = [torch.zeros(n) for n in sizes]
    highest = [torch.zeros(n) for n in sizes]
    largest_current = [torch.zeros(n) for n in sizes]
    dynamics = Dynamics(model)
    with torch.no_grad():
        for batch in _batches(events, layers):
            record = dynamics.record(batch)
            for i, spikes in enumerate(record.spikes):
                rates[i] += spikes.sum(dim=(0, 1), dtype=torch.float64)
            for i, values in enumerate(record.values):
                if values is not None:
                    mean_v[i] += values.sum(dim=(0, 1), dtype=torch.float64)
                    lowest[i] = torch.minimum(lowest[i], values.amin(dim=(0, 1)))
                    highest[i] = torch.maximum(highest[i], values.amax(dim=(0, 1)))
            for i, currents in enumerate(record.currents):
                if currents is not None:
                    reached = currents.abs().amax(dim=(0, 1))
                    largest_current[i] = torch.maximum(largest_current[i], reached)
            for layer, counts, groups in zip(layers, sums, found, strict=True):
                inputs = layer_inputs(model, layer, record.spikes)
                counts.add_(inputs.sum(dim=(0, 1, 2), dtype=torch.float64))
                for name in groups:
                    _accumulate(inputs, groups[name])
    steps = len(events) * events.num_steps
    return Statistics(
        tuple(
            LayerStatistics(
                layer,
                total / (steps * layer.positions),
                {name: tuple(_mean(g, len(events)) for g in of) for name, of in groups.items()},
            )
            for layer, total, groups in zip(layers, sums, found, strict=True)
        ),
        tuple((r / steps).numpy() for r in rates),
        tuple((v / steps).numpy() for v in mean_v),
        tuple(v.double().numpy() for v in lowest),
        tuple(v.double().numpy() for v in highest),
        tuple(v.double().numpy() for v in largest_current),
    )


def _empty_groups(model: Model, layer: Layer, objective: str, max_groups: int) -> list[RowGroup]:
    p = population_of(model, layer)
    decay, alike = _decays_of_rows(layer, p.decay)
    currents = None
    if p.synaptic_decay is not None:
        currents, also = _decays_of_rows(layer, p.synaptic_decay)
        alike = alike & also
    if objective == "input":
        decay, currents = torch.zeros(layer.rows, dtype=torch.float64), None
        alike = torch.ones(layer.rows, dtype=torch.bool)
    empty = torch.zeros(layer.fan_in + 1, layer.fan_in + 1, dtype=torch.float64)
    return [
        RowGroup(rows, mean, synaptic, exact and bool(alike[rows].all()), empty.clone())
        for rows, mean, synaptic, exact in decay_groups(decay, currents, max_groups)
    ]


def _decays_of_rows(layer: Layer, decay: np.ndarray) -> tuple[Tensor, Tensor]:
    """The decay of each row [rows], and whether all its neurons have it [rows].

    Positions of a convolution may differ; the row then has that of their mean time constant.
    """
    values = torch.from_numpy(on_hardware_grid(decay)).reshape(layer.rows, -1)
    alike = (values == values[:, :1]).all(dim=1)
    means = [_mean_decay(row) for row in values]
    return torch.tensor(means, dtype=torch.float64), alike


def _accumulate(inputs: Tensor, groups: list[RowGroup]) -> None:
    """Add the samples of one batch [batch, step, positions, fan_in] to each Hessian."""
    ones = torch.ones_like(inputs[..., :1])
    for group in groups:
        current = inputs if group.synaptic is None else leaky(inputs, group.synaptic)
        # A bias is added to the membrane itself, not to the synaptic current.
        filtered = leaky(torch.cat([current, ones], dim=3), group.decay).flatten(0, 2)
        group.hessian.add_((filtered.T @ filtered).double())


def _mean(group: RowGroup, windows: int) -> RowGroup:
    return RowGroup(group.rows, group.decay, group.synaptic, group.exact, group.hessian / windows)
