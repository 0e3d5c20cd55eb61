"""The decay of a synaptic current; with NeuronUpdate the gates of :func:`edgesnn.neuron.lif_step`.

A pipeline in step with that one: the current comes with the membrane, its decay a cycle later, and
``stored`` is valid with that of the membrane.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.number_format import DECAY_FRACTION_BITS


class CurrentUpdate(wiring.Component):
    """The decay of the currents of one lane.

    Members
    -------
    clamp_mask : In(state_bits - 1)
        Ones below the sign bit of the clamped current: 2**(current_bits - 1) - 1. Constant while
        neurons of a population are in the pipeline.
    current : In
        After integration.
    decay : In
        Of the same neuron, one cycle later.
    stored : Out
        The current for the next step; STORED_LATENCY cycles after ``current``.
    """

    def __init__(self, state_bits: int, decay_fraction_bits: int = DECAY_FRACTION_BITS) -> None:
        self.state_bits = state_bits
        self.decay_fraction_bits = decay_fraction_bits
        word = signed(state_bits)
        super().__init__(
            {
                "clamp_mask": In(unsigned(state_bits - 1)),
                "current": In(word),
                "decay": In(unsigned(decay_fraction_bits + 1)),
                "stored": Out(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fraction = self.decay_fraction_bits
        current_1 = Signal(signed(self.state_bits))
        # Without reset these registers can be taken into a DSP block.
        operand_2 = Signal(signed(self.state_bits), reset_less=True)
        decay_2 = Signal.like(self.decay, reset_less=True)
        product_3 = Signal(signed(self.state_bits + fraction + 1), reset_less=True)
        left_4 = Signal(signed(self.state_bits))
        m.d.sync += [
            current_1.eq(self.current),
            operand_2.eq(current_1),
            decay_2.eq(self.decay),
            product_3.eq(operand_2 * decay_2),
            # Toward zero: a negative number with a fraction goes up.
            left_4.eq((product_3 >> fraction) + (product_3[-1] & product_3[:fraction].any())),
        ]
        # In range means that all bits above the mask equal the sign.
        sign = left_4[-1].replicate(self.state_bits)
        mask = Cat(self.clamp_mask, 0)
        m.d.comb += self.stored.eq(Mux(((left_4 ^ sign) & ~mask).any(), mask ^ sign, left_4))
        return m
