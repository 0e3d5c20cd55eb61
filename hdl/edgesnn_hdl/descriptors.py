"""Reads the program ahead of its use: populations and their connections, a word a cycle.

The descriptor of a population and that of its first connection are read while the population
before it is updated (the first ones of a step in the step before), those of its other connections
when the one before has been delivered. So what is read here is only used later: a connection has
no other place than these registers, and what the update of a population needs is copied by the
scheduler when it begins.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import (
    CURRENT_BITS_SHIFT,
    ConnectionFlag,
    ConnectionWord,
    PopulationWord,
    Prologue,
)
from edgesnn_hdl.neuron_update import PopulationFlags

#: The words of a population that the gates need, in order; the others say where it lies, which
#: follows from those before it.
POPULATION_WORDS = (
    PopulationWord.NUM_CONNECTIONS,
    PopulationWord.NUM_SLOTS,
    PopulationWord.CLAMP_BITS,
    PopulationWord.FLAGS,
)


class Descriptors(wiring.Component):
    """The descriptors that come next.

    Members
    -------
    next_population : In(1), from_start : In(1)
        Read the next population, or the first one, and its first connection if it has any.
    next_connection : In(1)
        Read the next connection.
    ready : Out(1)
        Nothing is being read any more after this cycle, but for what is asked for in it.
    address : Out, word : In(16)
        Program memory.
    num_slots, membrane_bits, current_bits, flags : Out
        Of the population; current_bits is 0 in a core without currents.
    connections : Out(8), delivers : In(1)
        Connections of the population that are not yet delivered; one begins to be.
    from_input, packed, weight_shift, delay, first_source, end_source, row_base : Out
        Of the connection; delay is 0 in a core without delays.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "next_population": In(1),
                "from_start": In(1),
                "next_connection": In(1),
                "ready": Out(1),
                "address": Out((config.program_words - 1).bit_length()),
                "word": In(16),
                "num_slots": Out(unsigned((config.slots - 1).bit_length() + 1)),
                "membrane_bits": Out(5),
                "current_bits": Out(5),
                "flags": Out(PopulationFlags),
                "connections": Out(8),
                "delivers": In(1),
                "from_input": Out(1),
                "packed": Out(1),
                "weight_shift": Out(4),
                "delay": Out(4),
                "first_source": Out(16),
                "end_source": Out(16),
                "row_base": Out(16),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at = Signal.like(self.address, init=len(Prologue))  # of the visible word
        reading = Signal()
        field = Signal(2)
        last = len(ConnectionWord) - 1
        step = Signal(3)
        m.d.comb += [
            step.eq(reading),
            self.address.eq(Mux(self.next_population & self.from_start, len(Prologue), at + step)),
        ]
        m.d.sync += [at.eq(self.address), field.eq(field + reading)]
        with m.If(self.delivers):
            m.d.sync += self.connections.eq(self.connections - 1)
        with m.FSM():
            with m.State("Wait"):
                m.d.comb += self.ready.eq(1)
                with m.If(self.next_population):
                    m.next = "Population"
                with m.Elif(self.next_connection):
                    m.next = "Connection"
            with m.State("Population"):
                m.d.comb += reading.eq(1)
                registers = (self.connections, self.num_slots, self.membrane_bits, self.flags)
                with m.Switch(field):
                    for n, register in enumerate(registers):
                        with m.Case(n):
                            following = (*POPULATION_WORDS, len(PopulationWord))[n + 1]
                            m.d.comb += step.eq(following - POPULATION_WORDS[n])
                            m.d.sync += register.eq(self.word)
                            if self.config.currents and register is self.membrane_bits:
                                m.d.sync += self.current_bits.eq(self.word[CURRENT_BITS_SHIFT:])
                with m.If(field == len(POPULATION_WORDS) - 1):
                    with m.If(self.connections == 0):
                        m.d.comb += self.ready.eq(1)
                        m.next = "Wait"
                    with m.Else():
                        m.next = "Connection"
            with m.State("Connection"):
                m.d.comb += [reading.eq(1), self.ready.eq(field == last)]
                with m.Switch(field):
                    with m.Case(ConnectionWord.FLAGS):
                        m.d.sync += [
                            self.from_input.eq(self.word[ConnectionFlag.FROM_INPUT]),
                            self.packed.eq(self.word[ConnectionFlag.PACKED]),
                            self.weight_shift.eq(self.word[ConnectionFlag.WEIGHT_SHIFT :]),
                        ]
                        if self.config.delays:
                            m.d.sync += self.delay.eq(self.word[ConnectionFlag.DELAY :])
                    with m.Case(ConnectionWord.FIRST_SOURCE):
                        m.d.sync += self.first_source.eq(self.word)
                    with m.Case(ConnectionWord.END_SOURCE):
                        m.d.sync += self.end_source.eq(self.word)
                    with m.Case(ConnectionWord.ROW_BASE):
                        m.d.sync += self.row_base.eq(self.word)
                with m.If(field == last):
                    m.next = "Wait"
        return m
