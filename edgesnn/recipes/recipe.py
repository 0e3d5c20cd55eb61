"""What a recipe is, and the plain feed-forward network that recipes start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from edgesnn.encoders import DeltaEncoder, RateEncoder, encoder_to_info
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.samples import Samples
from edgesnn.train.settings import TrainingSettings


@dataclass(frozen=True)
class Recipe:
    """Everything from data to a trained model.

    name, summary   for the command line
    load            (training samples, held-out samples); the split is fixed
    encoder         samples to events
    labels          names of the classes
    hidden_sizes    neurons of the hidden populations
    decay           of hidden neurons and of the read-out, at the start
    readout_rule    how the read-out population decides
    settings        of training
    """

    name: str
    summary: str
    load: Callable[[], tuple[Samples, Samples]]
    encoder: RateEncoder | DeltaEncoder
    labels: tuple[str, ...]
    hidden_sizes: tuple[int, ...]
    decay: float
    window_samples: int
    readout_rule: ReadoutRule
    settings: TrainingSettings

    def initial_model(self, seed: int) -> Model:
        """A feed-forward network with random weights, and the encoder in its info."""
        rng = np.random.default_rng(seed)
        sizes = [self.encoder.num_sources, *self.hidden_sizes, len(self.labels)]
        populations: list[InputPopulation | ModelPopulation] = [InputPopulation("input", sizes[0])]
        connections = []
        for i, (before, size) in enumerate(pairwise(sizes)):
            last = i == len(sizes) - 2
            populations.append(
                ModelPopulation(
                    "output" if last else f"hidden{i + 1}",
                    threshold=np.ones(size, np.float32),
                    decay=np.full(size, self.decay, np.float32),
                    bias=np.zeros(size, np.float32),
                    spiking=not last,
                )
            )
            weights = rng.normal(0, np.sqrt(2 / before), (before, size)).astype(np.float32)
            connections.append(ModelConnection(i, i + 1, weights))
        info: dict[str, Any] = {
            "encoder": encoder_to_info(self.encoder),
            "labels": list(self.labels),
            "recipe": self.name,
            "seed": seed,
        }
        window_steps = self.window_samples * self.encoder.steps_per_sample
        readout = Readout(len(populations) - 1, self.readout_rule, window_steps)
        return Model(tuple(populations), tuple(connections), readout, info)
