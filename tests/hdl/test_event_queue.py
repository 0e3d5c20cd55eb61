"""The queue neither loses nor repeats, whoever is slow."""

from __future__ import annotations

from collections import deque

from amaranth.sim import SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn_hdl.event_queue import EventQueue
from edgesnn_hdl.simulation import simulate_component


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.sampled_from([2, 4]))
def test_queue_behaves_like_a_deque_in_every_cycle(
    wishes: list[tuple[bool, bool]], depth: int
) -> None:
    queue = EventQueue(8, depth)

    async def bench(ctx: SimulatorContext) -> None:
        model: deque[int] = deque()
        for number, (offer, take) in enumerate(wishes):
            ctx.set(queue.i.valid, offer)
            ctx.set(queue.i.payload, number)
            ctx.set(queue.o.ready, take)
            assert ctx.get(queue.i.ready) == (len(model) < depth)
            assert ctx.get(queue.o.valid) == bool(model)
            assert ctx.get(queue.empty) == (not model)
            if model:
                assert ctx.get(queue.o.payload) == model[0]
            room = len(model) < depth
            if take and model:
                model.popleft()
            if offer and room:
                model.append(number)
            await ctx.tick()

    simulate_component(queue, bench)
