"""The accumulators of the read-out population; the gates of :func:`edgesnn.readout.accumulate`."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.network import ReadoutRule
from edgesnn.readout import NOTHING
from edgesnn_hdl.memories import TwoPortMemory


class ReadoutAccumulators(wiring.Component):
    """The accumulator of every neuron of the read-out population, one a cycle; it is written two
    cycles after it was read.

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
        index = Signal(range(self.config.readout_neurons))
        with m.If(self.restart):
            m.d.sync += index.eq(0)
        with m.Elif(self.valid | self.clear):
            m.d.sync += index.eq(index + 1)
        lane_bits = (lanes - 1).bit_length()
        place = Cat(self.access_lane[:lane_bits], self.access_slot)
        m.d.comb += [
            memory.read_enable.eq(self.awake),
            memory.read_address.eq(Mux(self.access, place, index)),
            self.accumulator.eq(memory.read_data),
        ]

        # Cycle 1: the accumulator is there. What becomes of it is a sum: of itself or nothing, and
        # of a spike, the value, the number of the step or nothing.
        values = Array(self.values[k] for k in range(lanes))
        index_1 = Signal.like(index)
        value_1 = Signal(signed(self.config.state_bits))
        spike_1, updates_1, clears_1 = Signal(), Signal(), Signal()
        m.d.sync += [
            index_1.eq(index),
            value_1.eq(values[self.lane] if lanes > 1 else values[0]),
            spike_1.eq(self.fires.bit_select(self.lane, 1)),
            updates_1.eq(self.valid),
            clears_1.eq(self.clear),
        ]
        empty, larger, first = Signal(), Signal(), Signal()
        takes_value, takes_spike = Signal(), Signal()
        # Maxima are values, or NOTHING, so as many bits as values have say which is larger.
        m.d.comb += [
            empty.eq(memory.read_data == NOTHING % (1 << 32)),
            larger.eq(empty | (value_1 > memory.read_data[: len(value_1)].as_signed())),
        ]
        starts_at_zero = Signal()
        with m.Switch(self.rule):
            with m.Case(ReadoutRule.SPIKE_COUNT):
                m.d.comb += [takes_spike.eq(spike_1), starts_at_zero.eq(1)]
            with m.Case(ReadoutRule.MEMBRANE_SUM):
                m.d.comb += [takes_value.eq(1), starts_at_zero.eq(1)]
            with m.Case(ReadoutRule.MEMBRANE_LAST):
                m.d.comb += takes_value.eq(1)
            with m.Case(ReadoutRule.MEMBRANE_MAX):
                m.d.comb += takes_value.eq(larger)
            with m.Case(ReadoutRule.FIRST_SPIKE):
                m.d.comb += first.eq(spike_1 & empty)
        keeps = ~clears_1 & ~first & (starts_at_zero | ~takes_value)

        # Cycle 2: add, and write.
        index_2, writes_2 = Signal.like(index), Signal()
        kept, added, minus_steps = Signal(32), Signal(32), Signal()
        sign = clears_1 & ~starts_at_zero  # of NOTHING
        m.d.sync += [
            index_2.eq(index_1),
            writes_2.eq(updates_1 | clears_1),
            kept.eq(Mux(keeps, memory.read_data, 0)),
            minus_steps.eq(~clears_1 & first),
            added.eq(
                Mux(
                    clears_1,
                    Cat(Const(0, 31), sign),
                    Mux(takes_value, value_1, Mux(first, ~self.steps_since_reset, takes_spike)),
                )
            ),
        ]
        m.d.comb += [
            memory.write_address.eq(index_2),
            memory.write_enable.eq(writes_2),
            memory.write_data.eq(kept + added + minus_steps),
        ]
        return m
