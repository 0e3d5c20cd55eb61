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
QUEUE: Tests = ("tests/hdl/test_event_queue.py",)
ONE_LANE: Tests = (f"{AGREE}test_reference_simulator_gates_and_c_agree[1-0]",)
TWO_LANES: Tests = (f"{AGREE}test_reference_simulator_gates_and_c_agree[2-0]",)
OVERFLOWS: Tests = (f"{AGREE}test_overflows_are_counted_alike_where_a_rule_is_broken[1]",)
CUT: Tests = (f"{AGREE}test_runs_may_be_cut_anywhere[1]",)
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
        "min(max(stored, lowest), highest)",
        "min(max(stored, lowest), highest - 1)",
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
        "state.num_fired[p] = num_fired",
        "state.num_fired[p] = max(num_fired - 1, 0)",
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
        "ties go to the highest index",
        "edgesnn/readout.py",
        "list(accumulators).index(best)",
        "len(accumulators) - 1 - list(accumulators)[::-1].index(best)",
        READOUT,
    ),
    Mutant("finish one cycle short", CYCLES, "FINISH_CYCLES = 6", "FINISH_CYCLES = 5", TIMING),
    Mutant(
        "pipeline one cycle short", CYCLES, "PIPELINE_CYCLES = 3", "PIPELINE_CYCLES = 2", TIMING
    ),
    Mutant(
        "a full queue takes the next row at once",
        CYCLES,
        "cycle = max(cycle, pops[lane, slot] + 1)",
        "cycle = max(cycle, pops[lane, slot])",
        TIMING,
    ),
    Mutant(
        "a row is taken in the cycle in which it comes",
        CYCLES,
        "pop = max(cycle + 1, free[lane])",
        "pop = max(cycle, free[lane])",
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
        "costs.append(1 + np.stack",
        "costs.append(np.stack",
        TIMING,
    ),
    Mutant(
        "same-step spikes taken from the step before",
        CYCLES,
        "source = spikes[step]\n",
        "source = previous\n",
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
        "edgesnn/synapse_coding.py",
        "np.cumsum(1 + two_synapses)",
        "np.cumsum(1 + 0 * two_synapses)",
        WALKER,
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
        "with m.If(subtract_1 & ~self.flags.reset_after_decay):",
        "with m.If(subtract_1):",
        UPDATE,
    ),
    Mutant(
        "no reset after the decay",
        f"{HDL}neuron_update.py",
        "subtract_2.eq(subtract_1 & self.flags.reset_after_decay)",
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
        "exact[-1] ^ exact[-2]",
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
        "leading | trailing",
        "leading",
        WALKER,
    ),
    Mutant(
        "filler before a synapse ignored",
        f"{HDL}synapse_walker.py",
        "Mux(self.packed, Cat(gap, leading), self.word[4:15])",
        "Mux(self.packed, gap, self.word[4:15])",
        WALKER,
    ),
    Mutant(
        "slot one too low",
        f"{HDL}synapse_walker.py",
        "self.op_slot.eq(slot + step + 1)",
        "self.op_slot.eq(slot + step)",
        WALKER,
    ),
    Mutant(
        "row begins one slot too high",
        f"{HDL}synapse_walker.py",
        "slot.eq(self.first_slot - 1)",
        "slot.eq(self.first_slot)",
        WALKER,
    ),
    Mutant(
        "second synapse of a word left out",
        f"{HDL}synapse_walker.py",
        "self.packed & ~use_high & (high_weight != 0)",
        "self.packed & ~use_high & (high_weight == 0)",
        WALKER,
    ),
    Mutant(
        "wide rows end one synapse early",
        f"{HDL}synapse_walker.py",
        "self.op_valid.eq(op_weight != 0)",
        "self.op_valid.eq((op_weight != 0) & (self.packed | ~self.word[15]))",
        WALKER,
    ),
    Mutant(
        "packed rows end at bit 15",
        f"{HDL}synapse_walker.py",
        "(self.word[15] & walking & ~self.packed)",
        "(self.word[15] & walking)",
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
        "Mux(forward, last_sum, self.membrane)",
        "Mux(forward, self.membrane, last_sum)",
        SUMS,
    ),
    Mutant(
        "weight shift loses its highest bit",
        f"{HDL}accumulators.py",
        "self.op_weight << self.weight_shift",
        "self.op_weight << self.weight_shift[:3]",
        SUMS,
    ),
    Mutant(
        "queue one shorter",
        f"{HDL}event_queue.py",
        "level != self.depth)",
        "level != self.depth - 1)",
        QUEUE,
    ),
    Mutant(
        "full queue takes another item",
        f"{HDL}event_queue.py",
        "self.i.ready.eq(level != self.depth)",
        "self.i.ready.eq(1)",
        QUEUE,
    ),
    Mutant(
        "lanes rest one cycle early",
        f"{HDL}lane.py",
        "~walker.idle | walking_1 | walking_2",
        "~walker.idle | walking_1",
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
        f"{HDL}lane.py",
        "(timing.accumulate & self.flags.is_readout)",
        "timing.accumulate",
        ONE_LANE,
    ),
    Mutant(
        "reset leaves the membranes",
        f"{HDL}lane.py",
        "sums.write_enable | timing.store | self.clear",
        "sums.write_enable | timing.store",
        CUT,
    ),
    Mutant(
        "first source of an input left out",
        f"{HDL}delivery.py",
        "self.event < self.first_source",
        "self.event <= self.first_source",
        ONE_LANE,
    ),
    Mutant(
        "first source of the next input taken too",
        f"{HDL}delivery.py",
        "self.event >= self.end_source",
        "self.event > self.end_source",
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
        f"{HDL}scheduler.py",
        "full.eq(last[spiked] | (filled == WORD_BITS - config.lanes))",
        "full.eq(filled == WORD_BITS - config.lanes)",
        ONE_LANE,
    ),
    Mutant(
        "spike words not emptied",
        f"{HDL}scheduler.py",
        "gathered.eq(Mux(full, 0, now))",
        "gathered.eq(now)",
        ONE_LANE,
    ),
    Mutant(
        "populations share the first spike words",
        f"{HDL}scheduler.py",
        "population[PopulationWord.FIRST_SPIKE_WORD] + word_index)",
        "word_index)",
        ONE_LANE,
    ),
    Mutant(
        "lanes not awaited",
        f"{HDL}scheduler.py",
        'm.State("Drain"), m.If(~self.lanes_busy):',
        'm.State("Drain"), m.If(1):',
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
        "self.value > self.accumulator",
        "self.value < self.accumulator",
        ONE_LANE,
    ),
    Mutant(
        "last spike instead of the first",
        f"{HDL}readout.py",
        "self.spike & (self.accumulator == NOTHING)",
        "self.spike",
        ONE_LANE,
    ),
    Mutant(
        "spikes counted while no neuron is updated",
        f"{HDL}core.py",
        "lane.spike & scheduler.timing.accumulate for",
        "lane.spike for",
        ONE_LANE,
    ),
)
