"""A language model of any kind behind one interface, and from any file.

Gated ones (EGRU, GRU, LSTM) and spiking ones, each in floating point and in integers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgesnn import model_container, model_file
from edgesnn.checkpoint import read_checkpoint, write_checkpoint
from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.language import integer_file, spiking
from edgesnn.language.corpus import Ids, Vocabulary
from edgesnn.language.generate import FloatReader, IntegerReader, Reader
from edgesnn.language.integer_evaluation import evaluate_integers
from edgesnn.language.integer_file import IntegerLanguage
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.language_file import (
    Trained,
    is_language_model,
    read_language_model,
    write_language_model,
)
from edgesnn.language.operations import operations
from edgesnn.language.training import Evaluated, evaluate
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator, SimulatorState

#: Parts of a text that a gated model in floating point reads side by side, if it is this long.
_ROWS, _LONG = 10, 1000


@dataclass(frozen=True)
class Guessed:
    """How well a text was guessed, and the synaptic operations of a token, scores included unless
    the model is a gated one in floating point."""

    found: Evaluated
    operations: float


class Language(Protocol):
    """What every language model can do."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that it knows."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Where it is from: text, preset and so on."""

    def guess(self, ids: Ids) -> Guessed:
        """Read a text and guess each next token."""

    def reader(self) -> Reader:
        """A new reader that has read nothing."""

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write its file, whole or not at all."""


@dataclass(frozen=True, eq=False)
class GatedModel:
    """EGRU, GRU or LSTM in floating point."""

    trained: Trained

    @property
    def vocabulary(self) -> Vocabulary:
        return self.trained.vocabulary

    @property
    def info(self) -> Mapping[str, Any]:
        return self.trained.info

    def guess(self, ids: Ids) -> Guessed:
        rows = _ROWS if len(ids) >= _LONG else 1
        model = self.trained.model
        return Guessed(evaluate(model, ids, rows), operations(model, ids, rows).per_token)

    def reader(self) -> Reader:
        return FloatReader(self.trained.model)

    def write(self, path: str | os.PathLike[str]) -> None:
        write_language_model(self.trained, path)


@dataclass(frozen=True, eq=False)
class GatedIntegers:
    """EGRU in integers, in the simulator."""

    language: IntegerLanguage

    @property
    def vocabulary(self) -> Vocabulary:
        return self.language.vocabulary

    @property
    def info(self) -> Mapping[str, Any]:
        return self.language.info

    def guess(self, ids: Ids) -> Guessed:
        found = evaluate_integers(self.language.model, ids)
        return Guessed(found, found.operations)

    def reader(self) -> Reader:
        return IntegerReader(IntegerSimulator(self.language.model))

    def write(self, path: str | os.PathLike[str]) -> None:
        integer_file.write(self.language, path)


@dataclass(frozen=True, eq=False)
class SpikingModel:
    """A spiking model in floating point."""

    model: Model

    @property
    def vocabulary(self) -> Vocabulary:
        return spiking.vocabulary_of(self.model)

    @property
    def info(self) -> Mapping[str, Any]:
        return self.model.info

    def guess(self, ids: Ids) -> Guessed:
        return Guessed(*spiking.evaluate_model(self.model, ids))

    def reader(self) -> Reader:
        return spiking.SpikingReader(self.model)

    def write(self, path: str | os.PathLike[str]) -> None:
        write_checkpoint(self.model, Path(path))


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """A spiking network of integers, in the simulator."""

    network: Network

    @property
    def vocabulary(self) -> Vocabulary:
        return spiking.vocabulary_of(self.network)

    @property
    def info(self) -> Mapping[str, Any]:
        return self.network.info

    def guess(self, ids: Ids) -> Guessed:
        return Guessed(*spiking.evaluate_network(self.network, ids))

    def reader(self) -> Reader:
        return spiking.ExecutorReader(_Simulated(self.network), self.network)

    def write(self, path: str | os.PathLike[str]) -> None:
        model_file.write(self.network, path)


class _Simulated:
    """The simulator as an executor that goes on from where it was."""

    def __init__(self, network: Network) -> None:
        self._simulator = Simulator(network)
        self._state: SimulatorState | None = None

    def reset(self) -> None:
        self._state = None

    def run(self, stream: EventStream) -> RunResult:
        result, self._state = self._simulator.run(stream, self._state)
        return result


def _integers(data: bytes) -> GatedIntegers | SpikingNetwork:
    """What is in the bytes of an ``.esnn`` file; a network may be no language model."""
    header, _ = model_container.unseal(data)
    if model_container.version_of(header) == model_file.LANGUAGE_VERSION:
        return GatedIntegers(integer_file.decode(data))
    return SpikingNetwork(model_file.decode(data))


def read_language(path: str | os.PathLike[str]) -> Language:
    """The language model in a file: ``.esnn`` in integers, else in floating point.

    Raises ``ModelFileError`` for a file that is damaged or of another kind, ``InputError`` for a
    network that is no language model.
    """
    path = Path(path)
    if path.suffix == ".esnn":
        integers = model_container.read(path, _integers)
        if isinstance(integers, SpikingNetwork):
            spiking.vocabulary_of(integers.network)
        return integers
    if is_language_model(path):
        return GatedModel(read_language_model(path))
    model = read_checkpoint(path)
    spiking.vocabulary_of(model)
    return SpikingModel(model)


def read_gated_integers(path: str | os.PathLike[str]) -> IntegerLanguage:
    """The language model of EGRU layers in integers in a file.

    Raises ``ModelFileError`` for a file that is damaged or no model, ``InputError`` for a model of
    another kind, with what to do with it.
    """
    path = Path(path)
    if path.suffix == ".esnn":
        integers = model_container.read(path, _integers)
        if isinstance(integers, GatedIntegers):
            return integers.language
        raise InputError(
            f"{path} must be a language model of EGRU layers, not a spiking network: those are for "
            "edgesnn export-c"
        )
    if not is_language_model(path):
        read_checkpoint(path)
    raise InputError(
        f"{path} must be a language model in integers, not in floating point: edgesnn lm compress "
        "makes one of it"
    )
