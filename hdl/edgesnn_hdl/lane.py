"""One lane: its neurons, their parameters, and the synapses that point to them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import MemoryLayout, Region
from edgesnn_hdl.accumulators import Accumulators
from edgesnn_hdl.event_queue import EventQueue
from edgesnn_hdl.memories import SynapseMemory, TwoPortMemory
from edgesnn_hdl.neuron_update import NeuronUpdate, PopulationFlags
from edgesnn_hdl.readout import ReadoutStep
from edgesnn_hdl.synapse_walker import SynapseWalker


class UpdateTiming(wiring.Signature):
    """Where the update of a population is, shared by all lanes.

    slot                        slot whose words are read in this cycle
    readout_read                accumulator that is read, two cycles later
    readout_write, accumulate   accumulator that is written, three cycles later, and when
    store_slot, store           membrane that is written, 1 + STORED_LATENCY cycles later, and when
    """

    def __init__(self, config: CoreConfig) -> None:
        slot = unsigned((config.slots - 1).bit_length())
        readout = unsigned(max((config.readout_slots - 1).bit_length(), 1))
        super().__init__(
            {
                "slot": Out(slot),
                "readout_read": Out(readout),
                "readout_write": Out(readout),
                "accumulate": Out(1),
                "store_slot": Out(slot),
                "store": Out(1),
            }
        )


class Lane(wiring.Component):
    """A lane of a core.

    Members
    -------
    rows : In(stream)
        Addresses of row starts, from the scheduler.
    packed, weight_shift, first_slot : In
        Of the connection and its target population.
    flags, clamp_mask, timing : In
        Of the update, see NeuronUpdate and UpdateTiming.
    rule, steps_since_reset : In
        Of the read-out.
    clear : In(1)
        Clear the membrane at ``timing.slot`` and the accumulator at ``timing.readout_write``.
    access, address, data : In
        While ``access`` is 1 the synapse memory sees ``address``.
    write_synapse, write_threshold, write_bias, write_decay : In(1)
        Write ``data`` at ``address``.
    busy : Out(1)
        Rows are waiting or being integrated.
    sop, spike, overflow : Out(1)
        Events for the counters; ``spike`` belongs to stage 3.
    synapse_word, membrane, accumulator : Out
        Read data, for the outside.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        slot_bits = (config.slots - 1).bit_length()
        super().__init__(
            {
                "rows": In(stream.Signature(unsigned(16))),
                "packed": In(1),
                "weight_shift": In(4),
                "first_slot": In(unsigned(slot_bits)),
                "flags": In(PopulationFlags),
                "clamp_mask": In(unsigned(config.state_bits - 1)),
                "timing": In(UpdateTiming(config)),
                "rule": In(3),
                "steps_since_reset": In(32),
                "clear": In(1),
                "access": In(1),
                "address": In(16),
                "data": In(32),
                "write_synapse": In(1),
                "write_threshold": In(1),
                "write_bias": In(1),
                "write_decay": In(1),
                "busy": Out(1),
                "sop": Out(1),
                "spike": Out(1),
                "overflow": Out(1),
                "synapse_word": Out(16),
                "membrane": Out(signed(config.state_bits)),
                "accumulator": Out(signed(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = MemoryLayout(self.config)
        timing = self.timing

        def memory_for(region: Region) -> TwoPortMemory:
            return TwoPortMemory(layout.width(region), layout.depth(region))

        m.submodules.queue = queue = EventQueue(16, self.config.queue_events)
        m.submodules.walker = walker = SynapseWalker((self.config.slots - 1).bit_length())
        m.submodules.synapses = synapses = SynapseMemory(layout.depth(Region.SYNAPSES))
        m.submodules.sums = sums = Accumulators(self.config.state_bits, walker.slot_bits)
        m.submodules.membranes = membranes = memory_for(Region.MEMBRANE)
        m.submodules.thresholds = thresholds = memory_for(Region.THRESHOLD)
        m.submodules.biases = biases = memory_for(Region.BIAS)
        m.submodules.decays = decays = memory_for(Region.DECAY)
        m.submodules.update = update = NeuronUpdate(self.config.state_bits)
        m.submodules.readout = readout = ReadoutStep(self.config.state_bits)
        m.submodules.accumulators = accumulators = memory_for(Region.ACCUMULATOR)

        # Integrate: queue -> walker -> sums -> membranes.
        wiring.connect(m, wiring.flipped(self.rows), queue.i)
        walking_1 = Signal()
        walking_2 = Signal()
        m.d.sync += [walking_1.eq(~walker.idle), walking_2.eq(walking_1)]
        m.d.comb += [
            walker.packed.eq(self.packed),
            walker.first_slot.eq(self.first_slot),
            walker.word.eq(synapses.read_data),
            walker.row_starts.payload.eq(Mux(self.access, self.address, queue.o.payload)),
            walker.row_starts.valid.eq(queue.o.valid),
            queue.o.ready.eq(walker.row_starts.ready),
            synapses.address.eq(walker.address),
            synapses.write_address.eq(self.address),
            synapses.write_data.eq(self.data),
            synapses.write_enable.eq(self.write_synapse),
            self.synapse_word.eq(synapses.read_data),
            sums.op_valid.eq(walker.op_valid),
            sums.op_slot.eq(walker.op_slot),
            sums.op_weight.eq(walker.op_weight),
            sums.weight_shift.eq(self.weight_shift),
            sums.membrane.eq(membranes.read_data),
            self.sop.eq(walker.op_valid),
            self.busy.eq(~queue.empty | ~walker.idle | walking_1 | walking_2),
        ]

        # Update: memories -> pipeline -> membranes, and the read-out beside it.
        for parameters, port, enable in (
            (thresholds, update.threshold, self.write_threshold),
            (biases, update.bias, self.write_bias),
            (decays, update.decay, self.write_decay),
        ):
            m.d.comb += [
                parameters.read_address.eq(timing.slot),
                parameters.write_address.eq(self.address),
                parameters.write_data.eq(self.data),
                parameters.write_enable.eq(enable),
                port.eq(parameters.read_data),
            ]
        m.d.comb += [
            update.flags.eq(self.flags),
            update.clamp_mask.eq(self.clamp_mask),
            update.membrane.eq(membranes.read_data),
            self.membrane.eq(membranes.read_data),
            self.spike.eq(update.spike),
            self.overflow.eq(
                (sums.write_enable & sums.overflow) | (self.timing.accumulate & update.overflow)
            ),
            membranes.read_address.eq(Mux(walker.op_valid, walker.op_slot, timing.slot)),
            membranes.write_enable.eq(sums.write_enable | timing.store | self.clear),
            membranes.write_address.eq(sums.write_slot),
            membranes.write_data.eq(sums.write_membrane),
        ]
        with m.If(timing.store):
            m.d.comb += [
                membranes.write_address.eq(timing.store_slot),
                membranes.write_data.eq(update.stored),
            ]
        with m.If(self.clear):
            m.d.comb += [membranes.write_address.eq(timing.slot), membranes.write_data.eq(0)]

        m.d.comb += [
            readout.rule.eq(self.rule),
            readout.accumulator.eq(accumulators.read_data),
            readout.value.eq(update.value),
            readout.spike.eq(update.spike),
            readout.steps_since_reset.eq(self.steps_since_reset),
            self.accumulator.eq(accumulators.read_data),
            accumulators.read_address.eq(timing.readout_read),
            accumulators.write_address.eq(timing.readout_write),
            accumulators.write_data.eq(Mux(self.clear, readout.initial, readout.result)),
            accumulators.write_enable.eq((timing.accumulate & self.flags.is_readout) | self.clear),
        ]
        return m
