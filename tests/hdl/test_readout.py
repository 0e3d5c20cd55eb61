"""The accumulators of the gates are those of edgesnn.readout, for every rule."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from edgesnn.core_config import CoreConfig
from edgesnn.network import ReadoutRule
from edgesnn.readout import accumulate, initial_accumulator
from edgesnn_hdl.readout import ReadoutAccumulators

CONFIG = CoreConfig(lanes=2, neurons=64, readout_neurons=16)
NEURONS = 10
STEPS = 12


def of_the_gates(rule, values, spikes, first_step):
    """Accumulators [step, neuron] for values and spikes of that shape."""
    dut = ReadoutAccumulators(CONFIG)
    found = []

    async def testbench(ctx):
        ctx.set(dut.awake, 1)
        ctx.set(dut.rule, rule)
        ctx.set(dut.clear, 1)
        await ctx.tick().repeat(CONFIG.readout_neurons)
        ctx.set(dut.clear, 0)
        for step in range(STEPS):
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            ctx.set(dut.steps_since_reset, first_step + step)
            for neuron in range(NEURONS):
                lane = neuron % CONFIG.lanes
                ctx.set(dut.valid, 1)
                ctx.set(dut.lane, lane)
                ctx.set(dut.values[lane], int(values[step, neuron]))
                ctx.set(dut.values[1 - lane], 77)
                ctx.set(dut.fires, int(spikes[step, neuron]) << lane)
                await ctx.tick()
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(2)
            found.append([])
            ctx.set(dut.access, 1)
            for neuron in range(NEURONS):
                ctx.set(dut.access_lane, neuron % CONFIG.lanes)
                ctx.set(dut.access_slot, neuron // CONFIG.lanes)
                await ctx.tick()
                found[-1].append(ctx.get(dut.accumulator))
            ctx.set(dut.access, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return found


@pytest.mark.parametrize("first_step", [0, 2**31 - 4], ids=["from a reset", "after 2^31 steps"])
@pytest.mark.parametrize("rule", list(ReadoutRule), ids=lambda rule: rule.name)
def test_every_rule_is_followed(rule, first_step):
    rng = np.random.default_rng(int(rule))
    # Few different values, the extremes among them, so that maxima are met and ties come up.
    values = rng.choice([-(2**15), -3, -2, -1, 0, 1, 2, 2**15 - 1], (STEPS, NEURONS))
    spikes = rng.random((STEPS, NEURONS)) < 0.2
    accumulators = [initial_accumulator(rule)] * NEURONS
    expected = []
    for step in range(STEPS):
        accumulators = [
            accumulate(rule, before, int(value), bool(spike), first_step + step)
            for before, value, spike in zip(accumulators, values[step], spikes[step], strict=True)
        ]
        expected.append(accumulators)
    assert of_the_gates(rule, values, spikes, first_step) == expected
