"""Samples in, decisions out, one after the other, on any executor."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.backends.base import Backend
from edgesnn.encoders import Encoder
from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.run_result import Counters
from edgesnn.samples import Samples


@dataclass(frozen=True, eq=False)
class Decision:
    """The answer of one window.

    window         index, from 0
    decision       index into the read-out population, or None
    accumulators   int64 [read-out size]
    counters       of this window
    seconds        from the first sample of the window to the answer
    """

    window: int
    decision: int | None
    accumulators: npt.NDArray[np.int64]
    counters: Counters
    seconds: float


def samples_per_window(network: Network | Model, encoder: Encoder) -> int:
    """Samples that one decision takes.

    Raises ``InputError`` if encoder and read-out window do not go together.
    """
    samples, rest = divmod(network.readout.window_steps, encoder.steps_per_sample)
    if rest or encoder.num_sources != network.num_inputs:
        raise InputError(
            f"the encoder must give {network.num_inputs} sources and divide the window of "
            f"{network.readout.window_steps} steps, not {encoder.num_sources} sources in "
            f"{encoder.steps_per_sample} steps"
        )
    return samples


def check_windows(network: Network | Model, encoder: Encoder, samples: Samples) -> None:
    """Raise ``InputError`` unless each window of ``samples`` fills the network's window."""
    needed = samples_per_window(network, encoder)
    found = samples.windows.shape[1]
    if found != needed:
        raise InputError(
            f"a window must hold {needed} sample(s) (shape [windows, {needed}, "
            f"{encoder.channels}]) for the network's {network.readout.window_steps} steps, "
            f"not {found}"
        )


def stream_decisions(
    network: Network,
    encoder: Encoder,
    backend: Backend,
    samples: Iterable[Sequence[float] | npt.NDArray[np.float32]],
) -> Iterator[Decision]:
    """Encode each sample, run it, and give the decision at the end of each window.

    The backend has ``network`` loaded. Every window starts from reset, network and encoder alike;
    a last window that is not complete gives no decision.
    """
    needed = samples_per_window(network, encoder)
    window = taken = 0
    for sample in samples:
        if not taken:
            backend.reset()
            state, counters, began = encoder.initial_state(), Counters(), time.perf_counter()
        events, state = encoder.encode(sample, state)
        result = backend.run(events)
        counters += result.counters
        taken += 1
        if taken == needed:
            seconds = time.perf_counter() - began
            yield Decision(window, result.decision, result.accumulators, counters, seconds)
            window, taken = window + 1, 0
