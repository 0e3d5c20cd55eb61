"""edgesnn: sparse 4-bit spiking networks that run bit-exactly on host and FPGA.

The names below are what users need to describe, run, store and compare networks. They are
imported when first used, so that ``import edgesnn`` stays quick and needs no heavy package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edgesnn.encoders import DeltaEncoder, RateEncoder, encoder_from_info
    from edgesnn.errors import EdgesnnError
    from edgesnn.events import EventStream
    from edgesnn.network import (
        Connection,
        EventLimit,
        EventLimitForm,
        InputPopulation,
        LifPopulation,
        Network,
        Readout,
        ReadoutRule,
    )
    from edgesnn.neuron import ResetMode, ResetOrder
    from edgesnn.reference import Reference
    from edgesnn.run_result import Counters, RunResult, differences
    from edgesnn.synapses import Synapses

_HOMES = {
    "edgesnn.encoders": ("DeltaEncoder", "RateEncoder", "encoder_from_info"),
    "edgesnn.errors": ("EdgesnnError",),
    "edgesnn.events": ("EventStream",),
    "edgesnn.network": (
        "Connection",
        "EventLimit",
        "EventLimitForm",
        "InputPopulation",
        "LifPopulation",
        "Network",
        "Readout",
        "ReadoutRule",
    ),
    "edgesnn.neuron": ("ResetMode", "ResetOrder"),
    "edgesnn.reference": ("Reference",),
    "edgesnn.run_result": ("Counters", "RunResult", "differences"),
    "edgesnn.synapses": ("Synapses",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Connection",
    "Counters",
    "DeltaEncoder",
    "EdgesnnError",
    "EventLimit",
    "EventLimitForm",
    "EventStream",
    "InputPopulation",
    "LifPopulation",
    "Network",
    "RateEncoder",
    "Readout",
    "ReadoutRule",
    "Reference",
    "ResetMode",
    "ResetOrder",
    "RunResult",
    "Synapses",
    "differences",
    "encoder_from_info",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'edgesnn' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
