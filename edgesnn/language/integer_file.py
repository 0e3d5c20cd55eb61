"""The model file of a language model in integers: ``.esnn``, version 3.

The container is that of all model files (docs/model_file.md); populations are of the kinds
``tokens`` and ``egru``, which no core has. What the numbers mean is in docs/egru.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, JsonValue

from edgesnn import model_container
from edgesnn.errors import InputError, ModelFileError, UnsupportedModel
from edgesnn.files import write_whole
from edgesnn.language.corpus import Vocabulary
from edgesnn.language.integer_model import IntegerLayer, IntegerModel, Rows
from edgesnn.model_container import DTYPES, NO_DIGEST, Fields, Tensors
from edgesnn.model_file import LANGUAGE_VERSION

#: Of a matrix of rows: weights [row, source], the others [row].
ROW_TENSORS = {"weights": "I8", "multipliers": "I32", "bias": "I32"}


class TokenFields(Fields):
    """What is read and said."""

    kind: Literal["tokens"] = Field(description="words or characters")
    size: int = Field(ge=1, description="number of tokens")


class EgruFields(Fields):
    """A layer of units."""

    kind: Literal["egru"] = Field(description="event-based gated recurrent units")
    size: int = Field(ge=1, description="number of units")


class VocabularyFields(Fields):
    """What tokens are."""

    tokens: list[str] = Field(description="in the order of their numbers, none twice")
    characters: bool = Field(description="text is split into characters, else at white space")


class LanguageHeader(Fields):
    """The JSON header."""

    format_version: Literal[3] = Field(description="of this format")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="digest, as in every model file")
    populations: list[Annotated[TokenFields | EgruFields, Field(discriminator="kind")]] = Field(
        min_length=2,
        max_length=65,
        description="tokens first, then layers from the first to the last",
    )
    vocabulary: VocabularyFields = Field(description="what tokens are")
    info: dict[str, JsonValue] = Field(description="origin and so on; changes no result")


#: Objects of the header and the path under which each is found in it.
HEADER_PARTS: dict[str, type[Fields]] = {
    "": LanguageHeader,
    "vocabulary": VocabularyFields,
    "populations[] of kind tokens": TokenFields,
    "populations[] of kind egru": EgruFields,
}


@dataclass(frozen=True, eq=False)
class IntegerLanguage:
    """A model in integers, the tokens that it knows, and where it is from."""

    model: IntegerModel
    vocabulary: Vocabulary
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.vocabulary) != self.model.num_tokens:
            raise InputError(
                f"a vocabulary must have the {self.model.num_tokens} tokens of the model, not "
                f"{len(self.vocabulary)}"
            )


def field_table() -> str:
    """The fields of the header as a Markdown table, for the documentation."""
    return model_container.field_table(HEADER_PARTS)


def encode(language: IntegerLanguage) -> bytes:
    """The bytes of a model file. Raises ``UnsupportedModel`` if info is no JSON."""
    model = language.model
    try:
        header = LanguageHeader(
            format_version=LANGUAGE_VERSION,
            sha256=NO_DIGEST,
            populations=[
                TokenFields(kind="tokens", size=model.num_tokens),
                *(EgruFields(kind="egru", size=layer.num_units) for layer in model.layers),
            ],
            vocabulary=VocabularyFields(
                tokens=list(language.vocabulary.tokens),
                characters=language.vocabulary.characters,
            ),
            info=json.loads(json.dumps(language.info, allow_nan=False)),
        )
        text = model_container.header_text(header)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsupportedModel(f"info must hold JSON values only: {error}") from error
    tensors: Tensors = {"table": model.table, **_of_rows("scores", model.scores)}
    for place, layer in enumerate(model.layers):
        name = f"layer.{place}"
        tensors[f"{name}.thresholds"] = layer.thresholds
        tensors |= _of_rows(f"{name}.recurrent", layer.recurrent)
        if layer.inputs is not None:
            tensors |= _of_rows(f"{name}.inputs", layer.inputs)
    return model_container.seal(text, {n: np.ascontiguousarray(t) for n, t in tensors.items()})


def write(language: IntegerLanguage, path: str | os.PathLike[str]) -> None:
    """Write a model file, whole or not at all. Raises ``UnsupportedModel`` or ``OSError``."""
    write_whole(path, encode(language))


def read(path: str | os.PathLike[str]) -> IntegerLanguage:
    """Read a model file. Raises ``ModelFileError`` if it is anything but a sound one of a language
    model."""
    return model_container.read(path, decode)


def decode(data: bytes) -> IntegerLanguage:
    """The model in the bytes of a file. Raises ``ModelFileError``."""
    text, tensors = model_container.unseal(data)
    version = model_container.version_of(text)
    if version != LANGUAGE_VERSION or type(version) is not int:
        raise ModelFileError(
            f"format_version must be {LANGUAGE_VERSION}, that of language models, not {version!r}: "
            "edgesnn lm compress writes such a file"
        )
    header = model_container.parse(LanguageHeader, text)
    model_container.check_seal(text, header.sha256, tensors)
    try:
        return _language(header, tensors)
    except (InputError, ValueError) as error:
        raise ModelFileError(str(error)) from error


def _of_rows(name: str, rows: Rows) -> Tensors:
    return {f"{name}.{part}": getattr(rows, part) for part in ROW_TENSORS}


def _language(header: LanguageHeader, tensors: Tensors) -> IntegerLanguage:
    """Build the model; raises ``ValueError`` or ``InputError`` where parts do not fit together."""
    unused = dict(tensors)

    def take(name: str, dtype: str, dimensions: int = 1) -> npt.NDArray[Any]:
        if name not in unused:
            raise ValueError(f"tensor {name} must be there")
        array = unused.pop(name)
        if DTYPES[array.dtype.name] != dtype or array.ndim != dimensions:
            raise ValueError(
                f"tensor {name} must be {dtype} of {dimensions} dimensions, not "
                f"{DTYPES[array.dtype.name]} {array.shape}"
            )
        return array

    def rows(name: str) -> Rows:
        return Rows(
            **{
                part: take(f"{name}.{part}", dtype, 2 if part == "weights" else 1)
                for part, dtype in ROW_TENSORS.items()
            }
        )

    tokens, *sizes = header.populations
    if not isinstance(tokens, TokenFields) or any(isinstance(p, TokenFields) for p in sizes):
        raise ValueError("populations must be tokens first, then layers of kind egru")
    layers = []
    for place, size in enumerate(sizes):
        name = f"layer.{place}"
        inputs = rows(f"{name}.inputs") if place else None
        layer = IntegerLayer(inputs, rows(f"{name}.recurrent"), take(f"{name}.thresholds", "I16"))
        if layer.num_units != size.size:
            raise ValueError(f"{name} must have {size.size} units, not {layer.num_units}")
        layers.append(layer)
    model = IntegerModel(take("table", "I16", 2), tuple(layers), rows("scores"))
    if unused:
        raise ValueError(f"tensors {sorted(unused)} must not be there")
    if model.num_tokens != tokens.size:
        raise ValueError(f"the table must be of {tokens.size} tokens, not {model.num_tokens}")
    vocabulary = Vocabulary(tuple(header.vocabulary.tokens), header.vocabulary.characters)
    return IntegerLanguage(model, vocabulary, dict(header.info))
