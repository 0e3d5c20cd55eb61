"""The accumulators of the read-out population; the gates of :func:`edgesnn.readout.accumulate`."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.network import ReadoutRule
from edgesnn.readout import NOTHING


class ReadoutStep(wiring.Component):
    """One accumulator, one time step; combinational.

    Members
    -------
    rule : In(3)
        A ReadoutRule.
    accumulator, value, spike, steps_since_reset : In
    result, initial : Out(signed(32))
        The new accumulator, and the one after a reset.
    """

    def __init__(self, state_bits: int) -> None:
        super().__init__(
            {
                "rule": In(3),
                "accumulator": In(signed(32)),
                "value": In(signed(state_bits)),
                "spike": In(1),
                "steps_since_reset": In(32),
                "result": Out(signed(32)),
                "initial": Out(signed(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        addend = Signal(signed(32))
        total = Signal(signed(32))
        m.d.comb += [
            total.eq(self.accumulator + addend),
            self.result.eq(self.accumulator),
            self.initial.eq(NOTHING),
        ]
        with m.Switch(self.rule):
            with m.Case(ReadoutRule.SPIKE_COUNT):
                m.d.comb += [addend.eq(self.spike), self.result.eq(total), self.initial.eq(0)]
            with m.Case(ReadoutRule.MEMBRANE_LAST):
                m.d.comb += self.result.eq(self.value)
            with m.Case(ReadoutRule.MEMBRANE_SUM):
                m.d.comb += [addend.eq(self.value), self.result.eq(total), self.initial.eq(0)]
            with m.Case(ReadoutRule.MEMBRANE_MAX):
                with m.If(self.value > self.accumulator):
                    m.d.comb += self.result.eq(self.value)
            with m.Case(ReadoutRule.FIRST_SPIKE):
                with m.If(self.spike & (self.accumulator == NOTHING)):
                    m.d.comb += self.result.eq(-self.steps_since_reset)
        return m
