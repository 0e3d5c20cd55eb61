"""The accumulators of the read-out population; the gates of :func:`edgesnn.readout.accumulate`."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.network import ReadoutRule
from edgesnn.readout import NOTHING
from edgesnn_hdl.memories import TwoPortMemory


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
        counts = self.rule == ReadoutRule.SPIKE_COUNT
        compares = self.rule == ReadoutRule.MEMBRANE_MAX
        # One adder: the accumulator plus a spike or a value, or the accumulator minus the value.
        addend = Signal(signed(32))
        total = Signal(signed(33))
        m.d.comb += [
            addend.eq(Mux(counts, 0, Mux(compares, ~self.value, self.value))),
            total.eq(self.accumulator + addend + Mux(counts, self.spike, compares)),
            self.result.eq(self.accumulator),
            self.initial.eq(NOTHING),
        ]
        with m.Switch(self.rule):
            with m.Case(ReadoutRule.SPIKE_COUNT, ReadoutRule.MEMBRANE_SUM):
                m.d.comb += [self.result.eq(total), self.initial.eq(0)]
            with m.Case(ReadoutRule.MEMBRANE_LAST):
                m.d.comb += self.result.eq(self.value)
            with m.Case(ReadoutRule.MEMBRANE_MAX):
                with m.If(total < 0):
                    m.d.comb += self.result.eq(self.value)
            with m.Case(ReadoutRule.FIRST_SPIKE):
                with m.If(self.spike & (self.accumulator == NOTHING)):
                    m.d.comb += self.result.eq(-self.steps_since_reset)
        return m


class ReadoutAccumulators(wiring.Component):
    """The accumulator of every neuron of the read-out population, one a cycle.

    Members
    -------
    rule, steps_since_reset : In
    valid : In(1), lane : In, values, fires : In
        In neuron order: what the update of lane ``lane`` found, one from each lane in turn.
    clear : In(1)
        Sets one accumulator after the other to its initial value.
    restart : In(1)
        The next one is the first.
    awake : In(1)
        The memory is read.
    access : In(1), access_lane, access_slot : In, accumulator : Out(signed(32))
        While ``access`` is 1, any accumulator; it comes in the next cycle.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "rule": In(3),
                "steps_since_reset": In(32),
                "valid": In(1),
                "lane": In(range(config.lanes)),
                "values": In(signed(config.state_bits)).array(config.lanes),
                "fires": In(config.lanes),
                "clear": In(1),
                "restart": In(1),
                "awake": In(1),
                "access": In(1),
                "access_lane": In(4),
                "access_slot": In(16),
                "accumulator": Out(signed(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self.config.lanes
        m.submodules.memory = memory = TwoPortMemory(32, self.config.readout_neurons)
        m.submodules.step = step = ReadoutStep(self.config.state_bits)
        index = Signal(range(self.config.readout_neurons))
        writing = Signal()
        with m.If(self.restart):
            m.d.sync += index.eq(0)
        with m.Elif(self.valid | self.clear):
            m.d.sync += index.eq(index + 1)
        lane_bits = (lanes - 1).bit_length()
        place = Cat(self.access_lane[:lane_bits], self.access_slot)
        values = Array(self.values[k] for k in range(lanes))
        m.d.sync += [
            writing.eq(self.valid),
            memory.write_address.eq(index),
            step.value.eq(values[self.lane] if lanes > 1 else values[0]),
            step.spike.eq(self.fires.bit_select(self.lane, 1)),
        ]
        m.d.comb += [
            memory.read_enable.eq(self.awake),
            memory.read_address.eq(Mux(self.access, place, index)),
            memory.write_enable.eq(writing),
            memory.write_data.eq(step.result),
            step.rule.eq(self.rule),
            step.steps_since_reset.eq(self.steps_since_reset),
            step.accumulator.eq(memory.read_data),
            self.accumulator.eq(memory.read_data),
        ]
        # Cleared through the same registers, a cycle later.
        clearing = Signal()
        m.d.sync += clearing.eq(self.clear)
        with m.If(clearing):
            m.d.comb += [memory.write_enable.eq(1), memory.write_data.eq(step.initial)]
        return m
