"""One neuron, one time step; the gates of :func:`edgesnn.neuron.lif_step`.

A pipeline that takes one neuron a cycle. With a neuron's words at the inputs in cycle 0:

====== =============================================================
cycle  what happens
====== =============================================================
0      ``v = membrane + bias``, with a current also that
1      threshold and decay are at the inputs; compare, reset before the
       decay; ``value``, ``fires``, ``overflow`` are valid
2      multiply; ``spike`` is valid
3      round, reset after the decay
4      clamp; ``stored`` is valid
====== =============================================================

Threshold and decay come a cycle later than membrane and bias, which saves registers for them.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.neuron import ResetMode
from edgesnn.number_format import DECAY_FRACTION_BITS

#: Cycles from membrane and bias to ``value``, ``fires`` and ``overflow``; to ``spike``; and to
#: ``stored``.
VALUE_LATENCY = 1
SPIKE_LATENCY = 2
STORED_LATENCY = 4


#: What the neurons of a population share; bits as in memory_layout.PopulationFlag.
PopulationFlags = data.StructLayout(
    {
        "spiking": 1,
        "strict": 1,
        "reset_after_decay": 1,
        "is_readout": 1,
        "reset_mode": 2,
        "is_last": 1,
    }
)


class NeuronUpdate(wiring.Component):
    """The update pipeline of one lane.

    Parameters
    ----------
    state_bits : int
        Width of the membrane, threshold and bias.
    decay_fraction_bits : int
        The decay is in units of 1 / 2**decay_fraction_bits (12, but for exhaustive tests).
    currents : bool
        Whether neurons may have a synaptic current.

    Members
    -------
    flags : In(PopulationFlags)
        Constant while neurons of a population are in the pipeline.
    clamp_mask : In(state_bits - 1)
        Ones below the sign bit of the clamped membrane: 2**(membrane_bits - 1) - 1.
    membrane, bias : In
        Words of one neuron.
    current : In
        Likewise, only if ``currents``; 0 of a neuron that has none.
    threshold, decay : In
        Words of the same neuron, one cycle later.
    value, fires, overflow : Out
        ``v``, whether it fires, whether ``v`` wrapped; VALUE_LATENCY cycles later.
    spike : Out(1)
        ``fires``, SPIKE_LATENCY cycles later.
    stored : Out
        The membrane for the next step; STORED_LATENCY cycles later.
    """

    def __init__(
        self,
        state_bits: int,
        decay_fraction_bits: int = DECAY_FRACTION_BITS,
        currents: bool = False,
    ) -> None:
        self.state_bits = state_bits
        self.decay_fraction_bits = decay_fraction_bits
        self.currents = currents
        word = signed(state_bits)
        super().__init__(
            {
                "flags": In(PopulationFlags),
                "clamp_mask": In(unsigned(state_bits - 1)),
                "membrane": In(word),
                "threshold": In(word),
                "bias": In(word),
                "decay": In(unsigned(decay_fraction_bits + 1)),
                "value": Out(word),
                "fires": Out(1),
                "spike": Out(1),
                "overflow": Out(1),
                "stored": Out(word),
            }
            | ({"current": In(word)} if currents else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = signed(self.state_bits)
        wide = signed(self.state_bits + 1)
        fraction = self.decay_fraction_bits

        # Cycle 0: add the bias, and the current. The sum left the word if the bits above it are
        # not its sign.
        total = self.membrane + self.bias
        if self.currents:
            total = total + self.current
        exact = Signal(total.shape())
        above_word = exact[self.state_bits - 1 :]
        m.d.comb += exact.eq(total)
        m.d.sync += [
            self.value.eq(exact),
            self.overflow.eq((above_word[1:] ^ above_word[:-1]).any()),
        ]

        # Cycle 1: one subtraction serves the comparison and the reset.
        above = Signal(wide)
        subtract = Signal()
        # Without reset these registers can be taken into a DSP block.
        operand_2 = Signal(word, reset_less=True)
        decay_2 = Signal.like(self.decay, reset_less=True)
        threshold_2 = Signal(word)
        subtract_2 = Signal()
        m.d.comb += [
            above.eq(self.value - self.threshold),
            self.fires.eq(self.flags.spiking & (above >= 0) & ~(self.flags.strict & (above == 0))),
            subtract.eq(self.fires & (self.flags.reset_mode == ResetMode.SUBTRACT)),
        ]
        m.d.sync += [
            operand_2.eq(self.value),
            decay_2.eq(self.decay),
            threshold_2.eq(self.threshold),
            subtract_2.eq(subtract & self.flags.reset_after_decay),
            self.spike.eq(self.fires),
        ]
        with m.If(subtract & ~self.flags.reset_after_decay):
            m.d.sync += operand_2.eq(above)
        with m.If(self.fires & (self.flags.reset_mode == ResetMode.TO_ZERO)):
            m.d.sync += operand_2.eq(0)

        # Cycle 2: multiply.
        product_3 = Signal(signed(self.state_bits + fraction + 1), reset_less=True)
        threshold_3 = Signal(word)
        subtract_3 = Signal()
        m.d.sync += [
            product_3.eq(operand_2 * decay_2),
            threshold_3.eq(threshold_2),
            subtract_3.eq(subtract_2),
        ]

        # Cycle 3: round toward zero, subtract what is left to subtract.
        negative_fraction = product_3[-1] & product_3[:fraction].any()
        after_4 = Signal(wide)
        m.d.sync += after_4.eq(
            (product_3 >> fraction) - Mux(subtract_3, threshold_3, 0) + negative_fraction
        )

        # Cycle 4: clamp. In range means that all bits above the mask equal the sign.
        sign = after_4[-1].replicate(self.state_bits)
        mask = Cat(self.clamp_mask, 0)
        m.d.comb += self.stored.eq(
            Mux(((after_4[:-1] ^ sign) & ~mask).any(), mask ^ sign, after_4[:-1])
        )
        return m
