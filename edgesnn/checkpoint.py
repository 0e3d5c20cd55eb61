"""The file of a trained model in floating point: safetensors with one JSON key.

It keeps a training result for the compressor. What executors load is the ``.esnn`` file of
:mod:`edgesnn.model_file`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from edgesnn.errors import ModelFileError, UnsupportedModel
from edgesnn.files import write_whole
from edgesnn.model import AnyConnection, ConvConnection, Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder

#: 2: convolutions and current-based populations.
CHECKPOINT_VERSION = 2
METADATA_KEY = "edgesnn_checkpoint"
_ARRAYS = ("threshold", "decay", "bias")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _InputPopulation(_Strict):
    kind: Literal["input"] = "input"
    name: str
    size: int


class _NeuronPopulation(_Strict):
    kind: Literal["lif"] = "lif"
    name: str
    spiking: bool
    reset_mode: str
    reset_order: str
    strict: bool
    current_based: bool


class _DenseConnection(_Strict):
    kind: Literal["dense"] = "dense"
    source: int
    target: int


class _ConvConnection(_Strict):
    kind: Literal["convolution"] = "convolution"
    source: int
    target: int
    input_shape: list[int]
    stride: list[int]
    padding: list[int]
    pool: list[int]


class _Readout(_Strict):
    population: int
    rule: str
    window_steps: int


class _Description(_Strict):
    version: int
    populations: list[_InputPopulation | _NeuronPopulation]
    connections: list[_DenseConnection | _ConvConnection]
    readout: _Readout
    info: dict[str, Any]


def _describe_connection(c: AnyConnection) -> _DenseConnection | _ConvConnection:
    if isinstance(c, ModelConnection):
        return _DenseConnection(source=c.source, target=c.target)
    return _ConvConnection(
        source=c.source,
        target=c.target,
        input_shape=list(c.input_shape),
        stride=list(c.stride),
        padding=list(c.padding),
        pool=list(c.pool),
    )


def _describe(model: Model) -> _Description:
    return _Description(
        version=CHECKPOINT_VERSION,
        populations=[
            _NeuronPopulation(
                name=p.name,
                spiking=p.spiking,
                reset_mode=p.reset_mode.name,
                reset_order=p.reset_order.name,
                strict=p.strict,
                current_based=p.synaptic_decay is not None,
            )
            if isinstance(p, ModelPopulation)
            else _InputPopulation(name=p.name, size=p.size)
            for p in model.populations
        ],
        connections=[_describe_connection(c) for c in model.connections],
        readout=_Readout(
            population=model.readout.population,
            rule=model.readout.rule.name,
            window_steps=model.readout.window_steps,
        ),
        info=dict(model.info),
    )


def write_checkpoint(model: Model, path: Path) -> None:
    """Write ``model``; the file appears whole or not at all."""
    tensors = {
        f"weights.{i}": c.weights if isinstance(c, ModelConnection) else c.kernel
        for i, c in enumerate(model.connections)
    }
    for i, p in enumerate(model.populations):
        if isinstance(p, ModelPopulation):
            tensors |= {f"{name}.{i}": getattr(p, name) for name in _ARRAYS}
            if p.synaptic_decay is not None:
                tensors[f"synaptic_decay.{i}"] = p.synaptic_decay
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_whole(path, save(contiguous, {METADATA_KEY: _describe(model).model_dump_json()}))


def _from_version_1(described: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew dense connections and neurons without a current only."""
    populations = [
        p if p["kind"] == "input" else {**p, "current_based": False}
        for p in described["populations"]
    ]
    connections = [{**c, "kind": "dense"} for c in described["connections"]]
    return {
        **described,
        "version": CHECKPOINT_VERSION,
        "populations": populations,
        "connections": connections,
    }


def _parse(text: str, path: Path) -> _Description:
    try:
        described = json.loads(text)
        version = described["version"]
    except (ValueError, KeyError, TypeError):
        raise ModelFileError(f"{path} must state its version; the file is damaged") from None
    if version not in (1, CHECKPOINT_VERSION):
        raise ModelFileError(
            f"{path} must have version 1 or {CHECKPOINT_VERSION}, not {version!r}: train again, "
            "or use the edgesnn that wrote it"
        )
    try:
        if version == 1:
            text = json.dumps(_from_version_1(described))
        return _Description.model_validate_json(text)
    except (KeyError, TypeError, AttributeError):
        raise ModelFileError(f"{path} is damaged: it is no description of version 1") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelFileError(f"{path} is damaged: {where}: {first['msg']}") from None


def read_checkpoint(path: str | os.PathLike[str]) -> Model:
    """Read what :func:`write_checkpoint` wrote.

    Raises ``ModelFileError`` for a file that is absent, damaged or not a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"a checkpoint must be a file, but {path} does not exist")
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} must be a trained model in floating point, as edgesnn train writes it: {error}"
        ) from None
    if METADATA_KEY not in metadata:
        raise ModelFileError(
            f"{path} must be a trained model in floating point (edgesnn train writes one)"
        )
    described = _parse(metadata[METADATA_KEY], path)
    try:
        return _assemble(described, tensors)
    except KeyError as error:
        raise ModelFileError(f"{path} is damaged: tensor or name {error} is missing") from None
    except (UnsupportedModel, ValueError) as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from None


def _connection(c: _DenseConnection | _ConvConnection, weights: Any) -> AnyConnection:
    if isinstance(c, _DenseConnection):
        return ModelConnection(c.source, c.target, weights)
    shapes = (tuple(c.input_shape), tuple(c.stride), tuple(c.padding), tuple(c.pool))
    return ConvConnection(c.source, c.target, weights, *shapes)


def _assemble(described: _Description, tensors: dict[str, Any]) -> Model:
    populations: list[InputPopulation | ModelPopulation] = []
    for i, p in enumerate(described.populations):
        if isinstance(p, _InputPopulation):
            populations.append(InputPopulation(p.name, p.size))
            continue
        populations.append(
            ModelPopulation(
                p.name,
                **{name: tensors[f"{name}.{i}"] for name in _ARRAYS},
                spiking=p.spiking,
                reset_mode=ResetMode[p.reset_mode],
                reset_order=ResetOrder[p.reset_order],
                strict=p.strict,
                synaptic_decay=tensors[f"synaptic_decay.{i}"] if p.current_based else None,
            )
        )
    r = described.readout
    return Model(
        tuple(populations),
        tuple(_connection(c, tensors[f"weights.{i}"]) for i, c in enumerate(described.connections)),
        Readout(r.population, ReadoutRule[r.rule], r.window_steps),
        described.info,
    )
