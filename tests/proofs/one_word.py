"""One word of a memory, any one; what a proof about all words needs to know of a memory."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn_hdl.accumulators import Accumulators
from tests.proofs.prover import constant


class OneWord(wiring.Component):
    """TwoPortMemory, as far as the word at ``place`` goes; the other words are any value.

    Members
    -------
    place : In
        Of the word; constant.
    read_address : In, read_data : Out
        The word is there in the next cycle; any value if it was written while it was read.
    write_enable, write_address, write_data : In
    load : In(1), loaded : In
        The word becomes ``loaded``, from outside.
    anything : In
        What a read of another word gives; any value.
    word : Out
        The word itself.
    """

    def __init__(self, width: int, address_bits: int) -> None:
        word, address = signed(width), unsigned(address_bits)
        super().__init__(
            {
                "place": In(address),
                "read_address": In(address),
                "read_data": Out(word),
                "write_enable": In(1),
                "write_address": In(address),
                "write_data": In(word),
                "load": In(1),
                "loaded": In(word),
                "anything": In(word),
                "word": Out(word),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        known = Signal()
        read = Signal.like(self.word)
        writes = self.write_enable & (self.write_address == self.place)
        m.d.sync += [
            known.eq((self.read_address == self.place) & ~writes),
            read.eq(self.word),
        ]
        m.d.comb += self.read_data.eq(Mux(known, read, self.anything))
        with m.If(writes):
            m.d.sync += self.word.eq(self.write_data)
        with m.If(self.load):
            m.d.sync += self.word.eq(self.loaded)
        return m


def with_one_word(m: Module, harness: Any, slot_bits: int) -> tuple[Accumulators, OneWord, Value]:
    """Accumulators of a harness behind its inputs valid, slot, weight, shift; and their memory.

    Also the slot ``watched``, of which the memory knows the word; ``anything`` is in the others.
    """
    m.submodules.sums = sums = Accumulators(harness.state_bits, slot_bits)
    m.submodules.memory = memory = OneWord(harness.state_bits, slot_bits)
    watched = constant(m, harness.watched)
    m.d.comb += [
        sums.op_valid.eq(harness.valid),
        sums.op_slot.eq(harness.slot),
        sums.op_weight.eq(harness.weight),
        sums.weight_shift.eq(harness.shift),
        sums.state.eq(memory.read_data),
        memory.place.eq(watched),
        memory.anything.eq(harness.anything),
        memory.read_address.eq(harness.slot),
        memory.write_enable.eq(sums.write_enable),
        memory.write_address.eq(sums.write_slot),
        memory.write_data.eq(sums.write_state),
    ]
    return sums, memory, watched
