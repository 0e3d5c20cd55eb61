"""The parameters of an encoder as C, for ``firmware/include/edgesnn_encoders.h``."""

from __future__ import annotations

from edgesnn.encoders.delta import DeltaEncoder
from edgesnn.encoders.encoder import Encoder
from edgesnn.encoders.filter_bank import FilterBankEncoder
from edgesnn.encoders.level_crossing import LevelCrossingEncoder
from edgesnn.errors import InputError

#: Events are words of RUN below this one (``edgesnn.protocol``), in a raster and in C alike.
MAX_SOURCES = 1 << 15
#: As large a distance between codes never occurs.
MAX_THRESHOLD = (1 << 32) - 1


def _struct(kind: str, name: str, static: str, fields: dict[str, int | str]) -> str:
    inner = "".join(f"    .{field} = {value},\n" for field, value in fields.items())
    return f"{static}const esnn_{kind} {name} = {{\n{inner}}};\n"


def encoder_to_c(encoder: Encoder, name: str = "encoder", public: bool = False) -> str:
    """A constant ``name`` with the parameters; the text goes below the include of the header.

    public   other files may name it, too
    Raises ``InputError`` for an encoder that the firmware does not have.
    """
    static = "" if public else "static "
    if encoder.num_sources > MAX_SOURCES:
        raise InputError(f"an encoder must have at most {MAX_SOURCES} sources for the firmware")
    if isinstance(encoder, FilterBankEncoder):
        rows = "".join(f"    {{{gain}, {a1}, {a2}}},\n" for gain, a1, a2 in encoder.coefficients)
        bands = f"static const esnn_band {name}_bands[{encoder.num_bands}] = {{\n{rows}}};\n"
        return bands + _struct(
            encoder.kind,
            name,
            static,
            {
                "bands": f"{name}_bands",
                "frame_samples": encoder.channels,
                "num_bands": encoder.num_bands,
                "floor": encoder.floor,
                "rate_unit": encoder.rate_unit,
                "threshold": encoder.threshold,
                "smooth": encoder.smooth,
                "max_events": encoder.max_events,
            },
        )
    if isinstance(encoder, DeltaEncoder):
        own = {"threshold": min(encoder.threshold, MAX_THRESHOLD)}
    elif isinstance(encoder, LevelCrossingEncoder):
        own = {"spacing": encoder.spacing, "offset": encoder.offset}
    else:
        raise InputError(
            "an encoder must be delta, level_crossing or filter_bank for the firmware, "
            f"not {encoder.kind}"
        )
    quantize = f"/* code = floor(value / {encoder.resolution!r} + 1/2) */\n"
    return quantize + _struct(
        encoder.kind,
        name,
        static,
        {
            **{field: f"{value}u" for field, value in own.items()},
            "hysteresis": f"{encoder.hysteresis}u",
            "channels": encoder.channels,
            "max_events": encoder.max_events,
        },
    )
