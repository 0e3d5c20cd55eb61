"""The errors that ``benches.mutants`` plants: one wrong decision each.

``old`` occurs exactly once in its file. ``tests`` is what must notice, as small as it may be.
"""

from __future__ import annotations

from dataclasses import dataclass

Tests = tuple[str, ...]

AGREE = "tests/test_backends_agree.py::"
SIMULATOR: Tests = ("tests/test_simulator.py",)
TIMING: Tests = ("tests/test_core_timing.py",)
UNREAD: Tests = (
    f"{TIMING[0]}::test_gates_forget_events_that_no_connection_reads_in_as_many_cycles",
)
READOUT: Tests = ("tests/test_readout.py",)
UPDATE: Tests = ("tests/hdl/test_neuron_update.py",)
WALKER: Tests = ("tests/hdl/test_synapse_walker.py",)
SUMS: Tests = ("tests/hdl/test_accumulators.py",)
QUEUE: Tests = ("tests/hdl/test_row_queue.py",)
ACCUMULATORS: Tests = ("tests/hdl/test_readout.py",)
ONE_LANE: Tests = (f"{AGREE}test_reference_simulator_gates_and_c_agree[1-0]",)
TWO_LANES: Tests = (f"{AGREE}test_reference_simulator_gates_and_c_agree[2-0]",)
OVERFLOWS: Tests = (f"{AGREE}test_overflows_are_counted_alike_where_a_rule_is_broken[1]",)
CUT: Tests = (f"{AGREE}test_runs_may_be_cut_anywhere[1]",)
CURRENT_UPDATE: Tests = ("tests/hdl/test_current_update.py",)
WITH_CURRENTS: Tests = (f"{AGREE}test_all_agree_on_currents_and_delays[1-True-False-0]",)
WITH_DELAYS: Tests = (f"{AGREE}test_all_agree_on_currents_and_delays[1-False-True-0]",)
RESET_LATE: Tests = (f"{AGREE}test_core_with_everything_runs_what_needs_nothing_of_it",)
REFUSED: Tests = tuple(
    f"{AGREE}test_gates_refuse_a_step_with_too_many_events_and_change_nothing"
    f"[limit{n}-too_many{n}-1]"
    for n in range(3)
)

KERNELS = "edgesnn/simulator/kernels.py"
ARRAYS = "edgesnn/simulator/compiled_network.py"
CYCLES = "edgesnn/simulator/core_timing.py"
HDL = "hdl/edgesnn_hdl/"


@dataclass(frozen=True)
class Mutant:
    """One wrong decision: ``old`` becomes ``new`` in ``path``, and ``tests`` must fail."""

    name: str
    path: str
    old: str
    new: str
    tests: Tests


IN_SIMULATOR = (
    Mutant(
        "decay rounds down instead of toward zero",
        KERNELS,
        "((product + ((product >> 63) & 4095)) >> 12)",
        "(product >> 12)",
        SIMULATOR,
    ),
    Mutant(
        "fires above the threshold instead of at it",
        KERNELS,
        "value >= np.int64(fires_at[j])",
        "value > np.int64(fires_at[j])",
        SIMULATOR,
    ),
    Mutant(
        "strict ignored",
        ARRAYS,
        "= p.threshold + p.strict",
        "= p.threshold",
        SIMULATOR,
    ),
    Mutant(
        "reset and decay in the other order",
        ARRAYS,
        "before = p.reset_order is ResetOrder.BEFORE_DECAY",
        "before = p.reset_order is ResetOrder.AFTER_DECAY",
        SIMULATOR,
    ),
    Mutant(
        "reset to zero ignored",
        ARRAYS,
        "p.reset_mode is not ResetMode.TO_ZERO",
        "True",
        SIMULATOR,
    ),
    Mutant(
        "clamp one too low",
        KERNELS,
        "membranes[j] = min(max(stored, lowest), highest)",
        "membranes[j] = min(max(stored, lowest), highest - 1)",
        SIMULATOR,
    ),
    Mutant(
        "bias ignored",
        KERNELS,
        "np.int64(membranes[j]) + np.int64(bias[j])",
        "np.int64(membranes[j])",
        SIMULATOR,
    ),
    Mutant(
        "last synapse of a row left out",
        KERNELS,
        "while k < end:",
        "while k + one < end:",
        SIMULATOR,
    ),
    Mutant(
        "first synapse of a row left out",
        KERNELS,
        "k = row_start[row]\n",
        "k = row_start[row] + one\n",
        SIMULATOR,
    ),
    Mutant(
        "weight shift ignored",
        ARRAYS,
        "WEIGHT_CODE.wrap(code) << connection.weight_shift",
        "WEIGHT_CODE.wrap(code)",
        SIMULATOR,
    ),
    Mutant(
        "weights without sign",
        ARRAYS,
        "WEIGHT_CODE.wrap(code) <<",
        "code <<",
        SIMULATOR,
    ),
    Mutant(
        "first source of an input left out",
        KERNELS,
        "if 0 <= source < size:",
        "if 0 < source < size:",
        SIMULATOR,
    ),
    Mutant(
        "spikes beyond a block put into the first one",
        KERNELS,
        "fired_ids[count] = begin + j",
        "fired_ids[count] = j",
        SIMULATOR,
    ),
    Mutant(
        "last spike of a population not delivered",
        KERNELS,
        "state.num_fired[present, p] = num_fired",
        "state.num_fired[present, p] = max(num_fired - 1, 0)",
        SIMULATOR,
    ),
    Mutant(
        "smallest membrane instead of the largest",
        KERNELS,
        "max(accumulators[j], np.int64(values[j]))",
        "min(accumulators[j], np.int64(values[j]))",
        SIMULATOR,
    ),
    Mutant(
        "last spike instead of the first",
        KERNELS,
        "if fired[j] and accumulators[j] == NOTHING:",
        "if fired[j]:",
        SIMULATOR,
    ),
    Mutant(
        "events of a source limited one too high",
        KERNELS,
        "if counts[source] > value and not is_limited:",
        "if counts[source] > value + 1 and not is_limited:",
        SIMULATOR,
    ),
    Mutant(
        "events of a step limited one too high",
        KERNELS,
        "if is_limited and len(events) > value:",
        "if is_limited and len(events) > value + 1:",
        SIMULATOR,
    ),
    Mutant(
        "only positive overflows of sums counted",
        KERNELS,
        "overflows += total != wrapped",
        "overflows += total > wrapped",
        SIMULATOR,
    ),
    Mutant(
        "current not added to the membrane",
        KERNELS,
        "np.int64(bias[j]) + np.int64(currents[j])",
        "np.int64(bias[j])",
        SIMULATOR,
    ),
    Mutant(
        "current decays as the membrane does",
        KERNELS,
        "decay_currents(population, network.synaptic_decay[first:last], currents)",
        "decay_currents(population, network.decay[first:last], currents)",
        SIMULATOR,
    ),
    Mutant(
        "decay of a current rounds down instead of toward zero",
        KERNELS,
        "stored = (product + ((product >> 63) & 4095)) >> 12",
        "stored = product >> 12",
        SIMULATOR,
    ),
    Mutant(
        "current clamped as the membrane is",
        ARRAYS,
        "SignedFormat(p.current_bits) if p.current_based else clamp",
        "clamp",
        SIMULATOR,
    ),
    Mutant(
        "events of a current-based population go to its membrane",
        KERNELS,
        "currents if population[CURRENT_BASED] else membranes",
        "membranes",
        SIMULATOR,
    ),
    Mutant(
        "currents outlive the reset between samples",
        KERNELS,
        "        state.currents[:] = 0\n",
        "",
        SIMULATOR,
    ),
    Mutant(
        "delay ignored",
        KERNELS,
        "connection[DELAY] + np.int64(source - num_inputs >= p)",
        "np.int64(source - num_inputs >= p)",
        SIMULATOR,
    ),
    Mutant(
        "recurrent delay one step short",
        KERNELS,
        "np.int64(source - num_inputs >= p)",
        "np.int64(source - num_inputs > p)",
        SIMULATOR,
    ),
    Mutant(
        "ring one bitmap short",
        "edgesnn/simulator/simulator.py",
        "np.zeros((net.max_delay + 1, net.num_neurons), np.uint8)",
        "np.zeros((max(net.max_delay, 1), net.num_neurons), np.uint8)",
        SIMULATOR,
    ),
    Mutant(
        "spikes under way at the end of a run in the wrong order",
        KERNELS,
        "row = (num_steps + ring - 1 - age) % ring",
        "row = (num_steps + age) % ring",
        SIMULATOR,
    ),
    Mutant(
        "ties go to the highest index",
        "edgesnn/readout.py",
        "list(accumulators).index(best)",
        "len(accumulators) - 1 - list(accumulators)[::-1].index(best)",
        READOUT,
    ),
    Mutant("finish one cycle short", CYCLES, "FINISH_CYCLES = 5", "FINISH_CYCLES = 4", TIMING),
    Mutant(
        "lanes at rest one cycle early",
        CYCLES,
        "REST_CYCLES = 2",
        "REST_CYCLES = 1",
        TIMING,
    ),
    Mutant(
        "spikes delivered one cycle early",
        CYCLES,
        "SETTLE_CYCLES = 4",
        "SETTLE_CYCLES = 3",
        TIMING,
    ),
    Mutant(
        "descriptors of populations cost nothing",
        CYCLES,
        "POPULATION_CYCLES = 4",
        "POPULATION_CYCLES = 0",
        TIMING,
    ),
    Mutant(
        "a full queue takes the next row at once",
        CYCLES,
        "cycle = max(cycle, left[k, place] + 1)",
        "cycle = max(cycle, left[k, place])",
        TIMING,
    ),
    Mutant(
        "a row is taken in the cycle in which it comes",
        CYCLES,
        "seen = max(cycle, lane[LEFT]) + 1",
        "seen = max(cycle, lane[LEFT])",
        TIMING,
    ),
    Mutant(
        "an empty word of the bitmap costs nothing",
        CYCLES,
        "        if index == before:\n            cycle += 1\n",
        "",
        TIMING,
    ),
    Mutant(
        "events of other inputs cost nothing",
        CYCLES,
        "            index += 1\n        cycle += 1\n    return",
        "            index += 1\n            cycle += 1\n    return",
        TIMING,
    ),
    Mutant(
        "row starts cost nothing",
        CYCLES,
        "lane[BEGIN] = leaves + 2",
        "lane[BEGIN] = leaves + 1",
        TIMING,
    ),
    Mutant(
        "a start that was read early costs a cycle all the same",
        CYCLES,
        "lane[BEGIN] = leaves + 1",
        "lane[BEGIN] = leaves + 2",
        TIMING,
    ),
    Mutant(
        "lanes never rest between connections",
        CYCLES,
        "if not connection[LIKE_LAST]:",
        "if False:",
        TIMING,
    ),
    Mutant(
        "the read-out population takes a cycle a slot",
        CYCLES,
        "each = config.lanes if",
        "each = 1 if",
        TIMING,
    ),
    Mutant(
        "same-step spikes taken from the step before",
        CYCLES,
        "c.delay + (not network.is_same_step(c))",
        "c.delay + 1",
        TIMING,
    ),
    Mutant(
        "events that nobody reads are forgotten one cycle faster",
        CYCLES,
        "REWIND_CYCLES + len(events) + 1",
        "REWIND_CYCLES + len(events)",
        TIMING,
    ),
    Mutant(
        "a pair of synapses in one cycle",
        CYCLES,
        "np.cumsum(1 + rows.pairs)",
        "np.cumsum(1 + 0 * rows.pairs)",
        TIMING,
    ),
)

IN_GATES = (
    Mutant(
        "decay rounds down instead of toward zero",
        f"{HDL}neuron_update.py",
        " + negative_fraction\n",
        "\n",
        UPDATE,
    ),
    Mutant(
        "fires above the threshold instead of at it",
        f"{HDL}neuron_update.py",
        "(above >= 0)",
        "(above > 0)",
        UPDATE,
    ),
    Mutant(
        "strict ignored",
        f"{HDL}neuron_update.py",
        " & ~(self.flags.strict & (above == 0))",
        "",
        UPDATE,
    ),
    Mutant(
        "reset before the decay in both orders",
        f"{HDL}neuron_update.py",
        "with m.If(subtract & ~self.flags.reset_after_decay):",
        "with m.If(subtract):",
        UPDATE,
    ),
    Mutant(
        "no reset after the decay",
        f"{HDL}neuron_update.py",
        "subtract_2.eq(subtract & self.flags.reset_after_decay)",
        "subtract_2.eq(0)",
        UPDATE,
    ),
    Mutant(
        "reset to zero in mode NONE",
        f"{HDL}neuron_update.py",
        "self.flags.reset_mode == ResetMode.TO_ZERO",
        "self.flags.reset_mode != ResetMode.SUBTRACT",
        UPDATE,
    ),
    Mutant(
        "clamp one off",
        f"{HDL}neuron_update.py",
        "Mux(((after_4[:-1] ^ sign) & ~mask).any(), mask ^ sign, after_4[:-1])",
        "Mux(((after_4[:-1] ^ sign) & ~mask).any(), mask ^ sign ^ 1, after_4[:-1])",
        UPDATE,
    ),
    Mutant(
        "overflow taken from the sign alone",
        f"{HDL}neuron_update.py",
        "(above_word[1:] ^ above_word[:-1]).any()",
        "exact[-1]",
        UPDATE,
    ),
    Mutant(
        "clamp mask one bit too wide",
        f"{HDL}scheduler.py",
        "(1 << max(bits - 1, 0)) - 1",
        "(1 << bits) - 1",
        ONE_LANE,
    ),
    Mutant(
        "filler behind a synapse ignored",
        f"{HDL}synapse_walker.py",
        "behind.eq(before + Mux(high_is_synapse, 0, high[4:]))",
        "behind.eq(before)",
        WALKER,
    ),
    Mutant(
        "filler before a synapse ignored",
        f"{HDL}synapse_walker.py",
        "Mux(self.packed, Cat(gap, before), self.word[4:15])",
        "Mux(self.packed, gap, self.word[4:15])",
        WALKER,
    ),
    Mutant(
        "slot one too low",
        f"{HDL}synapse_walker.py",
        "slot.eq(slot + Cat(gap, behind) + synapse)",
        "slot.eq(slot + Cat(gap, behind))",
        WALKER,
    ),
    Mutant(
        "word without a synapse advances by one",
        f"{HDL}synapse_walker.py",
        "+ synapse)",
        "+ 1)",
        WALKER,
    ),
    Mutant(
        "row begins where the one before ended",
        f"{HDL}synapse_walker.py",
        "with m.If(starting | ends):",
        "with m.If(starting):",
        WALKER,
    ),
    Mutant(
        "second synapse of a word left out",
        f"{HDL}synapse_walker.py",
        "take_high = second | ~low_is_synapse",
        "take_high = ~low_is_synapse",
        WALKER,
    ),
    Mutant(
        "wide rows end one synapse early",
        f"{HDL}synapse_walker.py",
        "self.op_valid.eq(walking & (op_weight != 0))",
        "self.op_valid.eq(walking & (op_weight != 0) & (self.packed | ~self.word[15]))",
        WALKER,
    ),
    Mutant(
        "packed rows end at bit 15",
        f"{HDL}synapse_walker.py",
        "ends_wide = wide & self.word[15]",
        "ends_wide = walking & self.word[15]",
        WALKER,
    ),
    Mutant(
        "the start of an empty row is taken for the end of a packed one",
        f"{HDL}synapse_walker.py",
        "walking & self.packed & ~second, walking",
        "walking & self.packed, walking",
        WALKER,
    ),
    Mutant(
        "empty row begins all the same",
        f"{HDL}synapse_walker.py",
        "self.exchange.eq(looking & ~nothing)",
        "self.exchange.eq(looking)",
        WALKER,
    ),
    Mutant(
        "start of a row that is known read again",
        f"{HDL}synapse_walker.py",
        "with m.Elif(~self.head_found):",
        "with m.Else():",
        WALKER,
    ),
    Mutant(
        "hazard forwarding removed",
        f"{HDL}accumulators.py",
        "forward.eq(self.write_enable & (self.write_slot == self.op_slot))",
        "forward.eq(0)",
        SUMS,
    ),
    Mutant(
        "forwarding without a write",
        f"{HDL}accumulators.py",
        "self.write_enable & (self.write_slot",
        "(self.write_slot",
        SUMS,
    ),
    Mutant(
        "memory before the forwarded sum",
        f"{HDL}accumulators.py",
        "Mux(forward, last_sum, self.state)",
        "Mux(forward, self.state, last_sum)",
        SUMS,
    ),
    Mutant(
        "weight shift loses its highest bit",
        f"{HDL}weight_shift.py",
        "self.weight << self.shift)",
        "self.weight << self.shift[:3])",
        SUMS,
    ),
    Mutant(
        "queue one shorter",
        f"{HDL}row_queue.py",
        "self.rows.ready.eq(~held[-1])",
        "self.rows.ready.eq(~held[-2])",
        QUEUE,
    ),
    Mutant(
        "full queue takes another item",
        f"{HDL}row_queue.py",
        "self.rows.ready.eq(~held[-1])",
        "self.rows.ready.eq(1)",
        QUEUE,
    ),
    Mutant(
        "item lost that enters while another leaves",
        f"{HDL}row_queue.py",
        "behind | (enters & held[n])",
        "behind",
        QUEUE,
    ),
    Mutant(
        "next row taken for one that is known",
        f"{HDL}row_queue.py",
        "self.found.eq(0)",
        "self.found.eq(self.found)",
        QUEUE,
    ),
    Mutant(
        "lanes rest one cycle early",
        f"{HDL}lane.py",
        "queue.valid | ~walker.idle | walked",
        "queue.valid | ~walker.idle",
        ONE_LANE,
    ),
    Mutant(
        "overflows of sums not counted",
        f"{HDL}lane.py",
        "(sums.write_enable & sums.overflow) |",
        "",
        OVERFLOWS,
    ),
    Mutant(
        "every population writes the read-out",
        f"{HDL}update_sequence.py",
        "reads_out.eq(updating & self.is_readout)",
        "reads_out.eq(updating)",
        ONE_LANE,
    ),
    Mutant(
        "reset leaves the membranes",
        f"{HDL}lane.py",
        "into_membranes | timing.store | self.clear",
        "into_membranes | timing.store",
        CUT,
    ),
    Mutant(
        "reset leaves the currents",
        f"{HDL}lane.py",
        "into_currents | timing.store | self.clear",
        "into_currents | timing.store",
        RESET_LATE,
    ),
    Mutant(
        "current not added to the membrane",
        f"{HDL}neuron_update.py",
        "total = total + self.current",
        "total = total + 0",
        CURRENT_UPDATE,
    ),
    Mutant(
        "decay of a current rounds down instead of toward zero",
        f"{HDL}current_update.py",
        " + (product_3[-1] & product_3[:fraction].any())",
        "",
        CURRENT_UPDATE,
    ),
    Mutant(
        "current clamped as the membrane is",
        f"{HDL}scheduler.py",
        "self.current_mask.eq(masks[descriptors.current_bits])",
        "self.current_mask.eq(masks[descriptors.membrane_bits])",
        WITH_CURRENTS,
    ),
    Mutant(
        "events of current-based neurons go to their membranes",
        f"{HDL}scheduler.py",
        "self.into_currents.eq(descriptors.current_bits != 0)",
        "self.into_currents.eq(0)",
        WITH_CURRENTS,
    ),
    Mutant(
        "delay ignored",
        f"{HDL}scheduler.py",
        "self.last_bitmap + ~later - descriptors.delay",
        "self.last_bitmap + ~later",
        WITH_DELAYS,
    ),
    Mutant(
        "recurrent delay one step short",
        f"{HDL}scheduler.py",
        "self.last_bitmap + ~later - descriptors.delay",
        "self.last_bitmap + 1 - descriptors.delay",
        WITH_DELAYS,
    ),
    Mutant(
        "ring of bitmaps stands still",
        f"{HDL}scheduler.py",
        "self.last_bitmap.eq(self.last_bitmap + 1)",
        "self.last_bitmap.eq(self.last_bitmap)",
        WITH_DELAYS,
    ),
    Mutant(
        "reset leaves spikes under way",
        f"{HDL}scheduler.py",
        "Mux(self.clear, swept, self.last_bitmap + 1)",
        "self.last_bitmap + 1",
        RESET_LATE,
    ),
    Mutant(
        "first source of an input left out",
        f"{HDL}delivery.py",
        "event < self.first_source",
        "event <= self.first_source",
        ONE_LANE,
    ),
    Mutant(
        "first source of the next input taken too",
        f"{HDL}delivery.py",
        "event >= self.end_source",
        "event > self.end_source",
        ONE_LANE,
    ),
    Mutant(
        "bitmap read from the wrong end",
        f"{HDL}delivery.py",
        "for bit in reversed(range(WORD_BITS)):",
        "for bit in range(WORD_BITS):",
        ONE_LANE,
    ),
    Mutant(
        "counts of events not cleared",
        f"{HDL}delivery.py",
        "self.forget.eq(advance & on_list)",
        "self.forget.eq(0)",
        ONE_LANE,
    ),
    Mutant(
        "counts of unread events not cleared",
        f"{HDL}scheduler.py",
        "with m.If(counted):",
        "with m.If(0):",
        UNREAD,
    ),
    Mutant(
        "last spike word of a population not written",
        f"{HDL}update_sequence.py",
        "word_full.eq(last | (group == WORD_BITS // lanes - 1))",
        "word_full.eq(group == WORD_BITS // lanes - 1)",
        ONE_LANE,
    ),
    Mutant(
        "spike words not emptied",
        f"{HDL}update_sequence.py",
        "gathered.eq(Mux(word_full, 0, now))",
        "gathered.eq(now)",
        ONE_LANE,
    ),
    Mutant(
        "populations share the first spike words",
        f"{HDL}update_sequence.py",
        "with m.If(self.restart):",
        "with m.If(self.restart | self.begin):",
        ONE_LANE,
    ),
    Mutant(
        "lanes not awaited",
        f"{HDL}scheduler.py",
        "                with m.If(~self.lanes_busy):\n",
        "                with m.If(1):\n",
        ONE_LANE,
    ),
    Mutant(
        "lanes get another coding while they are busy",
        f"{HDL}scheduler.py",
        "descriptors.ready & (alike | ~self.lanes_busy)",
        "descriptors.ready",
        ONE_LANE,
    ),
    Mutant(
        "spikes delivered before they are written",
        f"{HDL}scheduler.py",
        "SETTLE_CYCLES = SPIKE_CYCLES + 1",
        "SETTLE_CYCLES = SPIKE_CYCLES - 1",
        ONE_LANE,
    ),
    Mutant(
        "spikes of two lanes in the wrong order",
        f"{HDL}core.py",
        "scheduler.spikes.eq(Cat(lane.spike for lane in lanes))",
        "scheduler.spikes.eq(Cat(lane.spike for lane in reversed(lanes)))",
        TWO_LANES,
    ),
    Mutant(
        "an event is gone as soon as one lane has taken it",
        f"{HDL}core.py",
        "scheduler.rows.ready.eq(Cat(lane.rows.ready for lane in lanes).all())",
        "scheduler.rows.ready.eq(Cat(lane.rows.ready for lane in lanes).any())",
        TWO_LANES,
    ),
    Mutant(
        "events of a source limited one too high",
        f"{HDL}event_memory.py",
        "counts.read_data < self.limit_value",
        "counts.read_data <= self.limit_value",
        REFUSED,
    ),
    Mutant(
        "events of a step limited one too high",
        f"{HDL}event_memory.py",
        "self.num_events < self.limit_value",
        "self.num_events <= self.limit_value",
        REFUSED,
    ),
    Mutant(
        "a source beyond the last one accepted",
        f"{HDL}event_memory.py",
        "source_id < self.num_inputs",
        "source_id <= self.num_inputs",
        REFUSED,
    ),
    Mutant(
        "dropped events not counted",
        f"{HDL}scheduler.py",
        "self.discarding.eq(self.refused)",
        "self.discarding.eq(0)",
        REFUSED,
    ),
    Mutant(
        "smallest membrane instead of the largest",
        f"{HDL}readout.py",
        "(value_1 > memory",
        "(value_1 <= memory",
        ACCUMULATORS,
    ),
    Mutant(
        "last spike instead of the first",
        f"{HDL}readout.py",
        "first.eq(spike_1 & empty)",
        "first.eq(spike_1)",
        ACCUMULATORS,
    ),
    Mutant(
        "an accumulator that was cleared keeps what it had",
        f"{HDL}readout.py",
        "keeps = ~clears_1 & ~first",
        "keeps = ~first",
        ACCUMULATORS,
    ),
    Mutant(
        "spikes counted while no neuron is updated",
        f"{HDL}core.py",
        "lane.spike & scheduler.timing.spiking for",
        "lane.spike for",
        ONE_LANE,
    ),
    Mutant(
        "read-out of two lanes in the wrong order",
        f"{HDL}core.py",
        "readout.lane.eq(scheduler.timing.lane)",
        "readout.lane.eq(~scheduler.timing.lane)",
        TWO_LANES,
    ),
)
