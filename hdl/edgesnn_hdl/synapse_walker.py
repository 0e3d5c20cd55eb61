"""Walks the rows of a lane and emits one synaptic operation a cycle.

For each row start that arrives it reads the start, then the words until the row ends (see
:mod:`edgesnn.synapse_coding`). A row takes one cycle more than its words need: the one in which
its start is read. The next start is asked for in the cycle of the last word.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.synapse_coding import END, FILLER_ADVANCE

#: Cycles from a word at the memory's output to its operation at ``op_*``.
WALK_LATENCY = 1


class SynapseWalker(wiring.Component):
    """The walker of one lane.

    The memory behind ``address`` answers in the next cycle and keeps nothing: the walker asks
    again for a word that it needs twice.

    Parameters
    ----------
    slot_bits : int
        Width of a slot number within the lane.

    Members
    -------
    row_starts : In(stream)
        Addresses of row starts.
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
                "row_starts": In(stream.Signature(unsigned(16))),
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
        current = Signal(16)  # address of the word that is visible
        slot = Signal(self.slot_bits)  # one past the last slot of a packed row
        second = Signal()  # the first entry of a packed word is done
        m.d.sync += current.eq(self.address)

        low, high = self.word[:8], self.word[8:]
        low_weight, high_weight = low[:4], high[:4]
        advance_low = Signal(5)
        advance_high = Signal(5)
        both = Signal()
        use_high = Signal()
        packed_slot = Signal(self.slot_bits)
        m.d.comb += [
            advance_low.eq(low[4:] + 1),
            advance_high.eq(high[4:] + 1),
            both.eq((low_weight != 0) & (high_weight != 0)),
            # A filler in front of a synapse is taken in the cycle of the synapse.
            use_high.eq(second | (low_weight == 0)),
            # Slot of the operation, plus one.
            packed_slot.eq(
                slot
                + Mux(second, 0, advance_low)
                + Mux(use_high, advance_high, 0)
            ),
        ]

        has_op = Signal()
        ends_word = Signal()
        ends_row = Signal()
        op_slot = Signal(self.slot_bits)
        op_weight = Signal(4)
        with m.If(self.packed):
            m.d.comb += [
                op_weight.eq(Mux(use_high, high_weight, low_weight)),
                has_op.eq(op_weight != 0),
                ends_word.eq(second | ~both),
                ends_row.eq(((low == END) & ~second) | (high == END)),
                op_slot.eq(packed_slot - 1),
            ]
        with m.Else():
            m.d.comb += [
                op_weight.eq(low_weight),
                has_op.eq(1),
                ends_word.eq(1),
                ends_row.eq(self.word[15]),
                op_slot.eq(self.word[4:15]),
            ]

        m.d.sync += [
            self.op_valid.eq(0),
            self.op_slot.eq(self.first_slot + op_slot),
            self.op_weight.eq(op_weight),
        ]

        def take_next() -> None:
            """Ask for the next row start, or rest."""
            m.d.comb += [
                self.address.eq(self.row_starts.payload),
                self.row_starts.ready.eq(1),
            ]
            with m.If(self.row_starts.valid):
                m.next = "Start"
            with m.Else():
                m.next = "Idle"

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.idle.eq(1)
                take_next()
            with m.State("Start"):
                m.d.sync += [slot.eq(0), second.eq(0)]
                with m.If(self.word == 0):
                    take_next()
                with m.Else():
                    m.d.comb += self.address.eq(self.word)
                    m.next = "Walk"
            with m.State("Walk"):
                # A filler behind a synapse goes with it.
                trailing = ends_word & ~use_high & (high_weight == 0)
                m.d.sync += [
                    self.op_valid.eq(has_op),
                    slot.eq(packed_slot + Mux(trailing, FILLER_ADVANCE, 0)),
                    second.eq(~ends_word),
                ]
                with m.If(ends_word & ends_row):
                    take_next()
                with m.Else():
                    m.d.comb += self.address.eq(current + ends_word)
        return m
