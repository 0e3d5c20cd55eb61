"""The weight of a synaptic operation, times a power of two.

A shifter of logic takes sixty cells of each lane; iCE40 UltraPlus has multipliers to spare.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Width of a weight, and of one shifted by up to fifteen bits.
WEIGHT_BITS = 4
SHIFTED_BITS = WEIGHT_BITS + 15


class WeightShift(wiring.Component):
    """``shifted`` is ``weight << shift``, one cycle later.

    Members
    -------
    weight : In(signed(4)), shift : In(4)
    shifted : Out(signed(19))
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "weight": In(signed(WEIGHT_BITS)),
                "shift": In(4),
                "shifted": Out(signed(SHIFTED_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Without reset the register can be taken into a DSP block.
        register = Signal(signed(SHIFTED_BITS), reset_less=True)
        m.d.comb += self.shifted.eq(register)
        if getattr(platform, "device", "") == "iCE40UP5K":
            power = Signal(1 << len(self.shift))
            m.d.comb += power.eq(1 << self.shift)
            m.d.sync += register.eq(self.weight * power)
        else:
            m.d.sync += register.eq(self.weight << self.shift)
        return m
