"""The ``.esnn`` model file: a network on disk.

The classes below are the table of the header's fields; ``docs/model_file.md`` shows the same table
and tells all that a foreign reader needs. Files are written whole or not at all.

A file has the lowest version that can hold its network, so that what version 1 can say is still
read by whoever reads version 1 alone.
"""

from __future__ import annotations

import json
import os
from enum import IntEnum
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy.typing as npt
from pydantic import Field, JsonValue

from edgesnn import model_container
from edgesnn.errors import DesignRuleError, ModelFileError, UnsupportedModel
from edgesnn.files import write_whole
from edgesnn.model_container import DTYPES, NO_DIGEST, Fields, Tensors
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
from edgesnn.number_format import MAX_DELAY
from edgesnn.synapses import Synapses

#: 2: current-based populations and delays.
FORMAT_VERSION: Final = 2
#: Files of language models, which no core runs: :mod:`edgesnn.language.integer_file`.
LANGUAGE_VERSION: Final = 3
MAX_POPULATION_SIZE = 65536
LIF_TENSORS = {"threshold": "I32", "decay": "I32", "bias": "I32"}
CURRENT_TENSORS = {"synaptic_decay": "I32"}
SYNAPSE_TENSORS = {"row_start": "I32", "targets": "U16", "weights": "I8"}


class InputFields(Fields):
    """A population of inputs."""

    kind: Literal["input"] = Field(description="a population of inputs")
    name: str = Field(description="differs from every other name")
    size: int = Field(ge=1, le=MAX_POPULATION_SIZE, description="number of sources")


class LifFields(Fields):
    """A population of leaky integrate-and-fire neurons."""

    kind: Literal["lif"] = Field(description="one state word for each neuron")
    name: str = Field(description="differs from every other name")
    size: int = Field(ge=1, le=MAX_POPULATION_SIZE, description="number of neurons")
    spiking: bool = Field(description="false: a read-out that never fires")
    reset_mode: Literal["subtract", "to_zero", "none"] = Field(description="what a spike does")
    reset_order: Literal["before_decay", "after_decay"] = Field(
        description="when a subtracting reset happens"
    )
    strict: bool = Field(description="fires above the threshold, not at it")
    membrane_bits: int = Field(ge=2, le=24, description="width to which membranes are clamped")
    spikes_per_step: Literal[1] = Field(description="most spikes of one neuron in a step; reserved")


class CurrentLifFields(LifFields):
    """A population of current-based neurons."""

    kind: Literal["current_lif"] = Field(  # type: ignore[assignment]
        description="two state words for each neuron; from version 2 on"
    )
    current_bits: int = Field(ge=2, le=24, description="width to which currents are clamped")


class ConnectionFields(Fields):
    """Synapses between two populations."""

    kind: Literal["sparse"] = Field(
        description="rows of single synapses; `convolution` is reserved"
    )
    source: int = Field(ge=0, description="index into `populations`")
    target: int = Field(ge=0, description="index into `populations`, not an input")
    weight_shift: int = Field(ge=0, le=15, description="weights count `weight << weight_shift`")
    delay: int = Field(
        ge=0, le=MAX_DELAY, description="additional time steps; 0 from inputs and in version 1"
    )


class EventLimitFields(Fields):
    """Most input events in one time step."""

    form: Literal["full", "limited"] = Field(description="bound for each source, or for all")
    value: int = Field(ge=1, le=65535, description="the bound; at most 15 if `full`")


class ReadoutFields(Fields):
    """How a decision is taken."""

    population: int = Field(ge=0, description="index into `populations`, not an input")
    rule: Literal["spike_count", "membrane_last", "membrane_sum", "membrane_max", "first_spike"] = (
        Field(description="what is accumulated")
    )
    window_steps: int = Field(ge=1, le=65535, description="time steps of one decision")


class Header(Fields):
    """The JSON header."""

    format_version: Literal[1, 2] = Field(
        description="of this format: the lowest that can say all that follows"
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="digest, see below")
    state_bits: Literal[16, 18, 24] = Field(description="width of the state word")
    event_limit: EventLimitFields = Field(description="most input events in a time step")
    readout: ReadoutFields = Field(description="how a decision is taken")
    populations: list[
        Annotated[InputFields | LifFields | CurrentLifFields, Field(discriminator="kind")]
    ] = Field(min_length=2, max_length=4096, description="inputs first, then neurons")
    connections: list[ConnectionFields] = Field(
        max_length=65536, description="sorted by target, then source"
    )
    info: dict[str, JsonValue] = Field(description="labels, origin and so on; changes no result")


#: Objects of the header and the path under which each is found in it.
HEADER_PARTS: dict[str, type[Fields]] = {
    "": Header,
    "event_limit": EventLimitFields,
    "readout": ReadoutFields,
    "populations[] of kind input": InputFields,
    "populations[] of kind lif": LifFields,
    "populations[] of kind current_lif, beside those of lif": CurrentLifFields,
    "connections[]": ConnectionFields,
}


def field_table() -> str:
    """The fields of the header as a Markdown table, for the documentation."""
    return model_container.field_table(HEADER_PARTS)


def _tensors(network: Network) -> Tensors:
    found: Tensors = {}
    for index, p in enumerate(network.populations):
        if isinstance(p, LifPopulation):
            names = LIF_TENSORS | CURRENT_TENSORS if p.current_based else LIF_TENSORS
            found |= {f"population.{index}.{n}": getattr(p, n) for n in names}
    for index, c in enumerate(network.connections):
        found |= {f"connection.{index}.{n}": getattr(c.synapses, n) for n in SYNAPSE_TENSORS}
    return found


def _lowest_version(network: Network) -> Literal[1, 2]:
    return 2 if network.has_currents or network.max_delay else 1


def _lif_fields(p: LifPopulation) -> LifFields:
    fields: dict[str, Any] = {
        "name": p.name,
        "size": p.size,
        "spiking": p.spiking,
        "reset_mode": _word(p.reset_mode),
        "reset_order": _word(p.reset_order),
        "strict": p.strict,
        "membrane_bits": p.membrane_bits,
        "spikes_per_step": 1,
    }
    if p.current_based:
        return CurrentLifFields(kind="current_lif", current_bits=p.current_bits, **fields)
    return LifFields(kind="lif", **fields)


def _header_text(network: Network) -> str:
    populations: list[Any] = []
    state_bits: Any = network.state_bits
    for p in network.populations:
        if p.size > MAX_POPULATION_SIZE:
            raise UnsupportedModel(
                f"size of {p.name!r} must be at most {MAX_POPULATION_SIZE} in a model file, "
                f"not {p.size}"
            )
        populations.append(
            InputFields(kind="input", name=p.name, size=p.size)
            if isinstance(p, InputPopulation)
            else _lif_fields(p)
        )
    try:
        info = json.loads(json.dumps(dict(network.info), allow_nan=False))
        header = Header(
            format_version=_lowest_version(network),
            sha256=NO_DIGEST,
            state_bits=state_bits,
            event_limit=EventLimitFields(
                form=_word(network.event_limit.form), value=network.event_limit.value
            ),
            readout=ReadoutFields(
                population=network.readout.population,
                rule=_word(network.readout.rule),
                window_steps=network.readout.window_steps,
            ),
            populations=populations,
            connections=[
                ConnectionFields(
                    kind="sparse",
                    source=c.source,
                    target=c.target,
                    weight_shift=c.weight_shift,
                    delay=c.delay,
                )
                for c in network.connections
            ],
            info=info,
        )
        text = model_container.header_text(header)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsupportedModel(
            f"info must hold JSON values only, and names must be plain text: {error}"
        ) from error
    return text


def encode(network: Network) -> bytes:
    """The bytes of a model file; the same for the same network.

    Raises ``UnsupportedModel`` if the network holds what a file cannot.
    """
    return model_container.seal(_header_text(network), _tensors(network))


def write(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a model file, whole or not at all. Raises ``UnsupportedModel`` or ``OSError``."""
    write_whole(path, encode(network))


def read(path: str | os.PathLike[str]) -> Network:
    """Read a model file.

    Raises ``ModelFileError`` if it is anything but a sound model file, ``DesignRuleError`` if it
    holds a language model.
    """
    return model_container.read(path, decode)


def decode(data: bytes) -> Network:
    """The network in the bytes of a model file. Raises as :func:`read`."""
    text, tensors = model_container.unseal(data)
    version = model_container.version_of(text)
    if version == LANGUAGE_VERSION and type(version) is int:
        model_container.check_seal(text, model_container.seal_of(text), tensors)
        raise DesignRuleError(
            [
                "populations must be inputs and LIF neurons to run on a core, but this file holds "
                "a language model of kind 'egru': run it with edgesnn lm eval and lm generate, or "
                "with the C runtime"
            ]
        )
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ModelFileError(
            f"format_version must be in 1..{FORMAT_VERSION}, not {version!r}; "
            "use the version of edgesnn that wrote the file"
        )
    header = model_container.parse(Header, text)
    model_container.check_seal(text, header.sha256, tensors)
    try:
        network = _network(header, tensors)
    except ValueError as error:
        raise ModelFileError(str(error)) from error
    if header.format_version != (needed := _lowest_version(network)):
        raise ModelFileError(
            f"format_version must be {needed}, the lowest that can hold this network, "
            f"not {header.format_version}"
        )
    return network


_Enum = TypeVar("_Enum", bound=IntEnum)


def _word(value: IntEnum) -> Any:
    return value.name.lower()


def _value(kind: type[_Enum], word: str) -> _Enum:
    return kind[word.upper()]


def _network(header: Header, tensors: Tensors) -> Network:
    """Build the network; raises ``ValueError`` where parts do not fit together."""
    unused = dict(tensors)

    def take(name: str, dtype: str) -> npt.NDArray[Any]:
        if name not in unused:
            raise ValueError(f"tensor {name} must be there")
        array = unused.pop(name)
        stored = DTYPES[array.dtype.name]
        if stored != dtype or array.ndim != 1:
            raise ValueError(f"tensor {name} must be {dtype} [n], not {stored} {array.shape}")
        return array

    populations: list[InputPopulation | LifPopulation] = []
    for index, p in enumerate(header.populations):
        if isinstance(p, InputFields):
            populations.append(InputPopulation(p.name, p.size))
            continue
        has_current = isinstance(p, CurrentLifFields)
        names = LIF_TENSORS | CURRENT_TENSORS if has_current else LIF_TENSORS
        arrays = {n: take(f"population.{index}.{n}", d) for n, d in names.items()}
        for name, array in arrays.items():
            if len(array) != p.size:
                raise ValueError(
                    f"tensor population.{index}.{name} must have {p.size} values, not {len(array)}"
                )
        populations.append(
            LifPopulation(
                p.name,
                **arrays,
                spiking=p.spiking,
                reset_mode=_value(ResetMode, p.reset_mode),
                reset_order=_value(ResetOrder, p.reset_order),
                strict=p.strict,
                membrane_bits=p.membrane_bits,
                current_bits=p.current_bits if isinstance(p, CurrentLifFields) else 0,
            )
        )
    connections = []
    for index, c in enumerate(header.connections):
        arrays = {n: take(f"connection.{index}.{n}", d) for n, d in SYNAPSE_TENSORS.items()}
        if c.target >= len(populations):
            raise ValueError(f"target must be in 0..{len(populations) - 1}, not {c.target}")
        synapses = Synapses(**arrays, num_targets=populations[c.target].size)
        connections.append(Connection(c.source, c.target, synapses, c.weight_shift, c.delay))
    if unused:
        raise ValueError(f"tensors {sorted(unused)} must not be there")
    keys = [(c.target, c.source) for c in connections]
    if keys != sorted(keys):
        raise ValueError("connections must be sorted by target, then source")
    return Network(
        tuple(populations),
        tuple(connections),
        Readout(
            header.readout.population,
            _value(ReadoutRule, header.readout.rule),
            header.readout.window_steps,
        ),
        header.state_bits,
        EventLimit(_value(EventLimitForm, header.event_limit.form), header.event_limit.value),
        header.info,
    )
