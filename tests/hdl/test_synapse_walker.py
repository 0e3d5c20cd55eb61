"""The walker emits what ``decode_row`` says, in the cycles that the row coding says."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.synapse_coding import FIRST_ROW_WORD, Coding, decode_row, encode_rows
from edgesnn.synapses import Synapses
from edgesnn_hdl.simulation import simulate_component
from edgesnn_hdl.synapse_walker import SynapseWalker

FIRST_SLOT = 5
Operation = tuple[int, int, int]


def walk(
    memory: list[int], row_starts: list[int], coding: Coding, every: int = 1
) -> tuple[list[Operation], int]:
    """(cycle, slot, weight) of every operation, and the cycle in which the walker rests.

    A row start is offered as soon as the one before was taken, or ``every`` cycles later.
    """
    walker = SynapseWalker(10)
    operations: list[Operation] = []
    rest = 0

    async def bench(ctx: SimulatorContext) -> None:
        nonlocal rest
        ctx.set(walker.packed, coding is Coding.PACKED)
        ctx.set(walker.first_slot, FIRST_SLOT)
        waiting = list(row_starts)
        found = False
        cycle = next_offer = 0
        while waiting or cycle < rest + 2:
            offers = bool(waiting) and cycle >= next_offer
            ctx.set(walker.head_valid, offers)
            ctx.set(walker.head, waiting[0] if waiting else 0)
            ctx.set(walker.head_found, found)
            address = ctx.get(walker.address)
            word = ctx.get(walker.word)
            if ctx.get(walker.op_valid):
                operations.append((cycle, ctx.get(walker.op_slot), ctx.get(walker.op_weight)))
            if not ctx.get(walker.idle):
                rest = cycle + 1
            assert offers or not ctx.get(walker.take)
            if ctx.get(walker.exchange):
                assert offers
                assert not found
                assert not ctx.get(walker.take)
                waiting[0] = word
                found = True
            if ctx.get(walker.take):
                waiting.pop(0)
                found = False
                rest = max(rest, cycle + 1)
                next_offer = cycle + every
            await ctx.tick()
            ctx.set(walker.word, memory[address] if address < len(memory) else 0xDEAD)
            cycle += 1

    simulate_component(walker, bench)
    return operations, rest


def memory_of(synapses: Synapses, coding: Coding) -> tuple[list[int], list[int]]:
    """A lane's memory (row starts, then rows), and addresses of row starts."""
    rows = encode_rows(synapses, coding, 0, 1)
    starts = np.where(rows.row_start >= 0, rows.row_start + FIRST_ROW_WORD, 0)
    padding = [0] * (FIRST_ROW_WORD - len(starts))
    memory = [*starts.tolist(), *padding, *rows.words.tolist()]
    return memory, list(range(len(starts)))


def row_cycles(memory: list[int], start: int, coding: Coding) -> list[bool]:
    """For each cycle of a row whether the memory is free in it."""
    cycles = []
    _, length = decode_row(np.array(memory, np.uint16), start, coding)
    for word in memory[start : start + length]:
        pair = coding is Coding.PACKED and word & 0x000F and word & 0x0F00
        cycles += [True, False] if pair else [False]
    return cycles


@st.composite
def sparse_synapses(draw: st.DrawFn) -> Synapses:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 90))
    density = draw(st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]))
    codes = rng.choice([-8, -7, -1, 1, 7], shape)
    return Synapses.from_dense(np.where(rng.random(shape) < density, codes, 0))


@settings(max_examples=40)
@given(sparse_synapses(), st.sampled_from(Coding), st.sampled_from([1, 3, 9]))
def test_walker_emits_every_synapse_once_in_order(
    synapses: Synapses, coding: Coding, every: int
) -> None:
    memory, row_starts = memory_of(synapses, coding)
    expected = []
    for source in row_starts:
        if memory[source]:
            row, _ = decode_row(np.array(memory, np.uint16), memory[source], coding)
            expected += [(FIRST_SLOT + slot, weight) for slot, weight in row]
    operations, _ = walk(memory, row_starts, coding, every)
    assert [(slot, weight) for _, slot, weight in operations] == expected


@settings(max_examples=60)
@given(sparse_synapses(), st.sampled_from(Coding))
def test_a_start_costs_a_cycle_unless_the_row_before_has_a_free_one(
    synapses: Synapses, coding: Coding
) -> None:
    memory, row_starts = memory_of(synapses, coding)
    _, rest = walk(memory, row_starts, coding)
    # All rows wait from the beginning: each free cycle reads one start, until one is not empty.
    expected = 1
    free = 0
    found = False
    for source in row_starts:
        start = memory[source]
        if start:
            cycles = row_cycles(memory, start, coding)
            expected += len(cycles) + (not found and not free)
            found = found or free > 0
            free, found = sum(cycles), False
        elif free:
            free -= 1
        else:
            expected += 1
    assert rest == expected


def test_wide_rows_run_at_one_synapse_a_cycle() -> None:
    memory, row_starts = memory_of(Synapses.from_dense(np.ones((4, 32), int)), Coding.WIDE)
    operations, rest = walk(memory, row_starts, Coding.WIDE)
    assert len(operations) / (rest - 1) == pytest.approx(32 / 33)


@pytest.mark.parametrize("size", [31, 32])
def test_packed_rows_leave_no_cycle_without_a_synapse(size: int) -> None:
    memory, row_starts = memory_of(Synapses.from_dense(np.ones((4, size), int)), Coding.PACKED)
    operations, _ = walk(memory, row_starts, Coding.PACKED)
    assert [cycle for cycle, _, _ in operations] == list(range(3, 3 + 4 * size))


def test_fillers_cost_no_cycle_beside_a_synapse() -> None:
    # Synapses at slots 20 and 60: each shares a word with its filler, the second with the end.
    weights = np.zeros((1, 64), int)
    weights[0, [20, 40, 60]] = 3, 2, 1
    memory, row_starts = memory_of(Synapses.from_dense(weights), Coding.PACKED)
    assert memory[FIRST_ROW_WORD:] == [0x1000, 0x1043, 0x1032, 0x0031]
    operations, _ = walk(memory, row_starts, Coding.PACKED)
    assert [(slot, weight) for _, slot, weight in operations] == [
        (FIRST_SLOT + 20, 3),
        (FIRST_SLOT + 40, 2),
        (FIRST_SLOT + 60, 1),
    ]
    assert [cycle for cycle, _, _ in operations] == [4, 5, 6]
