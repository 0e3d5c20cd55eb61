"""The container of model files: a header of JSON and tensors in one safetensors file, sealed.

A SHA-256 over header and tensors is in the header, so no damage goes unnoticed, and the same
content always gives the same bytes. What they mean is in :mod:`edgesnn.model_file` for spiking
networks and in :mod:`edgesnn.language.integer_file` for language models.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from edgesnn.errors import ModelFileError

#: The one metadata key.
METADATA_KEY = "edgesnn"
#: A larger file is not read: no network that edgesnn can run needs it.
MAX_FILE_BYTES = 1 << 28
#: Stands in the header in place of the digest while the digest is computed.
NO_DIGEST = "0" * 64
#: Names of dtypes in safetensors, by their names in NumPy.
DTYPES = {"int32": "I32", "int16": "I16", "uint16": "U16", "int8": "I8"}

Tensors = dict[str, npt.NDArray[Any]]


class Fields(BaseModel):
    """An object of a header: every field present, no other allowed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Content = TypeVar("Content")
AnyFields = TypeVar("AnyFields", bound=Fields)


def digest_of(header: str, tensors: Tensors) -> str:
    """SHA-256 of the header text without its digest, then of each tensor in order of names."""
    result = hashlib.sha256(header.encode())
    for name, array in sorted(tensors.items()):
        shape = ",".join(map(str, array.shape))
        result.update(f"{name} {DTYPES[array.dtype.name]} {shape}\n".encode())
        result.update(array.tobytes())
    return result.hexdigest()


def seal(header: str, tensors: Tensors) -> bytes:
    """The bytes of a file; ``header`` has ``NO_DIGEST`` where the digest belongs."""
    text = header.replace(NO_DIGEST, digest_of(header, tensors))
    return save(tensors, metadata={METADATA_KEY: text})


def unseal(data: bytes) -> tuple[str, Tensors]:
    """Header and tensors of a file's bytes. Raises ``ModelFileError`` if it is none of ours."""
    if len(data) > MAX_FILE_BYTES:
        raise ModelFileError(f"a model file must have at most {MAX_FILE_BYTES} bytes")
    try:
        table = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = table.get("__metadata__", {})
        known = set(DTYPES.values())
        foreign = {t["dtype"] for name, t in table.items() if name != "__metadata__"} - known
        tensors = {} if foreign else load(data)
    except (SafetensorError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise _not_whole(error) from error
    except (RecursionError, MemoryError, OverflowError) as error:
        raise _not_whole(error) from error
    if foreign:
        raise ModelFileError(f"tensors must be {sorted(known)}, not {sorted(map(str, foreign))}")
    if list(metadata) != [METADATA_KEY]:
        raise ModelFileError(
            f"metadata must hold the key {METADATA_KEY!r} alone, not {sorted(metadata)}; "
            "this is a safetensors file of another kind"
        )
    return metadata[METADATA_KEY], tensors


def version_of(header: str) -> Any:
    """``format_version`` of a header, whatever it is. Raises ``ModelFileError`` without one."""
    try:
        return json.loads(header)["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError("the header must be a JSON object with format_version") from error


def seal_of(header: str) -> str:
    """The digest that a header states. Raises ``ModelFileError`` if it is none."""
    found = json.loads(header).get("sha256")
    if not isinstance(found, str) or not re.fullmatch("[0-9a-f]{64}", found):
        raise ModelFileError("sha256 must be 64 hexadecimal digits; the file is damaged")
    return found


def parse(kind: type[AnyFields], header: str) -> AnyFields:
    """The header as its fields. Raises ``ModelFileError`` that names those that are wrong."""
    try:
        return kind.model_validate_json(header)
    except ValidationError as error:
        texts = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].replace('Input should be', 'must be')}"
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise ModelFileError("header: " + "; ".join(texts)) from error


def check_seal(header: str, sha256: str, tensors: Tensors) -> None:
    """Raise ``ModelFileError`` if the digest in the header is not that of the content."""
    expected = digest_of(header.replace(sha256, NO_DIGEST), tensors)
    if sha256 != expected:
        raise ModelFileError(
            f"sha256 must be {expected}, not {sha256}: the file was damaged or changed; "
            "copy it again or write it anew"
        )


def read(path: str | os.PathLike[str], decode: Callable[[bytes], Content]) -> Content:
    """What ``decode`` finds in a file. Raises ``ModelFileError`` that names it."""
    try:
        with Path(path).open("rb") as file:
            # The first byte too many is enough to be refused.
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return decode(data)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def header_text(header: Fields) -> str:
    """The JSON of a header, with ``NO_DIGEST`` where the digest belongs.

    Raises ``ValueError`` if it would not be read as it is.
    """
    text = json.dumps(header.model_dump(), sort_keys=True, separators=(",", ":"))
    if text.count(NO_DIGEST) != 1 or type(header).model_validate_json(text) != header:
        raise ValueError("it does not survive being written and read")
    return text


def field_table(parts: dict[str, type[Fields]]) -> str:
    """The fields of a header as a Markdown table, for the documentation.

    parts   objects of the header by the path under which each is found in it
    """
    lines = ["| object | field | allowed | meaning |", "|---|---|---|---|"]
    for path, model in parts.items():
        for name, schema in model.model_json_schema()["properties"].items():
            if name not in model.__annotations__:
                continue  # of the part that this one adds to
            place = f"`{path}`" if path else "(top)"
            lines.append(f"| {place} | `{name}` | {_allowed(schema)} | {schema['description']} |")
    return "\n".join(lines) + "\n"


def _allowed(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(v)}`" for v in schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']}..{schema.get('maximum', '')}"
    if "pattern" in schema:
        return "64 hexadecimal digits, small letters"
    kind = schema.get("type", "object")
    return {"boolean": "`true`, `false`", "string": "text"}.get(kind, str(kind))


def _not_whole(error: Exception) -> ModelFileError:
    return ModelFileError(
        f"a model file must be a whole safetensors file ({error}); copy it again or write it anew"
    )
