"""What the pins for events mean, edge by edge; see also test_standalone.py."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from amaranth.sim import SimulatorContext

from edgesnn_hdl.event_input import DEPTH, READY_MARGIN, EventInput
from edgesnn_hdl.simulation import simulate_component

#: Level of the strobe and source id, cycle by cycle.
Levels = Iterable[tuple[int, int]]
#: From a pin to the queue's end.
LATENCY = 6


def take(
    levels: Levels, before: int = 0, opens: bool = True, taken: float = 1.0
) -> tuple[list[int], int, list[int]]:
    """Events that come out, how many were dropped, and ``ready`` in each cycle.

    before   level of the strobe until then
    taken    part of the cycles in which an event is taken
    """
    dut = EventInput(5)
    rng = random.Random(0)
    events: list[int] = []
    readies: list[int] = []
    dropped = 0

    async def bench(ctx: SimulatorContext) -> None:
        nonlocal dropped
        ctx.set(dut.strobe, before)
        ctx.set(dut.open, opens)
        quiet = [(0, 31)] * LATENCY
        for strobe, source in [(before, 31)] * 4 + list(levels) + quiet:
            ctx.set(dut.strobe, strobe)
            ctx.set(dut.source, source)
            ctx.set(dut.events.ready, rng.random() < taken)
            if ctx.get(dut.events.valid) and ctx.get(dut.events.ready):
                events.append(ctx.get(dut.events.payload))
            dropped += ctx.get(dut.dropped)
            readies.append(ctx.get(dut.ready))
            await ctx.tick()

    simulate_component(dut, bench)
    return events, dropped, readies


def pulse(source: int, high: int, low: int = 2) -> list[tuple[int, int]]:
    """The source from a cycle before the edge to two behind it; then it may change."""
    changed = [(1, source)] * min(high, 2) + [(1, source ^ 31)] * (high - 2)
    return [(0, source), *changed, *[(0, source ^ 31)] * (low - 1)]


@pytest.mark.parametrize("high", [2, 3, 50])
def test_one_pulse_is_one_event_however_long(high: int) -> None:
    assert take(pulse(9, high))[:2] == ([9], 0)


def test_a_strobe_that_is_high_from_the_beginning_is_no_edge() -> None:
    assert take([(1, 3)] * 5 + [(0, 3)] * 5, before=1)[:2] == ([], 0)
    assert take([(1, 3)] * 5 + [(0, 3)] * 2 + [(1, 3)] * 2, before=1)[:2] == ([3], 0)


def test_every_bounce_of_a_contact_is_an_event() -> None:
    assert take([*pulse(4, 2), *pulse(4, 3), *pulse(4, 40)])[0] == [4, 4, 4]


@pytest.mark.parametrize("seed", range(5))
def test_any_sequence_of_pulses_comes_out_in_order(seed: int) -> None:
    rng = random.Random(seed)
    sources = [rng.randrange(32) for _ in range(200)]
    levels = [p for s in sources for p in pulse(s, rng.randrange(2, 6), rng.randrange(2, 6))]
    events, dropped, _ = take([*levels, *[(0, 0)] * 400], taken=rng.choice((0.2, 0.5, 1.0)))
    assert (events, dropped) == (sources, 0)


def test_what_does_not_fit_is_dropped_and_ready_says_so_before() -> None:
    levels = [p for n in range(DEPTH + 9) for p in pulse(n % 32, 2)]
    events, dropped, readies = take(levels, taken=0.0)
    assert (events, dropped) == ([], 9)
    fell = readies.index(0, readies.index(1))
    # Some events more are under way when it falls.
    assert (DEPTH - READY_MARGIN) * 4 <= fell < (DEPTH - READY_MARGIN // 2) * 4
    assert not any(readies[fell:])


def test_while_it_is_closed_every_event_is_dropped() -> None:
    events, dropped, readies = take([*pulse(1, 2), *pulse(2, 2)], opens=False)
    assert (events, dropped, any(readies)) == ([], 2, False)
