"""The neuron update equals ``lif_step`` for all inputs, but for the product of two numbers.

The specification is written in the order of :func:`edgesnn.neuron.lif_step`, as one formula on
the inputs of four cycles ago; a test compares it with that function. No solver can compare one
multiplier with another, so specification and gates share the product, and three claims stand for
its equality: the gates multiply the very numbers that the specification would (proved here); what
becomes of the product is right (proved here for every number that could be one, so that nothing
is asked of the multiplier but its bounds); the register holds the product of its operands (seen
in simulation for all of them, :mod:`tests.proofs.all_products`).

Assumed: flags and clamps are constant while neurons are in the pipeline, decays are at most
DECAY_ONE, reset modes are those of ResetMode, as ``LifParameters`` and the image checks demand.
"""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.neuron import ResetMode
from edgesnn.number_format import DECAY_FRACTION_BITS
from edgesnn_hdl.current_update import CurrentUpdate
from edgesnn_hdl.neuron_update import (
    SPIKE_LATENCY,
    STORED_LATENCY,
    VALUE_LATENCY,
    NeuronUpdate,
    PopulationFlags,
)
from tests.proofs.inside import Inside
from tests.proofs.prover import Bug, Proof, constant, prove


def apply_decay(product: Value) -> Value:
    """``product / 4096``, rounded toward zero."""
    magnitude = Mux(product < 0, -product, product) >> DECAY_FRACTION_BITS
    return Mux(product < 0, -magnitude, magnitude)


def clamp(number: Value, mask: Value) -> Value:
    """The nearest number in ``-mask - 1 .. mask``."""
    return Mux(number > mask, mask, Mux(number < -mask - 1, -mask - 1, number))


def is_product(product: Value, operand: Value) -> Value:
    """It lies where a product of ``operand`` with a decay must lie."""
    bound = operand << DECAY_FRACTION_BITS
    return Mux(
        operand >= 0, (product >= 0) & (product <= bound), (product <= 0) & (product >= bound)
    )


class LifStep(wiring.Component):
    """``lif_step`` as a formula, with the products left open.

    Members
    -------
    flags, clamp_mask, current_mask, membrane, current, threshold, bias : In
        As of NeuronUpdate and CurrentUpdate, all at once.
    operand : Out, product, current_product : In
        What is to be multiplied by the decay, and what came of it; likewise of ``current``.
    value, spike, overflow, stored, stored_current : Out
        The outcome.
    """

    def __init__(self, state_bits: int) -> None:
        self.state_bits = state_bits
        word = signed(state_bits)
        product = signed(state_bits + DECAY_FRACTION_BITS + 1)
        super().__init__(
            {
                "flags": In(PopulationFlags),
                "clamp_mask": In(unsigned(state_bits - 1)),
                "current_mask": In(unsigned(state_bits - 1)),
                "membrane": In(word),
                "current": In(word),
                "threshold": In(word),
                "bias": In(word),
                "operand": Out(signed(state_bits + 1)),
                "product": In(product),
                "current_product": In(product),
                "value": Out(word),
                "spike": Out(1),
                "overflow": Out(1),
                "stored": Out(word),
                "stored_current": Out(word),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        flags = self.flags
        total = Signal(signed(self.state_bits + 2))
        m.d.comb += [
            total.eq(self.membrane + self.current + self.bias),
            self.value.eq(total),
            self.overflow.eq(self.value != total),
            self.spike.eq(flags.spiking & (self.value >= self.threshold + flags.strict)),
            self.operand.eq(self.value),
        ]
        subtract = self.spike & (flags.reset_mode == ResetMode.SUBTRACT)
        with m.If(self.spike & (flags.reset_mode == ResetMode.TO_ZERO)):
            m.d.comb += self.operand.eq(0)
        with m.If(subtract & ~flags.reset_after_decay):
            m.d.comb += self.operand.eq(self.value - self.threshold)
        decayed = apply_decay(self.product)
        left = Mux(subtract & flags.reset_after_decay, decayed - self.threshold, decayed)
        m.d.comb += [
            self.stored.eq(clamp(left, self.clamp_mask)),
            self.stored_current.eq(clamp(apply_decay(self.current_product), self.current_mask)),
        ]
        return m


class UpdateIsLifStep(wiring.Component):
    """A neuron in every cycle, with any words."""

    def __init__(self, state_bits: int, currents: bool) -> None:
        self.state_bits = state_bits
        self.currents = currents
        word, mask = signed(state_bits), unsigned(state_bits - 1)
        super().__init__(
            {
                "flags": In(PopulationFlags),
                "clamp_mask": In(mask),
                "current_mask": In(mask),
                "membrane": In(word),
                "current": In(word),
                "threshold": In(word),
                "bias": In(word),
                "decay": In(DECAY_FRACTION_BITS + 1),
                "current_decay": In(DECAY_FRACTION_BITS + 1),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        m.submodules.step = step = LifStep(self.state_bits)
        history: dict[int, list[Signal]] = {}

        def ago(cycles: int, signal: Signal) -> Signal:
            past = history.setdefault(id(signal), [signal])
            while len(past) <= cycles:
                name = f"{signal.name}_{len(past)}_ago"
                past.append(Signal(signal.shape(), name=name))
                m.d.sync += past[-1].eq(past[-2])
            return past[cycles]

        flags = PopulationFlags(constant(m, self.flags.as_value()))
        clamp_mask, current_mask = constant(m, self.clamp_mask), constant(m, self.current_mask)
        update = NeuronUpdate(self.state_bits, currents=self.currents)
        inside = Inside(update)
        m.submodules.update = inside.fragment
        m.d.comb += [
            update.flags.eq(flags),
            update.clamp_mask.eq(clamp_mask),
            update.membrane.eq(self.membrane),
            update.bias.eq(self.bias),
            update.threshold.eq(ago(1, self.threshold)),
            update.decay.eq(ago(1, self.decay)),
        ]

        # What was given to the gates STORED_LATENCY cycles ago is given to the formula now.
        operand, product = inside["operand_2"], inside["product_3"]
        m.d.comb += [
            step.flags.eq(flags),
            step.clamp_mask.eq(clamp_mask),
            step.current_mask.eq(current_mask),
            *(
                getattr(step, name).eq(ago(STORED_LATENCY, getattr(self, name)))
                for name in ("membrane", "threshold", "bias")
            ),
            step.product.eq(ago(1, product)),
        ]
        good_mask = [(mask & (mask + 1)) == 0 for mask in (clamp_mask, current_mask)]
        m.d.comb += [
            Assume(Cat(good_mask).all()),
            Assume(~flags.spiking | (self.threshold + flags.strict >= 1)),
            Assume(is_product(product, ago(1, operand))),
        ]
        equal = [
            ago(STORED_LATENCY - VALUE_LATENCY, update.value) == step.value,
            ago(STORED_LATENCY - VALUE_LATENCY, update.fires) == step.spike,
            ago(STORED_LATENCY - VALUE_LATENCY, update.overflow) == step.overflow,
            ago(STORED_LATENCY - SPIKE_LATENCY, update.spike) == step.spike,
            ago(2, operand) == step.operand,
            ago(2, inside["decay_2"]) == ago(STORED_LATENCY, self.decay),
            update.stored == step.stored,
        ]
        if self.currents:
            fade = CurrentUpdate(self.state_bits)
            inside = Inside(fade)
            m.submodules.fade = inside.fragment
            operand, product = inside["operand_2"], inside["product_3"]
            m.d.comb += [
                update.current.eq(self.current),
                fade.current.eq(self.current),
                fade.clamp_mask.eq(current_mask),
                fade.decay.eq(ago(1, self.current_decay)),
                step.current.eq(ago(STORED_LATENCY, self.current)),
                step.current_product.eq(ago(1, product)),
                Assume(is_product(product, ago(1, operand))),
            ]
            equal += [
                ago(2, operand) == step.current,
                ago(2, inside["decay_2"]) == ago(STORED_LATENCY, self.current_decay),
                fade.stored == step.stored_current,
            ]

        age = Signal(range(STORED_LATENCY + 1))
        with m.If(age != STORED_LATENCY):
            m.d.sync += age.eq(age + 1)
        with m.Else():
            m.d.comb += [Assert(fact) for fact in equal]
        return m


PROOF = Proof(
    "the neuron update equals lif_step for all inputs, but for its product",
    "induction",
    {
        f"{bits} bits, {kind} currents": lambda bits=bits, kind=kind: prove(
            UpdateIsLifStep(bits, kind == "with")
        )
        for bits in (16, 18, 24)
        for kind in ("without", "with")
    },
    ("16 bits, without currents", "16 bits, with currents"),
    Bug(
        "a decay of a negative membrane rounds down",
        "edgesnn_hdl.neuron_update",
        "negative_fraction = product_3[-1] & product_3[:fraction].any()",
        "negative_fraction = 0",
    ),
)
