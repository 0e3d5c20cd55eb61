"""What is measured of language models: rows of tables, as they are kept in the JSON file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """A gated model in floating point, on the test part of its text.

    method        what took its weights away: "dense" (nothing), "magnitude" or "one shot"
    loss          nats per token, and
    validation    of the validation part, by which models are chosen
    activity      of each layer, share of units that send something in a step
    counted       multiply-accumulates of a token in the layers, counted
    modelled      the same from shares alone
    parameters    of the dense model, vectors of tokens included
    epochs        of training in all, fine-tuning included
    seconds       of that
    """

    text: str
    name: str
    seed: int
    method: str
    sparsity: float
    loss: float
    validation: float
    activity: list[float]
    counted: float
    modelled: float
    parameters: int
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Integers:
    """A model of EGRU layers in 4 bits next to what it was, on the same tokens.

    rounding      "obc" (weights of a row make up for each other) or "nearest"
    event_bits    of the values that units send
    tokens        of the test part, that both guess
    operations    of a token, scores included
    compared      tokens that reference, simulator and C runtime read
    mismatches    numbers that differ in them: hidden values, and scores of what the reference
                  reads
    """

    text: str
    name: str
    sparsity: float
    rounding: str
    event_bits: int
    float_loss: float
    loss: float
    tokens: int
    operations: float
    compared: int
    mismatches: int


@dataclass(frozen=True)
class Spiking:
    """A spiking model, in floating point or in integers, on the test part.

    bits         per character
    activity     share of neurons that fire in a step
    operations   synaptic ones of a character
    cycles       of a character on the board's core, if in integers
    synapses     that are left
    seconds      of training
    """

    name: str
    bits: float
    activity: float
    operations: float
    synapses: int
    cycles: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Board:
    """What a virtual board says after prompts, next to the simulator.

    differing   texts that are not the simulator's
    fits        whether the network fits the real board
    """

    board: str
    prompts: int
    characters: int
    differing: int
    fits: bool
    used: dict[str, str]
    cycles_per_character: float
    operations_per_character: float


@dataclass(frozen=True)
class Speed:
    """Time of one token in the simulator's layer, in microseconds, or training's tokens a second.

    what     of which code
    """

    what: str
    density: float
    activity: float
    value: float


ROWS = {row.__name__: row for row in (Point, Integers, Spiking, Board, Speed)}
Row = Point | Integers | Spiking | Board | Speed


@dataclass(frozen=True)
class Part:
    """What was measured at once: where, and its rows."""

    commit: str
    machine: str
    rows: list[Row] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON values, from which :func:`part_from` makes it again."""
        rows = [{"row": type(row).__name__, **asdict(row)} for row in self.rows]
        return {"commit": self.commit, "machine": self.machine, "rows": rows}


def part_from(values: dict[str, Any]) -> Part:
    """The part that :meth:`Part.as_json` wrote."""
    rows = []
    for found in values["rows"]:
        fields = dict(found)
        rows.append(ROWS[fields.pop("row")](**fields))
    return Part(values["commit"], values["machine"], rows)
