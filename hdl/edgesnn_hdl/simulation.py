"""Simulate a component in Python; for tests of blocks, and for machines without a C++ compiler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator, SimulatorContext

#: Any period will do: nothing here depends on seconds.
PERIOD_SECONDS = 1e-6


def simulate_component(
    component: Elaboratable, *benches: Callable[[SimulatorContext], Awaitable[None]]
) -> None:
    """Run test benches against a component with one clock until all of them have ended."""
    simulator = Simulator(component)
    simulator.add_clock(PERIOD_SECONDS)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()
