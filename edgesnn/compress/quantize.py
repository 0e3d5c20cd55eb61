"""A pruned model to 4-bit codes, layer by layer: grid, rounding, and the joint choice of mask and
codes.

All connections into a population share its unit, times a power of two for each connection
(``weight_shift``), which is divided out before the rows are quantized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.compress import obs
from edgesnn.compress.grid import HALF_BITS, Grid, halves
from edgesnn.compress.joint import ORDERS, Problem
from edgesnn.compress.layers import Layer, weights_of, with_weights
from edgesnn.compress.prune import PrunedLayer, thresholds_of
from edgesnn.compress.rounding import ROW_QUANTIZERS, Coded, Rows, importance
from edgesnn.compress.settings import FINE_BITS
from edgesnn.compress.statistics import LayerStatistics, Statistics
from edgesnn.errors import InputError
from edgesnn.model import Model

DEFAULT_GRID = Grid()
#: Connections of one neuron may differ by at most this power of two.
MAX_RELATIVE_SHIFT = 6
#: Scales that the range "search" tries, as parts of that of least squared error of the weights.
SEARCHED = (0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.25)


@dataclass(frozen=True, eq=False)
class QuantizedConnection:
    """Weights of one connection: ``codes * scale * 2**shift`` stands for the float weights.

    codes   int8 [fan_in, rows], as the parameters of the connection
    scale   float64 [target size], unit of the target's membrane before the network's common shift
    shift   relative to the other connections of the same target population
    bits    of a code; those of 8 become two synapses
    """

    codes: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float64]
    shift: int
    bits: int

    def parts(self) -> list[tuple[npt.NDArray[np.int8], int]]:
        """What the network joins the two populations by: codes of synapses and their shift."""
        if self.bits < FINE_BITS:
            return [(self.codes, self.shift)]
        upper, lower = halves(self.codes)
        return [(upper, self.shift + HALF_BITS), (lower, self.shift)]


@dataclass(frozen=True)
class Quantizer:
    """A way to round.

    rows        name in ``ROW_QUANTIZERS``
    objective   whose Hessian it uses; None for that of plain squared error of the weights
    """

    rows: str
    objective: str | None


QUANTIZERS: dict[str, Quantizer] = {
    "nearest": Quantizer("nearest", None),
    "obc": Quantizer("columns", "input"),
    "sbc": Quantizer("columns", "membrane"),
    "obc-descent": Quantizer("descent", "input"),
    "sbc-descent": Quantizer("descent", "membrane"),
}


def find_quantizer(method: str) -> Quantizer:
    """The quantizer of that name; ``InputError`` lists what there is."""
    if method not in QUANTIZERS:
        raise InputError(
            f"a quantization method must be one of {', '.join(QUANTIZERS)}, not {method!r}"
        )
    return QUANTIZERS[method]


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """A layer on codes.

    codes    float64 [rows, fan_in], integers
    scale    float64 [rows]
    shifts   of each connection
    bias     float64 [size], what is added to the bias of each neuron
    grid     that the codes are on
    """

    layer: Layer
    codes: Tensor
    scale: Tensor
    shifts: tuple[int, ...]
    bias: Tensor
    grid: Grid

    def units(self) -> Tensor:
        """What a code of 1 stands for, float64 [rows, fan_in]."""
        return self.scale[:, None] * _column_units(self.layer, self.shifts)

    def weights(self) -> Tensor:
        """What the codes stand for, float64 [rows, fan_in]."""
        return self.codes * self.units()

    def connections(self) -> dict[int, QuantizedConnection]:
        """For the indices of its connections in the model."""
        scale = self.layer.per_neuron(self.scale).numpy()
        return {
            i: QuantizedConnection(
                self.codes[:, columns].T.numpy().astype(np.int8), scale, shift, self.grid.bits
            )
            for i, columns, shift in zip(
                self.layer.connections, self.layer.columns(), self.shifts, strict=True
            )
        }


def _column_units(layer: Layer, shifts: Sequence[int]) -> Tensor:
    units = [2.0**s for s in shifts]
    return torch.tensor(units, dtype=torch.float64).repeat_interleave(torch.tensor(layer.fan_ins))


def _relative_shifts(layer: Layer, weights: Tensor, grid: Grid) -> tuple[int, ...]:
    """Powers of two that bring the connections of one layer to a common grid."""
    typical = []
    for columns in layer.columns():
        part = weights[:, columns]
        largest = part.abs().amax(dim=1)
        used = part[largest > 0]
        ones = torch.ones(part.shape[1], dtype=part.dtype)
        plain = Grid(grid.bits, "row", "mse")
        scale = plain.scales(used, ones, shared=False).median() if len(used) else 0.0
        typical.append(float(scale))
    smallest = min((t for t in typical if t > 0), default=1.0)
    return tuple(
        min(max(round(np.log2(t / smallest)), 0), MAX_RELATIVE_SHIFT) if t > 0 else 0
        for t in typical
    )


def quantize(
    model: Model,
    statistics: Statistics,
    pruned: Sequence[PrunedLayer],
    method: str = "sbc-descent",
    grid: Grid = DEFAULT_GRID,
    order: str = "prune-first",
    bias: bool = True,
    values: bool = False,
    readout_bits: int | None = None,
) -> list[QuantizedLayer]:
    """Quantize every layer of a pruned model.

    model    before pruning: what the codes together should do
    order    name in ``ORDERS``; all but "prune-first" need a method with an objective
    bias     whether methods with an objective may move the biases
    values   the read-out is read as values: each output may have a scale of its own. Outputs that
             are compared, as a decision does, share one
    readout_bits   of a code of the read-out; None for those of ``grid``

    Raises ``InputError`` for unknown names.
    """
    quantizer = find_quantizer(method)
    if order not in ORDERS:
        raise InputError(f"an order must be one of {', '.join(ORDERS)}, not {order!r}")
    if quantizer.objective is None and order != "prune-first":
        raise InputError(
            f"the order must be 'prune-first' with the quantizer {method!r}, not {order!r}: "
            "the others compare errors by a Hessian"
        )
    quantized = []
    for found, layer in zip(statistics.layers, pruned, strict=True):
        reads_out = layer.layer.target == model.readout.population
        bits = readout_bits if reads_out else None
        mine = grid if bits is None else replace(grid, bits=bits)
        shared = reads_out and not values
        quantized.append(
            _quantize_layer(model, found, layer, quantizer, mine, order, bias, shared=shared)
        )
    return quantized


def _quantize_layer(
    model: Model,
    statistics: LayerStatistics,
    pruned: PrunedLayer,
    quantizer: Quantizer,
    grid: Grid,
    order: str,
    with_bias: bool,
    *,
    shared: bool,
) -> QuantizedLayer:
    layer = pruned.layer
    shifts = _relative_shifts(layer, pruned.weights, grid)
    units = _column_units(layer, shifts)
    kept = int(with_bias)

    def padded(values: Tensor, value: float = 0.0) -> Tensor:
        """A column for the bias, if it may move."""
        return torch.nn.functional.pad(values, (0, kept), value=value)

    present = padded(pruned.weights / units)
    bias = layer.per_row(pruned.bias.numpy())
    if with_bias:
        present[:, -1] = bias
    wanted = padded(weights_of(model, layer) / units)
    masks = padded(pruned.masks, value=1.0)
    size = padded(units, value=1.0)
    thresholds = thresholds_of(model, layer)
    n = layer.fan_in + kept
    groups = [(torch.arange(layer.rows), torch.eye(n, dtype=torch.float64))]
    if quantizer.objective is not None:
        groups = [
            (g.rows, obs.damped(g.hessian[:n, :n]) * size * size[:, None])
            for g in statistics.of(quantizer.objective)
        ]
        for rows, hessian in groups:
            # Another objective than the pruner's wants other weights for the same masks.
            present[rows] = obs.compensate(hessian, wanted[rows], masks[rows])
    weighting = torch.ones(layer.fan_in, dtype=torch.float64)
    if grid.range == "hessian":
        weighting = torch.stack([importance(h)[: layer.fan_in] for _, h in groups]).mean(dim=0)
    scale = grid.scales(present[:, : layer.fan_in], weighting, shared)
    codes = torch.zeros_like(pruned.weights)
    # A scale that is shared must be the same in every group, so only one group may refit it.
    together = shared or grid.granularity == "layer"
    fixed = together and len(groups) > 1
    parts = SEARCHED if grid.range == "search" and not fixed else (1.0,)
    for rows, hessian in groups:
        task = Rows(hessian, present[rows], masks[rows], scale[rows], grid, kept, together, fixed)
        found: Coded | None = None
        for part in parts:
            tried = replace(task, scale=grid.snapped(part * scale[rows]))
            problem = Problem(tried, wanted[rows], thresholds[rows])
            coded = ORDERS[order](problem, ROW_QUANTIZERS[quantizer.rows])
            found = coded if found is None else problem.better(found, coded)
        assert found is not None
        solved = found
        codes[rows], scale[rows] = solved.codes[:, : layer.fan_in], solved.scale
        if with_bias:
            bias[rows] = solved.free[:, 0]
    return QuantizedLayer(layer, codes, scale, shifts, layer.per_neuron(bias), grid)


def quantized_model(model: Model, quantized: Sequence[QuantizedLayer]) -> Model:
    """``model`` (before pruning) with the weights that the codes stand for."""
    return with_weights(
        model, [q.layer for q in quantized], [(q.weights(), q.bias) for q in quantized]
    )


def connections_of(quantized: Sequence[QuantizedLayer]) -> tuple[QuantizedConnection, ...]:
    """All connections, in the order of the model."""
    found: dict[int, QuantizedConnection] = {}
    for layer in quantized:
        found |= layer.connections()
    return tuple(found[i] for i in sorted(found))
