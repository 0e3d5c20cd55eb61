"""Small models and samples that the tests of the compressor share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgesnn.connections import AnyConnection, ConvConnection, ModelConnection
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.neuron import ResetMode

STEPS = 12


def population(
    name: str,
    size: int,
    decay: object = 0.875,
    *,
    spiking: bool = True,
    reset_mode: ResetMode = ResetMode.SUBTRACT,
    synaptic_decay: object = None,
    bias: object = 0.0,
) -> ModelPopulation:
    """``size`` neurons; decays and bias are one number for all, or one for each."""
    full = np.ones(size, np.float32)
    return ModelPopulation(
        name,
        threshold=full,
        decay=full * np.asarray(decay, np.float32),
        bias=full * np.asarray(bias, np.float32),
        spiking=spiking,
        reset_mode=reset_mode,
        synaptic_decay=None
        if synaptic_decay is None
        else full * np.asarray(synaptic_decay, np.float32),
    )


def model_of(
    inputs: int, populations: list[ModelPopulation], connections: list[AnyConnection]
) -> Model:
    """A model whose last population is the read-out, by the sum of its membranes."""
    everything = (InputPopulation("input", inputs), *populations)
    readout = Readout(len(populations), ReadoutRule.MEMBRANE_SUM, STEPS)
    info = {"encoder": {"kind": "event", "channels": inputs, "max_events": 1}}
    return Model(everything, tuple(connections), readout, info)


def random_weights(*shape: int, seed: int = 0, gain: float = 1.0) -> np.ndarray:
    """Normal weights for a fan-in of ``shape[0]`` that make neurons fire now and then."""
    rng = np.random.default_rng(seed)
    return (gain * rng.normal(0.2, 1.0, shape) / np.sqrt(shape[0])).astype(np.float32)


def feed_forward(
    inputs: int = 20, hidden: int = 16, classes: int = 4, decay: object = 0.875
) -> Model:
    """input -> hidden -> output, with random weights."""
    return model_of(
        inputs,
        [population("hidden", hidden, decay), population("output", classes, 0.95, spiking=False)],
        [
            ModelConnection(0, 1, random_weights(inputs, hidden, seed=1)),
            ModelConnection(1, 2, random_weights(hidden, classes, seed=2)),
        ],
    )


def recurrent(inputs: int = 20, hidden: int = 16, decay: object = 0.875) -> Model:
    """As :func:`feed_forward`, with hidden -> hidden."""
    plain = feed_forward(inputs, hidden, decay=decay)
    loop = ModelConnection(1, 1, random_weights(hidden, hidden, seed=3, gain=0.5))
    return Model(plain.populations, (*plain.connections, loop), plain.readout, plain.info)


def current_based(inputs: int = 20, hidden: int = 16) -> Model:
    """As :func:`recurrent`, with synaptic currents in the middle, of two decays."""
    plain = recurrent(inputs, hidden)
    middle = plain.populations[1]
    assert isinstance(middle, ModelPopulation)
    synaptic = np.where(np.arange(hidden) % 2, 0.25, 0.75).astype(np.float32)
    populations = (plain.populations[0], replace(middle, synaptic_decay=synaptic))
    return replace(plain, populations=(*populations, plain.populations[2]))


def convolutional() -> Model:
    """2 x 6 x 6 events -> pooled by 2, 3 channels of 2 x 2 kernels -> output."""
    kernel = random_weights(3, 2, 2, 2, seed=4)
    convolution = ConvConnection(0, 1, kernel, (2, 6, 6), pool=(2, 2))
    return model_of(
        72,
        [population("maps", 12), population("output", 4, 0.95, spiking=False)],
        [convolution, ModelConnection(1, 2, random_weights(12, 4, seed=5))],
    )


def events(
    inputs: int, windows: int = 30, steps: int = STEPS, rate: float = 0.3, seed: int = 0
) -> EventWindows:
    """Random events, at most one for each source and step; some sources fire more than others."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.2, 1.8, inputs) * rate
    return EventWindows.from_rasters(
        (rng.random((windows, steps, inputs)) < rates).astype(np.uint8)
    )
