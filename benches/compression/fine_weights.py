"""Pruned weights that are not rounded to 4 bits, in integers: what pruning alone does to the board.

A weight becomes a code of 8 bits, two synapses side by side. It takes twice the memory, and is a
measurement, not a way to compress.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgesnn.compress.grid import Grid
from edgesnn.compress.prune import PrunedLayer, pruned_model
from edgesnn.compress.quantize import connections_of, quantize
from edgesnn.compress.settings import FINE_BITS
from edgesnn.compress.statistics import collect
from edgesnn.compress.to_integers import to_integers
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.network import EventLimit, Network

STATE_BITS = 24


def fine_network(
    model: Model, pruned: Sequence[PrunedLayer], events: EventWindows, limit: EventLimit
) -> Network:
    """The pruned model in integers; weights within 1/238 of the largest one of their neuron.

    Raises ``DesignRuleError`` if membranes of 24 bits could overflow.
    """
    kept = pruned_model(model, pruned)
    of_kept = collect(kept, events, objectives=())
    fine = quantize(kept, of_kept, pruned, "nearest", Grid(FINE_BITS, range="max"))
    return to_integers(kept, connections_of(fine), of_kept, limit, STATE_BITS).network
