"""The inner loops of the simulator: plain functions on bare arrays, compiled at the end.

They run blind: :mod:`edgesnn.simulator.simulator` has checked the network and the events before.
Uncompiled (``NUMBA_DISABLE_JIT=1``) they give the same results.

Widths are forced: values are computed as int64 and stored as int32, sums that may leave the state
word are wrapped in so many words, and indices are unsigned (``np.uintp``), which spares the test
for negative ones.

One synaptic operation is one pass of the loop in :func:`integrate`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

# Columns of NetworkArrays.inputs, .populations and .connections.
FIRST, SIZE = 0, 1
FIRST_CONNECTION, LAST_CONNECTION = 2, 3
KEEPS_VALUE, SUBTRACTS_BEFORE, SUBTRACTS_AFTER = 4, 5, 6
LOWEST, HIGHEST = 7, 8
CURRENT_BASED, LOWEST_CURRENT, HIGHEST_CURRENT = 9, 10, 11
SOURCE, FIRST_ROW, LAST_ROW, DELAY = 0, 1, 2, 3

# Values of Readout.rule, as plain integers.
SPIKE_COUNT, MEMBRANE_LAST, MEMBRANE_SUM, MEMBRANE_MAX = 0, 1, 2, 3
NOTHING = -(2**31)

# Entries of the counts that the kernels add to.
SOPS, SPIKES, OVERFLOWS, NUM_COUNTS = 0, 1, 2, 3

WEIGHT_BITS = 4
#: Neurons that are looked at together in the search for spikes.
COLLECT_BLOCK = 64

Array = npt.NDArray[Any]


class NetworkArrays(NamedTuple):
    """A network as bare arrays; LIF populations and neurons counted from 0.

    words          uint16 or uint32 [num_synapses]: ``target << 4 | weight_code & 15``
    row_start      uintp: where the rows of a connection start in ``words``, one after the other
    contributions  int32 [num_connections, 16]: what each weight code adds to a state word
    connections    int64 [num_connections, 4], by target then source: SOURCE (population, inputs
                   first), FIRST_ROW and LAST_ROW (slice of ``row_start``), DELAY
    inputs         int64 [num_inputs, 2]: FIRST source id, SIZE
    populations    int64 [num_populations, 12]: FIRST neuron, SIZE, slice of connections, how a
                   spike resets (1 or 0 each), LOWEST and HIGHEST stored membrane, whether it is
                   CURRENT_BASED, and its LOWEST and HIGHEST stored current
    fires_at       int32 [num_neurons]: smallest value that fires
    threshold, decay, bias   int32 [num_neurons]
    synaptic_decay int32 [num_neurons], 0 where there is no current
    readout        int64 [3]: FIRST neuron, SIZE, rule
    state_bits     width of the state word
    checked        whether sums may leave the state word, so that they are wrapped and counted
    """

    words: npt.NDArray[Any]
    row_start: npt.NDArray[np.uintp]
    contributions: npt.NDArray[np.int32]
    connections: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    populations: npt.NDArray[np.int64]
    fires_at: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.int32]
    decay: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]
    synaptic_decay: npt.NDArray[np.int32]
    readout: npt.NDArray[np.int64]
    state_bits: int
    checked: bool


class StateArrays(NamedTuple):
    """What changes while a network runs.

    membranes     int32 [num_neurons], stored words
    currents      int32 [num_neurons], stored words; 0 where there is no current
    drive         int32 [num_neurons], bias and current of the present step, where there is one
    values        int32 [num_neurons], ``v`` of the present step
    fired         uint8 [num_neurons], 1 where a neuron fired in its latest update
    fired_ids     int32 [ring, num_neurons]: for each population the neurons that fired, ascending,
                  counted within the population, from its FIRST on; a row for each of the latest
                  steps, one more than the longest delay
    num_fired     int64 [ring, num_populations]
    accumulators  int64 [read-out size]
    """

    membranes: npt.NDArray[np.int32]
    currents: npt.NDArray[np.int32]
    drive: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    fired: npt.NDArray[np.uint8]
    fired_ids: npt.NDArray[np.int32]
    num_fired: npt.NDArray[np.int64]
    accumulators: npt.NDArray[np.int64]


class RecordArrays(NamedTuple):
    """Where recorded steps go; all have zero columns where nothing is recorded.

    slices     int64 [num_recorded, 2]: FIRST neuron, SIZE of each recorded population
    spikes     uint8 [num_steps, num_recorded_neurons]
    membranes  int32 [num_steps, num_recorded_neurons] as stored after the step, or no columns
    values     int32, likewise: ``v``
    currents   int32, likewise, as stored after the step; no columns if no population has one
    """

    slices: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.uint8]
    membranes: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    currents: npt.NDArray[np.int32]


def integrate(
    words: Array, row_start: Array, sources: Array, contributions: Array, states: Array
) -> np.int64:
    """Add the rows of ``sources`` to state words. Returns the number of synaptic operations."""
    one = np.uintp(1)
    shift = np.uintp(WEIGHT_BITS)
    code = np.uintp(15)
    sops = np.int64(0)
    for source in sources:
        row = np.uintp(source)
        k = row_start[row]
        end = row_start[row + one]
        sops += np.int64(end - k)
        while k < end:
            word = np.uintp(words[k])
            states[word >> shift] += contributions[word & code]
            k += one
    return sops


def integrate_checked(
    words: Array,
    row_start: Array,
    sources: Array,
    contributions: Array,
    states: Array,
    state_bits: int,
) -> tuple[int, int]:
    """Like :func:`integrate`, wrapping in the state word. Returns the number of overflows too."""
    minimum = -(np.int64(1) << (state_bits - 1))
    mask = (np.int64(1) << state_bits) - 1
    sops = 0
    overflows = 0
    for source in sources:
        for k in range(np.int64(row_start[source]), np.int64(row_start[source + 1])):
            word = np.int64(words[k])
            target = word >> WEIGHT_BITS
            total = np.int64(states[target]) + np.int64(contributions[word & 15])
            wrapped = ((total - minimum) & mask) + minimum
            states[target] = wrapped
            overflows += total != wrapped
            sops += 1
    return sops, overflows


def update(
    population: Array,
    state_bits: int,
    fires_at: Array,
    threshold: Array,
    decay: Array,
    bias: Array,
    membranes: Array,
    values: Array,
    fired: Array,
) -> np.int64:
    """Update the neurons of one population; twin of ``lif_step``. Returns overflows.

    bias   with the synaptic current where there is one; see :func:`add_currents`
    """
    minimum = -(np.int64(1) << (state_bits - 1))
    mask = (np.int64(1) << state_bits) - 1
    keeps = population[KEEPS_VALUE]
    before = population[SUBTRACTS_BEFORE]
    after = population[SUBTRACTS_AFTER]
    lowest = population[LOWEST]
    highest = population[HIGHEST]
    overflows = np.int64(0)
    for j in range(len(membranes)):
        total = np.int64(membranes[j]) + np.int64(bias[j])
        value = ((total - minimum) & mask) + minimum
        overflows += np.int64(value != total)
        spike = np.int64(value >= np.int64(fires_at[j]))
        amount = spike * np.int64(threshold[j])
        kept = value - (1 - keeps) * spike * value - before * amount
        # Division by 4096 toward zero: negative products are rounded up.
        product = kept * np.int64(decay[j])
        stored = ((product + ((product >> 63) & 4095)) >> 12) - after * amount
        values[j] = value
        fired[j] = spike
        membranes[j] = min(max(stored, lowest), highest)
    return overflows


def add_currents(bias: Array, currents: Array, drive: Array) -> None:
    """``drive = bias + currents``: what :func:`update` adds to current-based membranes."""
    for j in range(len(drive)):
        drive[j] = np.int64(bias[j]) + np.int64(currents[j])


def decay_currents(population: Array, synaptic_decay: Array, currents: Array) -> None:
    """The end of the update of current-based neurons; twin of ``lif_step``."""
    lowest = population[LOWEST_CURRENT]
    highest = population[HIGHEST_CURRENT]
    for j in range(len(currents)):
        product = np.int64(currents[j]) * np.int64(synaptic_decay[j])
        stored = (product + ((product >> 63) & 4095)) >> 12
        currents[j] = min(max(stored, lowest), highest)


def collect(fired: Array, fired_ids: Array) -> int:
    """List the neurons that fired, ascending. Returns how many."""
    count = 0
    for begin in range(0, len(fired), COLLECT_BLOCK):
        block = fired[begin : begin + COLLECT_BLOCK]
        some = np.uint8(0)
        for flag in block:
            some |= flag
        if some:
            for j in range(len(block)):
                if block[j]:
                    fired_ids[count] = begin + j
                    count += 1
    return count


def gather_inputs(source_ids: Array, first: int, size: int, sources: Array) -> int:
    """Pick the events of one input population out of a step's list, in order.

    Fills ``sources``, counted within the population. Returns how many there are.
    """
    count = 0
    for source_id in source_ids:
        source = np.int64(source_id) - first
        if 0 <= source < size:
            sources[count] = source
            count += 1
    return count


def accumulate(
    rule: int, steps_since_reset: int, values: Array, fired: Array, accumulators: Array
) -> None:
    """Read-out of one step; twin of ``edgesnn.readout.accumulate``."""
    mask = (np.int64(1) << 32) - 1
    if rule == SPIKE_COUNT:
        for j in range(len(accumulators)):
            total = accumulators[j] + np.int64(fired[j])
            accumulators[j] = ((total - NOTHING) & mask) + NOTHING
    elif rule == MEMBRANE_LAST:
        for j in range(len(accumulators)):
            accumulators[j] = np.int64(values[j])
    elif rule == MEMBRANE_SUM:
        for j in range(len(accumulators)):
            total = accumulators[j] + np.int64(values[j])
            accumulators[j] = ((total - NOTHING) & mask) + NOTHING
    elif rule == MEMBRANE_MAX:
        for j in range(len(accumulators)):
            accumulators[j] = max(accumulators[j], np.int64(values[j]))
    else:
        first = ((-np.int64(steps_since_reset) - NOTHING) & mask) + NOTHING
        for j in range(len(accumulators)):
            if fired[j] and accumulators[j] == NOTHING:
                accumulators[j] = first


def run_step(
    network: NetworkArrays,
    state: StateArrays,
    now: int,
    steps_since_reset: int,
    source_ids: Array,
    sources: Array,
    counts: Array,
) -> None:
    """One time step: for each population its connections, then its update.

    now      index of the present step; modulo the length of the ring, its row
    sources  room for the events of one input population
    """
    num_inputs = len(network.inputs)
    ring = len(state.fired_ids)
    present = now % ring
    for p in range(len(network.populations)):
        population = network.populations[p]
        first = population[FIRST]
        last = first + population[SIZE]
        membranes = state.membranes[first:last]
        currents = state.currents[first:last]
        states = currents if population[CURRENT_BASED] else membranes
        for c in range(population[FIRST_CONNECTION], population[LAST_CONNECTION]):
            # Populations before this one have fired in this step already; this one and those
            # after it have not yet overwritten the row of the oldest step.
            connection = network.connections[c]
            source = connection[SOURCE]
            if source < num_inputs:
                where = network.inputs[source]
                num_sources = gather_inputs(source_ids, where[FIRST], where[SIZE], sources)
                arriving = sources[:num_sources]
            else:
                begin = network.populations[source - num_inputs][FIRST]
                steps_back = connection[DELAY] + np.int64(source - num_inputs >= p)
                row = (present + ring - steps_back) % ring
                end = begin + state.num_fired[row, source - num_inputs]
                arriving = state.fired_ids[row, begin:end]
            row_start = network.row_start[connection[FIRST_ROW] : connection[LAST_ROW]]
            contributions = network.contributions[c]
            if network.checked:
                sops, overflows = integrate_checked(
                    network.words, row_start, arriving, contributions, states, network.state_bits
                )
                counts[SOPS] += sops
                counts[OVERFLOWS] += overflows
            else:
                counts[SOPS] += integrate(network.words, row_start, arriving, contributions, states)
        bias = network.bias[first:last]
        if population[CURRENT_BASED]:
            bias = state.drive[first:last]
            add_currents(network.bias[first:last], currents, bias)
        counts[OVERFLOWS] += update(
            population,
            network.state_bits,
            network.fires_at[first:last],
            network.threshold[first:last],
            network.decay[first:last],
            bias,
            membranes,
            state.values[first:last],
            state.fired[first:last],
        )
        if population[CURRENT_BASED]:
            decay_currents(population, network.synaptic_decay[first:last], currents)
        num_fired = collect(state.fired[first:last], state.fired_ids[present, first:last])
        state.num_fired[present, p] = num_fired
        counts[SPIKES] += num_fired
    readout = slice(network.readout[0], network.readout[0] + network.readout[1])
    accumulate(
        network.readout[2],
        steps_since_reset,
        state.values[readout],
        state.fired[readout],
        state.accumulators,
    )


def copy(source: Array, target: Array) -> None:
    """``target[:] = source``, which the compiler turns into one block move."""
    for j in range(len(source)):
        target[j] = source[j]


def record_step(state: StateArrays, record: RecordArrays, time_step: int) -> None:
    """Copy what is recorded of the present step."""
    begin = 0
    for recorded in range(len(record.slices)):
        first = record.slices[recorded, FIRST]
        last = first + record.slices[recorded, SIZE]
        end = begin + record.slices[recorded, SIZE]
        copy(state.fired[first:last], record.spikes[time_step, begin:end])
        if record.membranes.shape[1]:
            copy(state.membranes[first:last], record.membranes[time_step, begin:end])
            copy(state.values[first:last], record.values[time_step, begin:end])
        if record.currents.shape[1]:
            copy(state.currents[first:last], record.currents[time_step, begin:end])
        begin = end


def run_steps(
    network: NetworkArrays,
    state: StateArrays,
    history: Array,
    steps_since_reset: int,
    step_start: Array,
    source_ids: Array,
    record: RecordArrays,
) -> Array:
    """Run consecutive time steps, changing ``state``. Returns int64 [NUM_COUNTS].

    history   uint8 [ring, num_neurons]: who fired in the steps before, latest first; then in the
              last steps of the run
    """
    counts = np.zeros(NUM_COUNTS, np.int64)
    busiest = 0
    for t in range(len(step_start) - 1):
        busiest = max(busiest, step_start[t + 1] - step_start[t])
    sources = np.empty(busiest, np.int32)
    ring = len(history)
    for p in range(len(network.populations)):
        first = network.populations[p, FIRST]
        last = first + network.populations[p, SIZE]
        for age in range(ring):
            row = ring - 1 - age
            state.num_fired[row, p] = collect(
                history[age, first:last], state.fired_ids[row, first:last]
            )
    num_steps = len(step_start) - 1
    for t in range(num_steps):
        events = source_ids[step_start[t] : step_start[t + 1]]
        run_step(network, state, t, steps_since_reset + t, events, sources, counts)
        record_step(state, record, t)
    history[:] = 0
    for p in range(len(network.populations)):
        first = network.populations[p, FIRST]
        for age in range(ring):
            row = (num_steps + ring - 1 - age) % ring
            for i in range(state.num_fired[row, p]):
                history[age, first + state.fired_ids[row, first + i]] = 1
    return counts


def count_spikes(fired: Array, spike_counts: Array) -> None:
    """Add one for each neuron that fired."""
    for j in range(len(fired)):
        spike_counts[j] += np.int32(fired[j])


def run_samples(
    network: NetworkArrays,
    state: StateArrays,
    nothing: int,
    first_step: Array,
    step_start: Array,
    source_ids: Array,
    accumulators: Array,
    spike_counts: Array,
    counts: Array,
) -> None:
    """Run samples one after the other, each from reset.

    first_step    int64 [num_samples + 1]: where each sample's steps start in ``step_start``
    nothing       value of every accumulator after reset
    accumulators  int64 [num_samples, read-out size], filled
    spike_counts  int32 [num_samples, num_neurons], added to
    counts        int64 [num_samples, NUM_COUNTS], added to
    """
    busiest = 0
    for t in range(len(step_start) - 1):
        busiest = max(busiest, step_start[t + 1] - step_start[t])
    sources = np.empty(busiest, np.int32)
    for sample in range(len(first_step) - 1):
        state.membranes[:] = 0
        state.currents[:] = 0
        state.num_fired[:] = 0
        state.accumulators[:] = nothing
        for t in range(first_step[sample], first_step[sample + 1]):
            events = source_ids[step_start[t] : step_start[t + 1]]
            step = t - first_step[sample]
            run_step(network, state, step, step, events, sources, counts[sample])
            count_spikes(state.fired, spike_counts[sample])
        accumulators[sample] = state.accumulators


def events_are_allowed(
    step_start: Array, source_ids: Array, num_inputs: int, is_limited: bool, value: int
) -> bool:
    """Whether every step keeps the event limit and names only sources that exist."""
    counts = np.zeros(num_inputs, np.int64)
    for t in range(len(step_start) - 1):
        events = source_ids[step_start[t] : step_start[t + 1]]
        if is_limited and len(events) > value:
            return False
        for source in events:
            if source >= num_inputs:
                return False
            counts[source] += 1
            if counts[source] > value and not is_limited:
                return False
        for source in events:
            counts[source] = 0
    return True


_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
integrate = _compile(integrate)
integrate_checked = _compile(integrate_checked)
update = _compile(update)
add_currents = _compile(add_currents)
decay_currents = _compile(decay_currents)
collect = _compile(collect)
gather_inputs = _compile(gather_inputs)
accumulate = _compile(accumulate)
run_step = _compile(run_step)
copy = _compile(copy)
record_step = _compile(record_step)
run_steps = _compile(run_steps)
count_spikes = _compile(count_spikes)
run_samples = _compile(run_samples)
events_are_allowed = _compile(events_are_allowed)
