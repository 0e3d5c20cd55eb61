"""What a recipe is: data, encoder, network and training settings that belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from edgesnn.encoders import AnyEncoder, encoder_to_info
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings


class RecipeData(NamedTuple):
    """The data of a recipe; held-out windows are for measuring only, never for a choice."""

    training: LabelledEvents
    held_out: LabelledEvents


#: Called with (windows done, all), where they take long to make.
LoadProgress = Callable[[int, int], None]


class Loader(Protocol):
    """Gives the data as events. ``data`` is a folder with data sets, None the usual places.

    Raises ``InputError`` if they are not there.
    """

    def __call__(
        self, data: Path | None = None, progress: LoadProgress | None = None, /
    ) -> RecipeData: ...


class Recorder(Protocol):
    """Gives held-out (or training) windows as a sensor's samples, at most 1,000 of them."""

    def __call__(self, data: Path | None = None, held_out: bool = True) -> Samples: ...


@dataclass(frozen=True)
class Recipe:
    """Everything from data to a trained model.

    name, summary   for the command line
    load            the data as events; the split is fixed
    recordings      the same as samples, for streaming
    encoder         samples to events
    labels          names of the classes
    hidden_sizes    neurons of the hidden populations
    decays          of hidden neurons at the start: time constants -1 / ln(decay) are spread
                    log-uniformly between those of the two; equal: all alike
    readout_decay   of the read-out population
    window_samples  samples that one decision takes
    readout_rule    how the read-out population decides
    settings        of training
    recurrent       each hidden population also sends to itself
    synaptic_decay  makes hidden populations current-based, with this decay at the start
    input_gain      standard deviation of the first weights, times the square root of half the
                    number of sources; more where few sources send
    step_seconds    what a time step lasts, where that means something
    """

    name: str
    summary: str
    load: Loader
    recordings: Recorder
    encoder: AnyEncoder
    labels: tuple[str, ...]
    hidden_sizes: tuple[int, ...]
    decays: tuple[float, float]
    readout_decay: float
    window_samples: int
    readout_rule: ReadoutRule
    settings: TrainingSettings
    recurrent: bool = False
    synaptic_decay: float | None = None
    input_gain: float = 1.0
    step_seconds: float | None = None

    def initial_model(self, seed: int) -> Model:
        """The network with random weights, and the encoder in its info."""
        rng = np.random.default_rng(seed)
        sizes = [self.encoder.num_sources, *self.hidden_sizes, len(self.labels)]
        populations: list[InputPopulation | ModelPopulation] = [InputPopulation("input", sizes[0])]
        connections = []
        for i, (before, size) in enumerate(pairwise(sizes)):
            last = i == len(sizes) - 2
            gain = self.input_gain if i == 0 else 1.0
            connections.append(_random_weights(rng, i, i + 1, before, size, gain))
            populations.append(
                self._readout(size) if last else self._hidden(f"hidden{i + 1}", size, rng)
            )
            if self.recurrent and not last:
                connections.append(_random_weights(rng, i + 1, i + 1, size, size, 0.3))
        info: dict[str, Any] = {
            "encoder": encoder_to_info(self.encoder),
            "labels": list(self.labels),
            "recipe": self.name,
            "seed": seed,
        }
        if self.step_seconds is not None:
            info["step_seconds"] = self.step_seconds
        window_steps = self.window_samples * self.encoder.steps_per_sample
        readout = Readout(len(populations) - 1, self.readout_rule, window_steps)
        return Model(tuple(populations), tuple(connections), readout, info)

    def _hidden(self, name: str, size: int, rng: np.random.Generator) -> ModelPopulation:
        return ModelPopulation(
            name,
            threshold=np.ones(size, np.float32),
            decay=_spread(self.decays, size, rng),
            bias=np.zeros(size, np.float32),
            synaptic_decay=None
            if self.synaptic_decay is None
            else np.full(size, self.synaptic_decay, np.float32),
        )

    def _readout(self, size: int) -> ModelPopulation:
        return ModelPopulation(
            "output",
            threshold=np.ones(size, np.float32),
            decay=np.full(size, self.readout_decay, np.float32),
            bias=np.zeros(size, np.float32),
            spiking=False,
        )


def _random_weights(
    rng: np.random.Generator, source: int, target: int, before: int, size: int, gain: float
) -> ModelConnection:
    weights = rng.normal(0, gain * np.sqrt(2 / before), (before, size))
    return ModelConnection(source, target, weights.astype(np.float32))


def _spread(
    decays: tuple[float, float], size: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """One decay for each neuron; heterogeneous time constants serve signals of many speeds.

    Source: N. Perez-Nieves et al., Neural heterogeneity promotes robust learning, Nature
    Communications 12:5791, 2021.
    """
    low, high = decays
    if low == high:
        return np.full(size, low, np.float32)
    shortest, longest = (-1 / np.log(decay) for decay in decays)
    steps = np.exp(rng.uniform(np.log(shortest), np.log(longest), size))
    decay: npt.NDArray[np.float32] = np.exp(-1 / steps).astype(np.float32)
    return decay
