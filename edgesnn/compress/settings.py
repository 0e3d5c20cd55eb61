"""How to compress; apart from the compressor, so that it can be read without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from edgesnn.errors import InputError
from edgesnn.number_format import STATE_BITS

#: Names of the tables ALLOCATORS, PRUNERS, QUANTIZERS and ORDERS, and of the fields of Grid.
ALLOCATIONS = ("lamps", "uniform", "global-magnitude")
PRUNER_NAMES = ("sbc", "obc", "activity", "magnitude")
QUANTIZER_NAMES = ("sbc-descent", "sbc", "obc-descent", "obc", "nearest")
ORDER_NAMES = ("prune-first", "quantize-first", "joint")
GRANULARITIES = ("row", "layer", "power-of-two")
RANGES = ("mse", "hessian", "max", "search")
BITS = (2, 3, 4)
#: Of a code that two synapses of 4 bits hold, side by side.
FINE_BITS = 8
READOUT_BITS = (None, *BITS, FINE_BITS)
#: Different Hessians of one layer, at most.
MAX_GROUPS = 8


@dataclass(frozen=True)
class CompressionSettings:
    """How to compress.

    sparsity          share of weights to remove, 0 <= sparsity < 1
    allocation        how it is shared out over the layers
    lamps_exponent    p of the allocation "lamps"
    pruner            how weights are chosen: "sbc" and "obc" by what their removal costs the
                      membrane, or the input current, and the rest makes up for it; "magnitude" and
                      "activity" are baselines
    max_sops          synaptic operations of a time step, at most, in the mean of the calibration
                      samples; of equally many weights those stay that are read more seldom. None
                      for any number
    quantizer         how weights become codes: by the same two errors, one column after the other
                      or by descent on the codes; "nearest" is the baseline
    order             of pruning and quantization, or both jointly
    bits              of a code
    readout_bits      of a code of the read-out; None takes ``bits``. Those of 8 become two synapses
                      of 4 bits each, side by side
    granularity       which weights share a scale
    range             how the end of the scale is chosen
    bias_correction   the second-order methods may move the biases
    match_rates       correct thresholds and read-out biases on the calibration samples
    fine_tune_epochs  epochs of training through the rounding, with fixed masks; 0 for none
    fine_tune_rate    learning rate of that training
    state_bits        width of the state word; None takes the narrowest that is fine enough
    max_groups        different Hessians of one layer, at most
    threads           of PyTorch and the simulator
    seed              of the fine-tuning

    Raises ``InputError`` for values that cannot work, with those that can.
    """

    sparsity: float = 0.8
    allocation: str = "lamps"
    lamps_exponent: float = 2.0
    pruner: str = "sbc"
    max_sops: float | None = None
    quantizer: str = "sbc-descent"
    order: str = "prune-first"
    bits: int = 4
    readout_bits: int | None = None
    granularity: str = "row"
    range: str = "mse"
    bias_correction: bool = True
    match_rates: bool = True
    fine_tune_epochs: int = 0
    fine_tune_rate: float = 1e-3
    state_bits: int | None = None
    max_groups: int = MAX_GROUPS
    threads: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise InputError(f"sparsity must be at least 0 and below 1, not {self.sparsity}")
        choices: dict[str, tuple[object, ...]] = {
            "allocation": ALLOCATIONS,
            "pruner": PRUNER_NAMES,
            "quantizer": QUANTIZER_NAMES,
            "order": ORDER_NAMES,
            "bits": BITS,
            "readout_bits": READOUT_BITS,
            "granularity": GRANULARITIES,
            "range": RANGES,
            "state_bits": (None, *STATE_BITS),
        }
        for name, known in choices.items():
            value = getattr(self, name)
            if value not in known or not (
                value is None or isinstance(value, str) or _is_int(value)
            ):
                allowed = ", ".join(str(k) for k in known)
                raise InputError(f"{name} must be one of {allowed}, not {value!r}")
        if self.order != "prune-first" and self.quantizer == "nearest":
            raise InputError(
                f"order must be 'prune-first' with the quantizer 'nearest', not {self.order!r}: "
                "the other orders compare errors by a Hessian; take the quantizer 'sbc-descent'"
            )
        if self.max_sops is not None:
            if not (self.max_sops > 0 and isfinite(self.max_sops)):
                raise InputError(f"max_sops must be above 0 and finite, not {self.max_sops}")
            if self.order != "prune-first":
                raise InputError(
                    f"order must be 'prune-first' with max_sops, not {self.order!r}: the other "
                    "orders choose weights by their error alone"
                )
        if self.max_sops is not None and self.readout_bits == FINE_BITS:
            raise InputError(
                f"readout_bits must be below {FINE_BITS} with max_sops: two synapses for "
                "each weight of the read-out may be more operations than that"
            )
        if self.range in ("hessian", "search") and self.quantizer == "nearest":
            raise InputError(
                f"range must be 'mse' or 'max' with the quantizer 'nearest', not {self.range!r}: "
                "rounding to nearest knows no Hessian"
            )
        for name, least in (
            ("fine_tune_epochs", 0),
            ("max_groups", 1),
            ("threads", 1),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if not _is_int(value) or value < least:
                raise InputError(f"{name} must be an integer of at least {least}, not {value!r}")
        for name in ("fine_tune_rate", "lamps_exponent"):
            value = getattr(self, name)
            if not (value > 0 and isfinite(value)):
                raise InputError(f"{name} must be above 0 and finite, not {value}")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
