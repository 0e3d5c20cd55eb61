"""Adds synaptic operations to state words, one a cycle, in any order of neurons.

The word (membrane, or synaptic current) is read in the cycle of the operation, added and written
in the next. An operation on the neuron of the operation just before takes the sum from there
(forwarding), because the memory does not have it yet.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn_hdl.weight_shift import SHIFTED_BITS, WeightShift


class Accumulators(wiring.Component):
    """Read-modify-write on the state words of one lane.

    Members
    -------
    op_valid, op_slot, op_weight : In
        One synaptic operation; the memory is read at ``op_slot`` in the same cycle.
    weight_shift : In(4)
        Constant while operations of a connection are on their way.
    state : In(signed(state_bits))
        The word read, one cycle after ``op_slot``.
    write_enable, write_slot, write_state : Out
        The sum, to be written at the end of that cycle.
    overflow : Out(1)
        The sum left the state word and wrapped; valid with ``write_enable``.
    """

    def __init__(self, state_bits: int, slot_bits: int) -> None:
        self.state_bits = state_bits
        self.slot_bits = slot_bits
        super().__init__(
            {
                "op_valid": In(1),
                "op_slot": In(unsigned(slot_bits)),
                "op_weight": In(signed(4)),
                "weight_shift": In(4),
                "state": In(signed(state_bits)),
                "write_enable": Out(1),
                "write_slot": Out(unsigned(slot_bits)),
                "write_state": Out(signed(state_bits)),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        forward = Signal()
        last_sum = Signal(signed(self.state_bits))
        m.submodules.weight = weight = WeightShift()
        exact = Signal(signed(max(self.state_bits, SHIFTED_BITS) + 1))
        m.d.sync += [
            self.write_enable.eq(self.op_valid),
            self.write_slot.eq(self.op_slot),
            forward.eq(self.write_enable & (self.write_slot == self.op_slot)),
            last_sum.eq(self.write_state),
        ]
        m.d.comb += [
            weight.weight.eq(self.op_weight),
            weight.shift.eq(self.weight_shift),
            exact.eq(Mux(forward, last_sum, self.state) + weight.shifted),
            self.write_state.eq(exact),
            self.overflow.eq(exact != self.write_state),
        ]
        return m
