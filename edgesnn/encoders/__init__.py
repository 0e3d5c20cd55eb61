"""How sensor samples become events: in integers, sample by sample, the same on every host.

An encoder is a set of parameters; what it remembers between samples is a state that goes in and
comes out. A window (one decision) starts from the initial state::

    state = encoder.initial_state()
    for sample in samples:
        events, state = encoder.encode(sample, state)

:meth:`encode_windows` does the same for many windows at once. The parameters travel in
``network.info["encoder"]``, and :func:`encoder_from_info` makes the encoder again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from edgesnn.encoders.c_source import encoder_to_c
from edgesnn.encoders.delta import DeltaEncoder
from edgesnn.encoders.encoder import MAX_CODE, Codes, Encoder, State
from edgesnn.encoders.event import EventEncoder
from edgesnn.encoders.filter_bank import FilterBankEncoder
from edgesnn.encoders.level_crossing import LevelCrossingEncoder
from edgesnn.encoders.population import PopulationEncoder
from edgesnn.encoders.rate import RateEncoder
from edgesnn.errors import InputError

__all__ = [
    "ENCODERS",
    "MAX_CODE",
    "AnyEncoder",
    "Codes",
    "DeltaEncoder",
    "Encoder",
    "EventEncoder",
    "FilterBankEncoder",
    "LevelCrossingEncoder",
    "PopulationEncoder",
    "RateEncoder",
    "State",
    "encoder_from_info",
    "encoder_to_c",
    "encoder_to_info",
]

#: All encoders are dataclasses of JSON values.
AnyEncoder = (
    RateEncoder
    | PopulationEncoder
    | DeltaEncoder
    | LevelCrossingEncoder
    | EventEncoder
    | FilterBankEncoder
)

ENCODERS: dict[str, type[AnyEncoder]] = {
    encoder.kind: encoder
    for encoder in (
        RateEncoder,
        PopulationEncoder,
        DeltaEncoder,
        LevelCrossingEncoder,
        EventEncoder,
        FilterBankEncoder,
    )
}


def encoder_to_info(encoder: AnyEncoder) -> dict[str, Any]:
    """JSON values from which :func:`encoder_from_info` makes the same encoder."""
    return {"kind": encoder.kind, **dataclasses.asdict(encoder)}


def encoder_from_info(info: Mapping[str, Any]) -> AnyEncoder:
    """The encoder that a network's ``info`` declares.

    Raises ``InputError`` if there is none, or if it is not one that this version knows.
    """
    declared = info.get("encoder")
    if declared is None:
        raise InputError("the network must declare an encoder in info['encoder'] to take samples")
    kind = declared.get("kind") if isinstance(declared, Mapping) else None
    if not isinstance(kind, str) or kind not in ENCODERS:
        raise InputError(f"info['encoder'] must have a kind among {sorted(ENCODERS)}")
    encoder = ENCODERS[kind]
    parameters = {name: value for name, value in declared.items() if name != "kind"}
    known = {f.name for f in dataclasses.fields(encoder)}
    if unknown := sorted(set(parameters) - known):
        raise InputError(
            f"the {encoder.kind} encoder must have fields {sorted(known)}, not {unknown}"
        )
    try:
        return encoder(**parameters)
    except (TypeError, ValueError) as error:
        raise InputError(f"info['encoder'] cannot be used: {error}") from None
