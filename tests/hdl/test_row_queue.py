"""The queue neither loses nor repeats, whoever is slow."""

from __future__ import annotations

from collections import deque

import pytest
from amaranth.sim import SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn_hdl.row_queue import RowQueue
from edgesnn_hdl.simulation import simulate_component

TAKE, EXCHANGE = 1, 2


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0, TAKE, EXCHANGE])), max_size=60),
    st.sampled_from([2, 3, 4, 8]),
)
def test_queue_behaves_like_a_deque_in_every_cycle(
    wishes: list[tuple[bool, int]], depth: int
) -> None:
    queue = RowQueue(8, depth)

    async def bench(ctx: SimulatorContext) -> None:
        model: deque[int] = deque()
        found = False
        for number, (offer, wanted) in enumerate(wishes):
            wish = wanted if model else 0
            ctx.set(queue.rows.valid, offer)
            ctx.set(queue.rows.payload, number)
            ctx.set(queue.take, wish == TAKE)
            ctx.set(queue.exchange, wish == EXCHANGE)
            ctx.set(queue.row, 200 - number)
            assert ctx.get(queue.rows.ready) == (len(model) < depth)
            assert ctx.get(queue.valid) == bool(model)
            assert ctx.get(queue.found) == found
            if model:
                assert ctx.get(queue.head) == model[0]
            room = len(model) < depth
            if wish == TAKE:
                model.popleft()
                found = False
            if wish == EXCHANGE:
                model[0] = 200 - number
                found = True
            if offer and room:
                model.append(number)
            await ctx.tick()

    simulate_component(queue, bench)


@pytest.mark.parametrize("depth", [2, 4])
def test_item_that_enters_can_leave_in_the_next_cycle(depth: int) -> None:
    queue = RowQueue(8, depth)

    async def bench(ctx: SimulatorContext) -> None:
        ctx.set(queue.rows.valid, 1)
        for number in range(10):
            ctx.set(queue.rows.payload, number)
            ctx.set(queue.take, number > 0)
            assert ctx.get(queue.valid) == (number > 0)
            assert not number or ctx.get(queue.head) == number - 1
            await ctx.tick()

    simulate_component(queue, bench)
