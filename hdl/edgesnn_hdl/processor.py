"""A processor of 16 bits that is small: one register for values, one memory for everything.

It does what needs many decisions and little speed: it speaks with the host. An instruction takes
two cycles, in which the memory shows first the instruction, then its operand::

    bit 15         14       13..10     9..0
    1              unless   condition  address           jump

    bit 15   14..12      11          10       9..0
    0        Operation   immediate   indexed  address of the operand

With ``immediate`` the lower eleven bits are the operand; with ``indexed`` the value of the register
is its address. CALL leaves the address behind it in the word that it is given, which must be even,
and goes on at the next one; BACK goes to the address that its operand holds.

Programs are made with :mod:`edgesnn_hdl.assembler`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

WORD = 16
_ADDRESS_BITS = 10
_IMMEDIATE_BITS = 11
MAX_WORDS = 1 << _ADDRESS_BITS
LARGEST_IMMEDIATE = (1 << _IMMEDIATE_BITS) - 1

# Bits of an instruction, and where its parts begin.
JUMP = 1 << 15
UNLESS = 1 << 14
IMMEDIATE = 1 << _IMMEDIATE_BITS
INDEXED = 1 << _ADDRESS_BITS
CONDITION_PLACE = _ADDRESS_BITS
OPERATION_PLACE = 12


class Operation(IntEnum):
    """What an instruction does with the register; ``x`` is the operand."""

    LOAD = 0  # register = x
    AND = 1  # register = register & x
    ADD = 2  # register = register + x
    SUBTRACT = 3  # register = register - x
    STORE = 4  # x = register
    CALL = 5
    BACK = 6
    PORT = 7  # immediate: give the register to a port; else a byte of it enters from above


class Condition(IntEnum):
    """Of a jump; those of who uses the processor follow from EXTERNAL on."""

    ALWAYS = 0
    ZERO = 1  # the register is 0
    NEGATIVE = 2  # its highest bit is 1
    CARRY = 3  # the last sum was too large, the last difference below 0
    EXTERNAL = 4


#: Conditions from outside.
EXTERNAL_CONDITIONS = 16 - Condition.EXTERNAL


class Processor(wiring.Component):
    """Runs a program from reset on.

    Parameters
    ----------
    words : sequence of int
        Program and data; it begins at address 0.

    Members
    -------
    value : Out(16)
        The register.
    port : Out(4), gives : Out(1), takes : Out(1)
        In this cycle ``value`` is given to a port; or ``byte`` of the port becomes the upper byte
        of the register, whose upper byte becomes the lower one.
    byte : In(8)
    wait : In(1)
        While ``gives``: the port cannot take it yet; everything stands still, the memory too.
    conditions : In(EXTERNAL_CONDITIONS)
        Of jumps, from Condition.EXTERNAL on.
    """

    def __init__(self, words: Sequence[int]) -> None:
        self.words = tuple(words)
        super().__init__(
            {
                "value": Out(WORD),
                "port": Out(4),
                "gives": Out(1),
                "takes": Out(1),
                "byte": In(8),
                "wait": In(1),
                "conditions": In(EXTERNAL_CONDITIONS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = words = memory.Memory(
            shape=WORD,
            depth=len(self.words),
            init=self.words,
            attrs={"ram_style": "block"},
        )
        read, write = words.read_port(), words.write_port()
        read_enable = Signal()
        operand_there = Signal(init=1)  # else the memory shows an instruction
        instruction = Signal(WORD)
        place = Signal(_ADDRESS_BITS, init=MAX_WORDS - 1)  # the first instruction is at 0
        following = Signal(_ADDRESS_BITS)
        carry = Signal()
        operation = instruction[12:15]
        is_jump = instruction[15]
        immediate = instruction[_IMMEDIATE_BITS]

        def does(wanted: Operation) -> Signal:
            return operand_there & ~is_jump & (operation == wanted)

        m.d.comb += [
            self.port.eq(instruction[:4]),
            self.gives.eq(does(Operation.PORT) & immediate),
            self.takes.eq(does(Operation.PORT) & ~immediate),
            read_enable.eq(~self.wait),
            read.en.eq(read_enable),
        ]
        with m.If(~self.wait):
            m.d.sync += operand_there.eq(~operand_there)

        # First cycle: what the memory shows says where the operand is.
        with m.If(~operand_there):
            m.d.sync += instruction.eq(read.data)
            m.d.comb += read.addr.eq(
                Mux(read.data[_ADDRESS_BITS], self.value, read.data)[:_ADDRESS_BITS]
            )

        # Second cycle: the operand is there; on to the next instruction.
        operand = Mux(immediate, instruction[:_IMMEDIATE_BITS], read.data)
        subtract = operation[0]
        total = Signal(WORD + 1)
        m.d.comb += total.eq(self.value + (operand ^ subtract.replicate(WORD)) + subtract)
        own = (Const(1, 1), self.value == 0, self.value[-1], carry)
        conditions = Array([*own, *self.conditions])
        behind = Signal(_ADDRESS_BITS)
        m.d.comb += [behind.eq(place + 1), following.eq(behind)]
        with m.If(is_jump):
            with m.If(conditions[instruction[10:14]] ^ instruction[14]):
                m.d.comb += following.eq(instruction)
        with m.Elif(operation == Operation.CALL):
            m.d.comb += following.eq(instruction[:_ADDRESS_BITS] | 1)
        with m.Elif(operation == Operation.BACK):
            m.d.comb += following.eq(read.data)
        with m.If(operand_there):
            m.d.comb += read.addr.eq(following)
            with m.If(~self.wait):
                m.d.sync += place.eq(following)
            with m.If(~is_jump):
                with m.Switch(operation):
                    with m.Case(Operation.LOAD):
                        m.d.sync += self.value.eq(operand)
                    with m.Case(Operation.AND):
                        m.d.sync += self.value.eq(self.value & operand)
                    with m.Case(Operation.ADD, Operation.SUBTRACT):
                        m.d.sync += [self.value.eq(total), carry.eq(total[-1] ^ subtract)]
                    with m.Case(Operation.PORT), m.If(~immediate):
                        m.d.sync += self.value.eq(Cat(self.value[8:], self.byte))
        m.d.comb += [
            write.addr.eq(instruction),
            write.data.eq(Mux(operation[0], behind, self.value)),
            write.en.eq(does(Operation.STORE) | does(Operation.CALL)),
        ]
        return m
