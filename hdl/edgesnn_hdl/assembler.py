"""Writes programs for the processor, word by word.

An operand is a number, the name of a word of memory, or the address of one. Words that are named
and have no label lie behind the program, each name once; numbers that are too large for an
instruction too.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesnn_hdl.processor import (
    CONDITION_PLACE,
    IMMEDIATE,
    INDEXED,
    JUMP,
    LARGEST_IMMEDIATE,
    MAX_WORDS,
    OPERATION_PLACE,
    UNLESS,
    Condition,
    Operation,
)


@dataclass(frozen=True)
class AddressOf:
    """The address of a word, as a number, with ``plus`` added."""

    name: str
    plus: int = 0


Operand = int | str | AddressOf


@dataclass(frozen=True)
class _Word:
    """``bits``, with the operand's address, or with the operand itself, filled in."""

    bits: int
    operand: Operand = 0
    by_address: bool = False


class Assembler:
    """A program that grows; each method appends an instruction or words of data."""

    def __init__(self) -> None:
        self._words: list[_Word] = []
        self._labels: dict[Operand, int] = {}

    def label(self, name: str) -> None:
        """The next word has this name. Raises ``ValueError`` if another one has."""
        if name in self._labels:
            raise ValueError(f"each label must be another name, not {name!r} twice")
        self._labels[name] = len(self._words)

    def data(self, *words: Operand) -> None:
        self._words += [_Word(0, word) for word in words]

    def routine(self, name: str) -> None:
        """What follows can be called; ``back(name)`` leaves it."""
        if len(self._words) % 2:
            self.data(0)
        self.label(name)
        self.data(0)

    def load(self, operand: Operand) -> None:
        self._operation(Operation.LOAD, operand)

    def load_indexed(self) -> None:
        """The word whose address is in the register."""
        self._words.append(_Word(Operation.LOAD << OPERATION_PLACE | INDEXED))

    def keep_bits(self, operand: Operand) -> None:
        self._operation(Operation.AND, operand)

    def add(self, operand: Operand) -> None:
        self._operation(Operation.ADD, operand)

    def subtract(self, operand: Operand) -> None:
        self._operation(Operation.SUBTRACT, operand)

    def store(self, name: str) -> None:
        self._operation(Operation.STORE, name)

    def set(self, name: str, operand: Operand) -> None:
        """Two instructions."""
        self.load(operand)
        self.store(name)

    def increase(self, name: str, by: Operand) -> None:
        """Three instructions; the register is what the word has become."""
        self.load(name)
        self.add(by)
        self.store(name)

    def decrease(self, name: str, by: Operand) -> None:
        """Likewise."""
        self.load(name)
        self.subtract(by)
        self.store(name)

    def call(self, routine: str) -> None:
        self._operation(Operation.CALL, routine)

    def back(self, name: str) -> None:
        """Out of a routine, or to the address that any word holds."""
        self._operation(Operation.BACK, name)

    def give(self, port: int) -> None:
        """The register to a port."""
        self._words.append(_Word(Operation.PORT << OPERATION_PLACE | IMMEDIATE | port))

    def take(self, port: int) -> None:
        """A byte of a port into the register."""
        self._words.append(_Word(Operation.PORT << OPERATION_PLACE | port))

    def take_word(self, port: int) -> None:
        """Two bytes, the lower one first; two instructions."""
        self.take(port)
        self.take(port)

    def jump(self, label: str, condition: int = Condition.ALWAYS) -> None:
        self._words.append(_Word(JUMP | condition << CONDITION_PLACE, label, by_address=True))

    def jump_unless(self, label: str, condition: int) -> None:
        bits = JUMP | UNLESS | condition << CONDITION_PLACE
        self._words.append(_Word(bits, label, by_address=True))

    def pause(self) -> None:
        """Two cycles in which nothing happens."""
        self._words.append(_Word(JUMP | UNLESS | Condition.ALWAYS << CONDITION_PLACE))

    def _operation(self, operation: Operation, operand: Operand) -> None:
        bits = operation << OPERATION_PLACE
        if isinstance(operand, AddressOf):
            small = operand.plus + MAX_WORDS - 1 <= LARGEST_IMMEDIATE
        else:
            small = isinstance(operand, int) and operand <= LARGEST_IMMEDIATE
        self._words.append(
            _Word(bits | IMMEDIATE, operand) if small else _Word(bits, operand, by_address=True)
        )

    def assembled(self) -> list[int]:
        """All words of the memory.

        Raises ``ValueError`` if a jump or a call goes nowhere, or if there are more words than a
        processor has addresses for.
        """
        addresses = dict(self._labels)
        behind: list[Operand] = []
        for word in self._words:
            if word.by_address and word.operand not in addresses:
                if word.bits & JUMP or word.bits >> OPERATION_PLACE == Operation.CALL:
                    raise ValueError(f"{word.operand!r} must be a label: the program goes there")
                addresses[word.operand] = len(self._words) + len(behind)
                behind.append(word.operand)
        if (size := len(self._words) + len(behind)) > MAX_WORDS:
            raise ValueError(f"a program must have at most {MAX_WORDS} words, not {size}")

        def value(operand: Operand) -> int:
            if isinstance(operand, AddressOf):
                return addresses[operand.name] + operand.plus
            return operand if isinstance(operand, int) else 0

        encoded = [
            word.bits | (addresses[word.operand] if word.by_address else value(word.operand))
            for word in self._words
        ]
        return encoded + [value(operand) for operand in behind]
