"""Read-modify-write on membranes equals plain addition, for any sequence of neurons."""

from __future__ import annotations

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.sim import SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.neuron import integrate
from edgesnn.number_format import SignedFormat
from edgesnn_hdl.accumulators import Accumulators
from edgesnn_hdl.memories import TwoPortMemory
from edgesnn_hdl.simulation import simulate_component

SLOT_BITS = 2


class WithMemory(Elaboratable):
    """Accumulators with the membranes that they work on."""

    def __init__(self, state_bits: int) -> None:
        self.sums = Accumulators(state_bits, SLOT_BITS)
        self.memory = TwoPortMemory(state_bits, 1 << SLOT_BITS)

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        m.submodules.sums = sums = self.sums
        m.submodules.memory = memory = self.memory
        m.d.comb += [
            memory.read_address.eq(sums.op_slot),
            sums.state.eq(memory.read_data),
            memory.write_address.eq(sums.write_slot),
            memory.write_data.eq(sums.write_state),
            memory.write_enable.eq(sums.write_enable),
        ]
        return m


Operation = tuple[bool, int, int]


def run_gates(operations: list[Operation], shift: int, state_bits: int) -> tuple[list[int], int]:
    """Membranes and overflows after ``operations`` (valid, slot, weight), one a cycle."""
    dut = WithMemory(state_bits)
    membranes = [0] * (1 << SLOT_BITS)
    overflows = 0

    async def bench(ctx: SimulatorContext) -> None:
        nonlocal overflows
        ctx.set(dut.sums.weight_shift, shift)
        for valid, slot, weight in [*operations, (False, 0, 0)]:
            ctx.set(dut.sums.op_valid, valid)
            ctx.set(dut.sums.op_slot, slot)
            ctx.set(dut.sums.op_weight, weight)
            if ctx.get(dut.sums.write_enable):
                membranes[ctx.get(dut.sums.write_slot)] = ctx.get(dut.sums.write_state)
                overflows += ctx.get(dut.sums.overflow)
            await ctx.tick()

    simulate_component(dut, bench)
    return membranes, overflows


def plain_sums(operations: list[Operation], shift: int, state_bits: int) -> tuple[list[int], int]:
    membranes = [0] * (1 << SLOT_BITS)
    overflows = 0
    for valid, slot, weight in operations:
        if valid:
            membranes[slot], overflow = integrate(membranes[slot], weight << shift, state_bits)
            overflows += overflow
    return membranes, overflows


operations = st.lists(
    st.tuples(st.booleans(), st.integers(0, (1 << SLOT_BITS) - 1), st.integers(-8, 7)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(operations, st.integers(0, 15), st.sampled_from([8, 16, 24]))
def test_sums_equal_plain_addition_in_any_order(
    sequence: list[Operation], shift: int, state_bits: int
) -> None:
    assert run_gates(sequence, shift, state_bits) == plain_sums(sequence, shift, state_bits)


@pytest.mark.parametrize("gap", [0, 1, 2, 3])
def test_operations_on_one_neuron_add_up_at_any_distance(gap: int) -> None:
    sequence = [(True, 1, 7), *[(False, 1, 0)] * gap, (True, 1, 5), (True, 1, -3)]
    membranes, overflows = run_gates(sequence, 2, 16)
    assert (membranes[1], overflows) == (9 << 2, 0)


def test_a_sum_that_leaves_the_word_wraps_and_is_counted() -> None:
    membranes, overflows = run_gates([(True, 0, 7)] * 3, 15, 16)
    assert overflows == plain_sums([(True, 0, 7)] * 3, 15, 16)[1] > 0
    assert SignedFormat(16).contains(membranes[0])
