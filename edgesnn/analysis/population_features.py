"""What populations tell apart: gram matrices of their activity, for :mod:`edgesnn.analysis.cka`.

Here of a network in integers, as the simulator runs it; of a model in floating point they are those
of :func:`edgesnn.analysis.module_features.model_grams`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgesnn.analysis.cka import batches, gram
from edgesnn.analysis.spike_trains import filtered
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.network import Network
from edgesnn.number_format import DECAY_ONE
from edgesnn.simulator import Simulator

Values = npt.NDArray[np.float64]
#: Windows that are looked at together; memory grows with it, and with its square.
BATCH_SIZE = 256


class Signal(StrEnum):
    """What of a population is its representation, in every time step.

    SPIKES   0 or 1
    TRACES   spikes through an exponential filter with each neuron's own decay (van Rossum): trains
             that differ by a step or two are alike
    V        the membrane before reset and decay, in units of each neuron's threshold

    A population that cannot fire, as most read-outs, always gives ``v`` as it is.
    """

    SPIKES = "spikes"
    TRACES = "traces"
    V = "v"


def represented(
    signal: Signal, spiking: bool, spikes: Values, v: Values, threshold: Values, decay: Values
) -> Values:
    """The representation [..., time_step, neuron] that ``signal`` names.

    spikes, v          [..., time_step, neuron]
    threshold, decay   [neuron]; decay is a factor 0..1
    """
    if not spiking:
        return v
    if signal is Signal.V:
        return v / threshold
    return filtered(spikes, decay) if signal is Signal.TRACES else spikes


def named_grams(features: Mapping[str, npt.ArrayLike], by_step: bool) -> dict[str, Values]:
    """:func:`gram` of each layer, from features [n, time_step, ...].

    by_step   each time step by itself, as a layer ``NAME @ STEP``
    """
    if not by_step:
        return {name: gram(of) for name, of in features.items()}
    return {
        f"{name} @ {number}": gram(step)
        for name, of in features.items()
        for number, step in enumerate(np.moveaxis(np.asarray(of), 1, 0))
    }


def chosen_names(known: Sequence[str], wanted: Sequence[str] | None, what: str) -> list[str]:
    """``wanted`` in its order, or all; ``InputError`` that lists the known ones."""
    for name in wanted or ():
        if name not in known:
            raise InputError(f"a {what} must be one of {', '.join(known)}, not {name!r}")
    return list(known if wanted is None else dict.fromkeys(wanted))


def network_grams(
    network: Network,
    events: EventWindows,
    populations: Sequence[str] | None = None,
    *,
    signal: Signal = Signal.SPIKES,
    by_step: bool = False,
    batch_size: int = BATCH_SIZE,
) -> Iterator[dict[str, Values]]:
    """Gram matrices of populations of neurons (all by default), batch by batch.

    by_step   as in :func:`named_grams`

    Raises ``InputError`` if a population is not known, and for fewer windows than CKA needs.
    """
    neurons = {p.name: p for p in network.neurons}
    names = chosen_names(list(neurons), populations, "population")
    simulator = Simulator(network)
    for part in batches(len(events), batch_size):
        streams = (events.stream(window) for window in range(part.start, part.stop))
        runs = [simulator.record(stream, names)[0] for stream in streams]
        yield named_grams(
            {
                name: represented(
                    signal,
                    neurons[name].spiking,
                    np.stack([run[name].spikes for run in runs]).astype(np.float64),
                    np.stack([run[name].values for run in runs]).astype(np.float64),
                    neurons[name].threshold.astype(np.float64),
                    neurons[name].decay / DECAY_ONE,
                )
                for name in names
            },
            by_step,
        )
