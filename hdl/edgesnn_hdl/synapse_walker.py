"""Walks the rows of a lane and emits one synaptic operation a cycle.

For each row it reads the start, then the words until the row ends (see
:mod:`edgesnn.synapse_coding`). The memory has one port. A packed word with two synapses keeps the
walker for two cycles, so the memory is free in the first: then the start of the next row is read,
if there is one, and the next row follows without a pause. Where a row offers no such cycle (a wide
one never does) the next start is read in the cycle of the last word, and costs one.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.synapse_coding import END


class SynapseWalker(wiring.Component):
    """The walker of one lane.

    The memory behind ``address`` answers in the next cycle and keeps nothing. While ``idle`` the
    walker passes ``head`` on to ``address``, valid or not.

    Parameters
    ----------
    slot_bits : int
        Width of a slot number within the lane.

    Members
    -------
    head_valid, head, head_found : In
        The next row, see RowQueue: the address of its start, or of the row if ``head_found``.
    take : Out(1), exchange : Out(1)
        The head leaves; or ``word`` becomes the head.
    packed : In(1), first_slot : In(slot_bits)
        Coding of the connection; slot of the first neuron of its target population.
    address : Out(16), word : In(16)
        Synapse memory.
    op_valid : Out(1), op_slot : Out(slot_bits), op_weight : Out(signed(4))
        One synaptic operation.
    idle : Out(1)
        No row is being walked.
    """

    def __init__(self, slot_bits: int) -> None:
        self.slot_bits = slot_bits
        super().__init__(
            {
                "head_valid": In(1),
                "head": In(16),
                "head_found": In(1),
                "take": Out(1),
                "exchange": Out(1),
                "packed": In(1),
                "first_slot": In(unsigned(slot_bits)),
                "address": Out(16),
                "word": In(16),
                "op_valid": Out(1),
                "op_slot": Out(unsigned(slot_bits)),
                "op_weight": Out(signed(4)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        current = Signal(16)  # address of the word that is being walked
        slot = Signal(self.slot_bits)  # the first that was not visited yet
        second = Signal()  # the high entry of a word whose low one is done
        kept = Signal(8)  # that entry
        looking = Signal()  # the visible word is the start of the next row
        idle, starting, walking = Signal(), Signal(), Signal()

        # A packed word: fillers in front of a synapse and behind it are taken in its cycle.
        low, high = self.word[:8], Mux(second, kept, self.word[8:])
        low_is_synapse, high_is_synapse = low[:4] != 0, high[:4] != 0
        take_high = second | ~low_is_synapse
        pair = Signal()
        before, behind, gap = Signal(4), Signal(5), Signal(4)
        synapse = second | low_is_synapse | high_is_synapse
        m.d.comb += [
            pair.eq(walking & self.packed & ~second & low_is_synapse & high_is_synapse),
            before.eq(Mux(second | low_is_synapse, 0, low[4:])),
            behind.eq(before + Mux(high_is_synapse, 0, high[4:])),
            gap.eq(Mux(synapse, Mux(take_high, high[4:], low[4:]), 0)),
        ]
        op_weight = Mux(self.packed & take_high, high[:4], low[:4])
        m.d.sync += [
            self.op_valid.eq(walking & (op_weight != 0)),
            self.op_weight.eq(op_weight),
            self.op_slot.eq(slot + Mux(self.packed, Cat(gap, before), self.word[4:15])),
            second.eq(pair),
            kept.eq(high),
            looking.eq(pair & self.head_valid & ~self.head_found),
        ]

        # The slowest path of the core goes from the memory through this choice to its address; so
        # synthesis may not take the choice apart. The high byte alone tells both an empty row and
        # the end of a packed one, and its weight tells which half of the word to look at.
        nothing = self.word[8:] == END
        ends = Signal()
        to_head = Signal()
        ask_for_head = Signal(attrs={"keep": 1})
        first_entry, wide = walking & self.packed & ~second, walking & ~self.packed
        ends_or_pair = Mux(self.word[8:12] == 0, self.word[12:] == 0, low_is_synapse)
        ends_wide = wide & self.word[15]
        m.d.comb += [
            ends.eq((first_entry & nothing) | ends_wide),
            to_head.eq(idle | (starting & nothing) | ends),
            ask_for_head.eq(idle | ends_wide | (starting & nothing) | (first_entry & ends_or_pair)),
            self.take.eq(self.head_valid & (to_head | (looking & nothing))),
            self.exchange.eq(looking & ~nothing),
            self.address.eq(Mux(ask_for_head, self.head, Mux(starting, self.word, current + 1))),
            self.idle.eq(idle),
        ]
        with m.If(~pair):
            m.d.sync += current.eq(self.address)
        with m.If(starting | ends):
            m.d.sync += slot.eq(self.first_slot)
        with m.Elif(walking & self.packed):
            m.d.sync += slot.eq(slot + Cat(gap, behind) + synapse)

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += idle.eq(1)
                with m.If(self.head_valid):
                    m.next = "Start"
            with m.State("Start"):
                m.d.comb += starting.eq(1)
                with m.If(~nothing):
                    m.next = "Walk"
                with m.Elif(~self.head_valid):
                    m.next = "Idle"
            with m.State("Walk"):
                m.d.comb += walking.eq(1)
                with m.If(ends):
                    with m.If(~self.head_valid):
                        m.next = "Idle"
                    with m.Elif(~self.head_found):
                        m.next = "Start"
        return m
