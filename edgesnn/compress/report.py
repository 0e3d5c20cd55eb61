"""What a compression cost: layer by layer, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.analysis.cka import LayerCka


@dataclass(frozen=True)
class LayerReport:
    """One connection, or all of them together.

    weights             parameters: of the dense matrix, or of the kernel
    kept                parameters that are left (codes that are not 0)
    sparsity            1 - kept / weights
    synapses            in the network; a kernel's parameter makes many, a code of 8 bits two
    bits_per_synapse    in the memory image of one lane, row starts and row ends included
    dense_bits, indexed_bits, entropy_bits   the same in other forms:
                        :class:`edgesnn.compress.storage.BitsPerSynapse`
    weight_error        norm of the change of the weights, relative to theirs
    weight_norm         norm of the weights before
    weight_shift        of the network, of lower halves of 8 bits; None for all together
    """

    name: str
    weights: int
    kept: int
    sparsity: float
    synapses: int
    bits_per_synapse: float
    dense_bits: float
    indexed_bits: float
    entropy_bits: float
    weight_error: float
    weight_norm: float
    weight_shift: int | None


@dataclass(frozen=True)
class PopulationReport:
    """One population: network against model, on the calibration samples.

    float_rate, network_rate   spikes per neuron and step
    float_spikes, network_spikes   spikes of all its neurons in a window
    float_sops, network_sops   synaptic operations in a window: additions of a weight that is not 0
                               to a membrane of this population
    membrane_error, van_rossum_error, cka   of :class:`edgesnn.compress.measure.PopulationDistance`
    exact_decays               whether each neuron's own decay was in the Hessian (None: no Hessian)
    """

    name: str
    size: int
    membrane_bits: int
    float_rate: float
    network_rate: float
    float_spikes: float
    network_spikes: float
    float_sops: float
    network_sops: float
    membrane_error: float
    van_rossum_error: float | None
    cka: float | None
    exact_decays: bool | None


@dataclass(frozen=True)
class StageReport:
    """Accuracy after one step; None where there were no labelled samples to evaluate on."""

    name: str
    accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class CompressionReport:
    """All of it; :meth:`as_json` gives JSON values.

    sparsity                  of all parameters
    num_synapses              of the network
    bits_per_synapse          of the whole memory image of one lane
    rate_error_before, _after of the correction of thresholds, on the calibration samples; None
                              without it
    spikes_per_inference, sops_per_inference   of the network, on the evaluation samples or, without
                              them, on the calibration samples
    boards                    for each board what is short, empty if the network fits
    agreement_before, _after  share of calibration windows on which network and model decide alike,
                              before and after that correction
    """

    sparsity: float
    num_synapses: int
    bits_per_synapse: float
    state_bits: int
    fine_tune_epochs: int
    rate_error_before: float | None
    rate_error_after: float | None
    spikes_per_inference: float
    sops_per_inference: float
    settings: dict[str, Any]
    layers: tuple[LayerReport, ...]
    populations: tuple[PopulationReport, ...]
    stages: tuple[StageReport, ...]
    boards: dict[str, list[str]] = field(default_factory=dict)
    agreement_before: float | None = None
    agreement_after: float | None = None

    def total(self) -> LayerReport:
        """All connections together."""
        weights = sum(c.weights for c in self.layers)
        kept = sum(c.kept for c in self.layers)
        norm = sqrt(sum(c.weight_norm**2 for c in self.layers))
        change = sqrt(sum((c.weight_error * c.weight_norm) ** 2 for c in self.layers))
        return LayerReport(
            name="all",
            weights=weights,
            kept=kept,
            sparsity=self.sparsity,
            synapses=self.num_synapses,
            bits_per_synapse=self.bits_per_synapse,
            dense_bits=self._mean_bits([c.dense_bits for c in self.layers]),
            indexed_bits=self._mean_bits([c.indexed_bits for c in self.layers]),
            entropy_bits=self._mean_bits([c.entropy_bits for c in self.layers]),
            weight_error=change / (norm or 1.0),
            weight_norm=norm,
            weight_shift=None,
        )

    def _mean_bits(self, bits: Sequence[float]) -> float:
        """Bits per synapse of all connections together."""
        together = sum(b * c.synapses for b, c in zip(bits, self.layers, strict=True))
        return together / max(self.num_synapses, 1)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "total": asdict(self.total())}

    def accuracy(self, stage: str) -> float | None:
        """Accuracy after the step of that name; None if it was not measured."""
        return next((s.accuracy for s in self.stages if s.name == stage), None)


@dataclass(frozen=True, eq=False)
class RatesOf:
    """One spiking population, float64 [size] each: spikes per step of every neuron."""

    name: str
    model: npt.NDArray[np.float64]
    network: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumbersOf:
    """Integers of the network that have a name."""

    name: str
    values: npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class PictureData:
    """What the pictures show beyond the report: a value for each neuron or synapse.

    rates        of each spiking population, on the calibration samples
    codes        of each connection, one for each synapse
    thresholds   of each spiking population, units of its membranes
    similarity   of each population of the model (rows) to each of the network, on the windows of
                 the report's distances; None for fewer windows than CKA needs
    """

    rates: tuple[RatesOf, ...]
    codes: tuple[NumbersOf, ...]
    thresholds: tuple[NumbersOf, ...]
    similarity: LayerCka | None = None
