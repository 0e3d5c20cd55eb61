"""What a compression cost: layer by layer, step by step."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class LayerReport:
    """One connection.

    weights             parameters: of the dense matrix, or of the kernel
    kept                parameters that are left (codes that are not 0)
    sparsity            1 - kept / weights
    synapses            in the network; a kernel's parameter makes many
    bits_per_synapse    in the memory image of one lane, row starts and row ends included
    weight_error        norm of the change of the weights, relative to theirs
    weight_shift        of the network
    """

    name: str
    weights: int
    kept: int
    sparsity: float
    synapses: int
    bits_per_synapse: float
    weight_error: float
    weight_shift: int


@dataclass(frozen=True)
class PopulationReport:
    """One population: network against model, on the calibration samples.

    float_rate, network_rate   spikes per neuron and step
    membrane_error, van_rossum_error, cka   of :class:`edgesnn.compress.measure.PopulationDistance`
    exact_decays               whether each neuron's own decay was in the Hessian (None: no Hessian)
    """

    name: str
    size: int
    membrane_bits: int
    float_rate: float
    network_rate: float
    membrane_error: float
    van_rossum_error: float | None
    cka: float
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
    agreement_before, _after  share of calibration windows on which network and model decide alike,
                              likewise
    spikes_per_inference, sops_per_inference   of the network, on the evaluation samples or, without
                              them, on the calibration samples
    boards                    for each board what is short, empty if the network fits
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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def accuracy(self, stage: str) -> float | None:
        """Accuracy after the step of that name; None if it was not measured."""
        return next((s.accuracy for s in self.stages if s.name == stage), None)
