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
#: The largest code whose upper and lower half are weight codes: 7 * 16 + 7.
LARGEST_CODE = (WEIGHT_CODE.maximum << HALF_BITS) + WEIGHT_CODE.maximum
STATE_BITS = 24


def halves(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower half, int8, so that ``codes == 16 * upper + lower``; both are -8..7."""
    lower = (codes - WEIGHT_CODE.minimum) % (1 << HALF_BITS) + WEIGHT_CODE.minimum
    return ((codes - lower) >> HALF_BITS).astype(np.int8), lower.astype(np.int8)


def fine_network(
    model: Model, pruned: Sequence[PrunedLayer], events: EventWindows, limit: EventLimit
) -> Network:
    """The pruned model in integers; weights within 1/238 of the largest one of their neuron.

    Raises ``DesignRuleError`` if membranes of 24 bits could overflow.
    """
    kept = pruned_model(model, pruned)
    upper: dict[int, QuantizedConnection] = {}
    lower: dict[int, Synapses] = {}
    for p in pruned:
        scale = _scale(p.weights, shared=p.layer.target == model.readout.population)
        codes = (p.weights / scale[:, None]).round().numpy().astype(np.int64)
        per_neuron = p.layer.per_neuron(scale).numpy() * (1 << HALF_BITS)
        for i, columns in zip(p.layer.connections, p.layer.columns(), strict=True):
            of_upper, of_lower = halves(codes[:, columns].T)
            upper[i] = QuantizedConnection(of_upper, per_neuron, shift=0)
            lower[i] = Synapses.from_dense(model.connections[i].expand(of_lower))
    network = to_integers(
        kept,
        tuple(upper[i] for i in sorted(upper)),
        collect(kept, events, objectives=()),
        limit,
        STATE_BITS,
    ).network
    shifts = {(c.source, c.target): c.weight_shift for c in network.connections}
    beside = tuple(
        Connection(c.source, c.target, lower[i], shifts[c.source, c.target] - HALF_BITS)
        for i, c in enumerate(model.connections)
    )
    network = replace(network, connections=network.connections + beside)
    design_rules.check(network)
    return network


def _scale(weights: Tensor, shared: bool) -> Tensor:
    """What a code of 1 stands for, float64 [rows]; 1 for rows without weights."""
    largest = weights.abs().amax(dim=1)
    if shared:
        largest = largest.max().expand_as(largest)
    return torch.where(largest > 0, largest / LARGEST_CODE, torch.ones_like(largest))
