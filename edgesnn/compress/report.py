"""What a compression cost: layer by layer, step by step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LayerReport:
    """One connection.

    weights        of the dense matrix
    synapses       that are left (codes that are not 0)
    sparsity       1 - synapses / weights
    weight_error   root of the squared error of the weights by rounding, relative to their size
    weight_shift   of the network
    """

    name: str
    weights: int
    synapses: int
    sparsity: float
    weight_error: float
    weight_shift: int


@dataclass(frozen=True)
class PopulationReport:
    """Firing rates of one population, spikes per neuron and step, on the calibration samples."""

    name: str
    size: int
    membrane_bits: int
    float_rate: float
    network_rate: float


@dataclass(frozen=True)
class StageReport:
    """Accuracy after one step; None where there were no labelled samples to evaluate on."""

    name: str
    accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class CompressionReport:
    """All of it; :meth:`as_json` gives JSON values."""

    sparsity: float
    num_synapses: int
    tuned_epochs: int
    layers: tuple[LayerReport, ...]
    populations: tuple[PopulationReport, ...]
    stages: tuple[StageReport, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
