"""Current-based neurons in the update pipelines against ``lif_step``, narrow ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from edgesnn.memory_layout import PopulationFlag
from edgesnn.neuron import LifParameters, ResetMode, ResetOrder, lif_step
from edgesnn.number_format import DECAY_ONE
from edgesnn_hdl.current_update import CurrentUpdate
from edgesnn_hdl.neuron_update import SPIKE_LATENCY, STORED_LATENCY, VALUE_LATENCY, NeuronUpdate

STATE_BITS, FRACTION_BITS = 4, 2
DECAYS = range((1 << FRACTION_BITS) + 1)


class Pipelines(wiring.Component):
    """Membrane and current of a neuron, side by side as in a lane."""

    def __init__(self) -> None:
        self.neuron = NeuronUpdate(STATE_BITS, FRACTION_BITS, currents=True)
        self.current = CurrentUpdate(STATE_BITS, FRACTION_BITS)
        super().__init__({})

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        m.submodules.neuron = self.neuron
        m.submodules.current = self.current
        return m


def in_fractions(decay: int) -> int:
    return decay * DECAY_ONE >> FRACTION_BITS


@pytest.mark.parametrize(("mode", "order"), list(itertools.product(ResetMode, ResetOrder)))
@pytest.mark.parametrize(("membrane_bits", "current_bits"), [(3, 2), (2, 4), (4, 3)])
def test_both_words_are_those_of_lif_step(
    mode: ResetMode, order: ResetOrder, membrane_bits: int, current_bits: int
) -> None:
    rng = np.random.default_rng([int(mode), int(order), membrane_bits])
    cases = [
        [*rng.integers(-8, 8, 3), rng.integers(1, 8), rng.choice(DECAYS), rng.choice(DECAYS)]
        for _ in range(1500)
    ]
    cases += [[-8, c, 0, 7, 0, d] for c, d in itertools.product(range(-8, 8), DECAYS)]
    cases = [[int(x) for x in case] for case in cases]
    dut = Pipelines()
    neuron, current = dut.neuron, dut.current
    found: dict[str, list[int]] = {"value": [], "overflow": [], "spike": [], "stored": []}
    found["current"] = []

    async def testbench(ctx):  # type: ignore[no-untyped-def]
        flags = 1 << PopulationFlag.SPIKING | int(order) << PopulationFlag.RESET_AFTER_DECAY
        ctx.set(neuron.flags.as_value(), flags | int(mode) << PopulationFlag.RESET_MODE)
        ctx.set(neuron.clamp_mask, (1 << (membrane_bits - 1)) - 1)
        ctx.set(current.clamp_mask, (1 << (current_bits - 1)) - 1)
        for n in range(len(cases) + STORED_LATENCY):
            membrane, synaptic, bias, *_ = cases[min(n, len(cases) - 1)]
            *_, threshold, decay, synaptic_decay = cases[min(max(n - 1, 0), len(cases) - 1)]
            ctx.set(neuron.membrane, membrane)
            ctx.set(neuron.bias, bias)
            ctx.set(neuron.current, synaptic)
            ctx.set(current.current, synaptic)
            ctx.set(neuron.threshold, threshold)
            ctx.set(neuron.decay, decay)
            ctx.set(current.decay, synaptic_decay)
            for name, signal, latency in (
                ("value", neuron.value, VALUE_LATENCY),
                ("overflow", neuron.overflow, VALUE_LATENCY),
                ("spike", neuron.spike, SPIKE_LATENCY),
                ("stored", neuron.stored, STORED_LATENCY),
                ("current", current.stored, STORED_LATENCY),
            ):
                if 0 <= n - latency < len(cases):
                    found[name].append(ctx.get(signal))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    for n, (membrane, synaptic, bias, threshold, decay, synaptic_decay) in enumerate(cases):
        parameters = LifParameters(
            threshold,
            in_fractions(decay),
            bias,
            reset_mode=mode,
            reset_order=order,
            membrane_bits=membrane_bits,
            state_bits=STATE_BITS,
            synaptic_decay=in_fractions(synaptic_decay),
            current_bits=current_bits,
        )
        expected = lif_step(parameters, membrane, synaptic)
        assert [found[name][n] for name in ("value", "spike", "overflow", "stored", "current")] == [
            expected.value,
            expected.spike,
            expected.overflow,
            expected.membrane,
            expected.current,
        ], cases[n]
