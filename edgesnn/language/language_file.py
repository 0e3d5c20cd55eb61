"""The file of a trained language model in floating point: safetensors with one JSON key.

The vocabulary lies in it, so that a model never reads the numbers of another one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from edgesnn.errors import InputError, ModelFileError
from edgesnn.files import write_whole
from edgesnn.language.corpus import Vocabulary
from edgesnn.language.model import LanguageModel, LanguageSettings

METADATA_KEY = "edgesnn_language"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, the tokens that it knows, and where it is from.

    info   JSON values: preset, text, epochs and so on; changes no result
    """

    model: LanguageModel
    vocabulary: Vocabulary
    info: dict[str, Any] = field(default_factory=dict)


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int
    settings: dict[str, JsonValue]
    tokens: list[str]
    characters: bool
    info: dict[str, JsonValue]


def write_language_model(trained: Trained, path: str | os.PathLike[str]) -> None:
    """Write a model; the file appears whole or not at all."""
    described = _Description(
        version=VERSION,
        settings=json.loads(json.dumps(asdict(trained.model.settings))),
        tokens=list(trained.vocabulary.tokens),
        characters=trained.vocabulary.characters,
        info=trained.info,
    )
    tensors = {name: t.detach().cpu().contiguous() for name, t in _tensors(trained.model).items()}
    write_whole(path, save(tensors, {METADATA_KEY: described.model_dump_json()}))


def read_language_model(path: str | os.PathLike[str]) -> Trained:
    """Read what :func:`write_language_model` wrote.

    Raises ``ModelFileError`` for a file that is absent, damaged or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"a language model must be a file, but {path} does not exist")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise _not_one(path, str(error)) from None
    if METADATA_KEY not in metadata:
        raise _not_one(path, "it is a file of another kind")
    try:
        described = _Description.model_validate_json(metadata[METADATA_KEY])
    except ValidationError as error:
        raise ModelFileError(f"{path} is damaged: {error.errors()[0]['msg']}") from None
    if described.version != VERSION:
        raise ModelFileError(
            f"{path} must have version {VERSION}, not {described.version}: train again, or use the "
            "edgesnn that wrote it"
        )
    try:
        settings = {**described.settings, "units": tuple(described.settings["units"])}  # type: ignore[arg-type]
        model = LanguageModel(LanguageSettings(**settings))  # type: ignore[arg-type]
        vocabulary = Vocabulary(tuple(described.tokens), described.characters)
        if len(vocabulary) != model.settings.vocabulary:
            raise InputError(f"{len(vocabulary)} tokens for {model.settings.vocabulary}")
        with torch.no_grad():
            model.load_state_dict(tensors)
    except (InputError, KeyError, TypeError, RuntimeError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from None
    return Trained(model, vocabulary, dict(described.info))


def is_language_model(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of :func:`write_language_model`, sound or not."""
    try:
        with safe_open(path, "np") as file:
            return METADATA_KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _tensors(model: LanguageModel) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = model.state_dict()
    return found


def _not_one(path: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"{path} must be a language model in floating point of EGRU, GRU or LSTM layers, as "
        f"edgesnn lm train writes it ({why}); a spiking one is pruned by edgesnn lm compress"
    )
