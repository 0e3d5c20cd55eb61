"""Simulate a component in Python; for tests of blocks, and for machines without a C++ compiler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy.typing as npt
from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator, SimulatorContext

from edgesnn.core_config import CoreConfig
from edgesnn_hdl.core import Core

Words = npt.NDArray[Any]
Job = Callable[[SimulatorContext], Awaitable[int]]

#: Any period will do: nothing here depends on seconds.
PERIOD_SECONDS = 1e-6
#: Values of ``Core.phase`` while a population is worked on.
PHASES = (1, 2, 3)


def simulate_component(
    component: Elaboratable, *benches: Callable[[SimulatorContext], Awaitable[None]]
) -> None:
    """Run test benches against a component with one clock until all of them have ended."""
    simulator = Simulator(component)
    simulator.add_clock(PERIOD_SECONDS)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


class InterpretedCore:
    """A core in Amaranth's own simulator, with the calls of ``core_harness.cpp``.

    Needs no C++ compiler, and is about a thousand times slower than the compiled core.
    ``handle`` arguments are there for the sake of the same calls and are not used.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._core = Core(config)
        self._jobs: list[Job] = []
        self._answer = 0
        self._phases: dict[tuple[int, int], int] = {}
        self._simulator = Simulator(self._core)
        self._simulator.add_clock(PERIOD_SECONDS)
        self._simulator.add_testbench(self._serve, background=True)

    async def _serve(self, ctx: SimulatorContext) -> None:
        while True:
            if self._jobs:
                self._answer = await self._jobs[0](ctx)
                self._jobs.clear()
            await ctx.tick()

    def _run(self, job: Job) -> int:
        """Let time pass until ``job`` has ended; otherwise the core stands still."""
        self._jobs.append(job)
        while self._jobs:
            self._simulator.advance()
        return self._answer

    def core_new(self) -> int:
        return 1

    def core_free(self, handle: int) -> None:
        """Nothing to let go of."""

    def core_write(
        self, handle: int, region: int, lane: int, address: int, elements: Words, count: int
    ) -> None:
        async def job(ctx: SimulatorContext) -> int:
            access = self._core.access
            ctx.set(access.enable, 1)
            ctx.set(access.write, 1)
            ctx.set(access.region, region)
            ctx.set(access.lane, lane)
            for n in range(count):
                ctx.set(access.address, address + n)
                ctx.set(access.write_data, int(elements[n]))
                await ctx.tick()
            ctx.set(access.write, 0)
            ctx.set(access.enable, 0)
            return 0

        self._run(job)

    def core_read(
        self,
        handle: int,
        region: int,
        lane: int,
        address: int,
        elements: Words,
        count: int,
        latency: int,
    ) -> None:
        async def job(ctx: SimulatorContext) -> int:
            access = self._core.access
            ctx.set(access.enable, 1)
            ctx.set(access.region, region)
            ctx.set(access.lane, lane)
            ctx.set(access.address, address)
            while not ctx.get(access.settled):
                await ctx.tick()
            elements[:count] = 0
            for n in range(4 * count + latency):
                ctx.set(access.address, address + n // 4)
                ctx.set(access.byte, n % 4)
                if n >= latency:
                    at = n - latency
                    elements[at // 4] |= ctx.get(access.read_data) << 8 * (at % 4)
                await ctx.tick()
            ctx.set(access.enable, 0)
            await ctx.tick()
            return 0

        self._run(job)

    def core_push(self, handle: int, events: Words, count: int) -> int:
        async def job(ctx: SimulatorContext) -> int:
            taken = 0
            ctx.set(self._core.events.valid, 1)
            for _ in range(8 * count + 64):
                if taken == count:
                    break
                ctx.set(self._core.events.payload, int(events[taken]))
                taken += ctx.get(self._core.events.ready)
                await ctx.tick()
            ctx.set(self._core.events.valid, 0)
            await ctx.tick().repeat(2)
            return taken

        return self._run(job)

    def core_command(self, handle: int, command: int, limit: int) -> int:
        before, population = len(PHASES), -1
        strobe = (self._core.start, self._core.reset_state, self._core.clear_counters)[command]

        async def job(ctx: SimulatorContext) -> int:
            nonlocal before, population
            ctx.set(strobe, 1)
            await ctx.tick()
            ctx.set(strobe, 0)
            for _ in range(limit):
                if ctx.get(self._core.idle):
                    return 0
                if phase := ctx.get(self._core.phase):
                    population += phase < before
                    before = phase
                    key = (population, phase)
                    self._phases[key] = self._phases.get(key, 0) + 1
                await ctx.tick()
            return -1

        return self._run(job)

    def core_phases(self, handle: int, cycles: Words, count: int) -> None:
        for n in range(count):
            for phase in PHASES:
                cycles[n, phase - 1] = self._phases.get((n, phase), 0)
        self._phases.clear()

    def core_refused(self, handle: int) -> int:
        async def job(ctx: SimulatorContext) -> int:
            return int(ctx.get(self._core.refused))

        return self._run(job)
