"""Walks the rows of a lane and emits one synaptic operation a cycle.

For each row start that arrives it reads the start, then the words until the row ends (see
:mod:`edgesnn.synapse_coding`). A row takes one cycle more than its words need: the one in which
its start is read. The next start is asked for in the cycle of the last word.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.synapse_coding import END


class SynapseWalker(wiring.Component):
    """The walker of one lane.

    The memory behind ``address`` answers in the next cycle and keeps nothing: the walker asks
    again for a word that it needs twice. While ``idle`` it passes ``row_starts.payload`` on to
    ``address``, valid or not.

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
        slot = Signal(self.slot_bits)  # slot that was visited last
        second = Signal()  # the first entry of a packed word is done
        m.d.sync += current.eq(self.address)

        # A packed word: a filler in front of a synapse is taken in the cycle of the synapse, one
        # behind it likewise. A low end mark implies a high one (see synapse_coding), so the high
        # entry alone tells whether the row ends; then it is not a synapse either.
        low_weight, low_gap = self.word[:4], self.word[4:8]
        high_weight, high_gap = self.word[8:12], self.word[12:]
        use_high = second | (low_weight == 0)
        leading = ~second & (low_weight == 0)
        trailing = ~use_high & (high_weight == 0)
        gap = Mux(use_high, high_gap, low_gap)

        op_weight = Mux(self.packed & use_high, high_weight, low_weight)
        step = Mux(self.packed, Cat(gap, leading), self.word[4:15])
        holds_word = self.packed & ~use_high & (high_weight != 0)
        m.d.sync += [
            self.op_valid.eq(0),
            self.op_slot.eq(slot + step + 1),
            self.op_weight.eq(op_weight),
        ]

        # The slowest path of the core goes from the memory through this choice to its address.
        # The high byte alone tells both an empty row and the end of a packed one.
        idle, starting, walking = Signal(), Signal(), Signal()
        take_next = Signal()
        following = Signal(16)
        ends_packed = self.word[8:] == END
        m.d.comb += [
            following.eq(current + 1),
            take_next.eq(
                (ends_packed & (starting | (walking & self.packed)))
                | idle
                | (self.word[15] & walking & ~self.packed)
            ),
            self.row_starts.ready.eq(take_next),
            self.address.eq(
                Mux(
                    take_next,
                    self.row_starts.payload,
                    Mux(holds_word, current, following) & walking.replicate(16)
                    | self.word & starting.replicate(16),
                )
            ),
            self.idle.eq(idle),
        ]
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += idle.eq(1)
                with m.If(self.row_starts.valid):
                    m.next = "Start"
            with m.State("Start"):
                m.d.comb += starting.eq(1)
                m.d.sync += [slot.eq(self.first_slot - 1), second.eq(0)]
                with m.If(~take_next):
                    m.next = "Walk"
                with m.Elif(~self.row_starts.valid):
                    m.next = "Idle"
            with m.State("Walk"):
                m.d.comb += walking.eq(1)
                m.d.sync += [self.op_valid.eq(op_weight != 0), second.eq(holds_word)]
                with m.If(self.packed):
                    m.d.sync += slot.eq(slot + Cat(gap, leading | trailing) + 1)
                with m.If(take_next):
                    with m.If(self.row_starts.valid):
                        m.next = "Start"
                    with m.Else():
                        m.next = "Idle"
        return m
