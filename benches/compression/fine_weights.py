"""Pruned weights that are not rounded to 4 bits, in integers: what pruning alone does to the board.

A weight becomes a code of 8 bits and that two synapses of 4: one with the upper half of the code
in a connection whose ``weight_shift`` is larger by 4, one with the lower half beside it. Networks
may join two populations by several connections, so every executor runs it; it takes twice the
synapses, and is a measurement, not a way to compress.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edgesnn import design_rules
from edgesnn.compress.prune import PrunedLayer, pruned_model
from edgesnn.compress.quantize import QuantizedConnection
from edgesnn.compress.statistics import collect
from edgesnn.compress.to_integers import to_integers
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.network import Connection, EventLimit, Network
from edgesnn.number_format import WEIGHT_CODE
from edgesnn.synapses import Synapses

HALF_BITS = 4
#: The largest code: its upper half leaves room for one more, by which overflow is judged.
LARGEST_CODE = (WEIGHT_CODE.maximum - 1 << HALF_BITS) + WEIGHT_CODE.maximum
STATE_BITS = 24


def halves(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower half, int8, so that ``codes == 16 * upper + lower``; both are -8..7."""
    lower = (codes - WEIGHT_CODE.minimum) % (1 << HALF_BITS) + WEIGHT_CODE.minimum
    return ((codes - lower) >> HALF_BITS).astype(np.int8), lower.astype(np.int8)


def fine_network(
    model: Model, pruned: Sequence[PrunedLayer], events: EventWindows, limit: EventLimit
) -> Network:
    """The pruned model in integers; weights within 1/206 of the largest one of their neuron.

    Raises ``DesignRuleError`` if membranes of 24 bits could overflow.
    """
    kept = pruned_model(model, pruned)
    bounds: dict[int, QuantizedConnection] = {}
    parts: dict[int, tuple[Synapses, Synapses]] = {}
    for p in pruned:
        scale = _scale(p.weights, shared=p.layer.target == model.readout.population)
        codes = (p.weights / scale[:, None]).round().numpy().astype(np.int64)
        per_neuron = p.layer.per_neuron(scale).numpy() * (1 << HALF_BITS)
        for i, columns in zip(p.layer.connections, p.layer.columns(), strict=True):
            mine = codes[:, columns].T
            upper, lower = (
                Synapses.from_dense(model.connections[i].expand(half)) for half in halves(mine)
            )
            parts[i] = upper, lower
            # Both halves together add less than an upper half that is larger by one.
            bound = (halves(mine)[0] + np.sign(mine)).astype(np.int8)
            bounds[i] = QuantizedConnection(bound, per_neuron, shift=0)
    network = to_integers(
        kept,
        tuple(bounds[i] for i in sorted(bounds)),
        collect(kept, events, objectives=()),
        limit,
        STATE_BITS,
    ).network
    shifts = {(c.source, c.target): c.weight_shift for c in network.connections}
    connections = [
        Connection(c.source, c.target, synapses, shifts[c.source, c.target] - late)
        for i, c in enumerate(model.connections)
        for synapses, late in zip(parts[i], (0, HALF_BITS), strict=True)
    ]
    network = replace(network, connections=tuple(connections))
    design_rules.check(network)
    return network


def _scale(weights: Tensor, shared: bool) -> Tensor:
    """What a code of 1 stands for, float64 [rows]; 1 for rows without weights."""
    largest = weights.abs().amax(dim=1)
    if shared:
        largest = largest.max().expand_as(largest)
    return torch.where(largest > 0, largest / LARGEST_CODE, torch.ones_like(largest))
