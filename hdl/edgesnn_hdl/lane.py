"""One lane: its neurons, their parameters, and the synapses that point to them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import MemoryLayout, Region
from edgesnn_hdl.accumulators import Accumulators
from edgesnn_hdl.current_update import CurrentUpdate
from edgesnn_hdl.memories import SynapseMemory, TwoPortMemory
from edgesnn_hdl.neuron_update import NeuronUpdate, PopulationFlags
from edgesnn_hdl.row_queue import RowQueue
from edgesnn_hdl.synapse_walker import SynapseWalker
from edgesnn_hdl.update_sequence import UpdateTiming


class Lane(wiring.Component):
    """A lane of a core.

    Members
    -------
    rows : In(stream)
        Addresses of row starts, from the scheduler.
    packed, weight_shift : In
        Of the connection. Its target population begins at ``timing.slot``.
    flags, clamp_mask, timing : In
        Of the update, see NeuronUpdate and UpdateTiming.
    into_currents : In(1), current_mask : In
        The connection adds to currents; see CurrentUpdate. Only in cores with currents.
    clear : In(1)
        Clear membrane and current at ``timing.store_slot``.
    awake : In(1)
        Memories are read; else the lane rests.
    access, address, data : In
        While ``access`` is 1 synapses, membranes and currents are read at ``address``.
    write_synapse, write_threshold, write_bias, write_decay, write_synaptic_decay : In(1)
        Write ``data`` at ``address``.
    busy : Out(1)
        Rows are waiting or being integrated.
    sop, overflow : Out(1)
        Events for the counters, the second one a cycle late.
    value, fires, spike : Out
        Of the update, see NeuronUpdate.
    synapse_word, membrane, current : Out
        Read data, for the outside.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "rows": In(stream.Signature(unsigned(16))),
                "packed": In(1),
                "weight_shift": In(4),
                "flags": In(PopulationFlags),
                "clamp_mask": In(unsigned(config.state_bits - 1)),
                "into_currents": In(1),
                "current_mask": In(unsigned(config.state_bits - 1)),
                "timing": In(UpdateTiming(config)),
                "clear": In(1),
                "awake": In(1),
                "access": In(1),
                "address": In(16),
                "data": In(32),
                "write_synapse": In(1),
                "write_threshold": In(1),
                "write_bias": In(1),
                "write_decay": In(1),
                "write_synaptic_decay": In(1),
                "busy": Out(1),
                "sop": Out(1),
                "overflow": Out(1),
                "value": Out(signed(config.state_bits)),
                "fires": Out(1),
                "spike": Out(1),
                "synapse_word": Out(16),
                "membrane": Out(signed(config.state_bits)),
                "current": Out(signed(config.state_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = MemoryLayout(self.config)
        timing = self.timing

        def memory_for(region: Region) -> TwoPortMemory:
            return TwoPortMemory(layout.width(region), layout.depth(region))

        m.submodules.queue = queue = RowQueue(16, self.config.queue_events)
        m.submodules.walker = walker = SynapseWalker((self.config.slots - 1).bit_length())
        m.submodules.synapses = synapses = SynapseMemory(layout.depth(Region.SYNAPSES))
        m.submodules.sums = sums = Accumulators(self.config.state_bits, walker.slot_bits)
        m.submodules.membranes = membranes = memory_for(Region.MEMBRANE)
        m.submodules.thresholds = thresholds = memory_for(Region.THRESHOLD)
        m.submodules.biases = biases = memory_for(Region.BIAS)
        m.submodules.decays = decays = memory_for(Region.DECAY)
        m.submodules.update = update = NeuronUpdate(
            self.config.state_bits, currents=self.config.currents
        )

        # Integrate: queue -> walker -> sums -> membranes.
        wiring.connect(m, wiring.flipped(self.rows), queue.rows)
        walked = Signal()
        m.d.sync += walked.eq(~walker.idle)
        m.d.comb += [
            walker.packed.eq(self.packed),
            walker.first_slot.eq(timing.slot),
            walker.word.eq(synapses.read_data),
            # An idle walker passes the head on, which costs the memory's address no gate.
            walker.head.eq(Mux(self.access, self.address, queue.head)),
            walker.head_valid.eq(queue.valid),
            walker.head_found.eq(queue.found),
            queue.take.eq(walker.take),
            queue.exchange.eq(walker.exchange),
            queue.row.eq(synapses.read_data),
            synapses.enable.eq(self.awake),
            membranes.read_enable.eq(self.awake),
            synapses.address.eq(walker.address),
            synapses.write_address.eq(self.address),
            synapses.write_data.eq(self.data),
            synapses.write_enable.eq(self.write_synapse),
            self.synapse_word.eq(synapses.read_data),
            sums.op_valid.eq(walker.op_valid),
            sums.op_slot.eq(walker.op_slot),
            sums.op_weight.eq(walker.op_weight),
            sums.weight_shift.eq(self.weight_shift),
            sums.state.eq(membranes.read_data),
            self.sop.eq(walker.op_valid),
            self.busy.eq(queue.valid | ~walker.idle | walked),
        ]

        # Known at the end of a long sum, and counted with those of the other lanes.
        m.d.sync += self.overflow.eq(
            (sums.write_enable & sums.overflow) | (timing.valued & update.overflow)
        )

        # Update: memories -> pipeline -> membranes.
        read = [
            (biases, timing.slot, update.bias, self.write_bias),
            (thresholds, timing.parameter_slot, update.threshold, self.write_threshold),
            (decays, timing.parameter_slot, update.decay, self.write_decay),
        ]
        into_membranes = sums.write_enable
        if self.config.currents:
            m.submodules.currents = currents = memory_for(Region.CURRENT)
            m.submodules.synaptic_decays = synaptic_decays = memory_for(Region.SYNAPTIC_DECAY)
            m.submodules.current_update = fade = CurrentUpdate(self.config.state_bits)
            read.append(
                (synaptic_decays, timing.parameter_slot, fade.decay, self.write_synaptic_decay)
            )
            into_membranes = sums.write_enable & ~self.into_currents
            into_currents = sums.write_enable & self.into_currents
            m.d.comb += [
                fade.clamp_mask.eq(self.current_mask),
                fade.current.eq(currents.read_data),
                update.current.eq(currents.read_data),
                self.current.eq(currents.read_data),
                currents.read_enable.eq(self.awake),
                currents.read_address.eq(membranes.read_address),
                currents.write_enable.eq(into_currents | timing.store | self.clear),
                currents.write_address.eq(Mux(into_currents, sums.write_slot, timing.store_slot)),
                currents.write_data.eq(
                    Mux(self.clear, 0, Mux(into_currents, sums.write_state, fade.stored))
                ),
            ]
            with m.If(self.into_currents):
                m.d.comb += sums.state.eq(currents.read_data)
        for parameters, slot, port, enable in read:
            m.d.comb += [
                parameters.read_enable.eq(self.awake),
                parameters.read_address.eq(slot),
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
            self.value.eq(update.value),
            self.fires.eq(update.fires),
            self.spike.eq(update.spike),
            membranes.read_address.eq(
                Mux(walker.op_valid, walker.op_slot, Mux(self.access, self.address, timing.slot))
            ),
            membranes.write_enable.eq(into_membranes | timing.store | self.clear),
            membranes.write_address.eq(Mux(into_membranes, sums.write_slot, timing.store_slot)),
            membranes.write_data.eq(
                Mux(self.clear, 0, Mux(into_membranes, sums.write_state, update.stored))
            ),
        ]
        return m
