"""A core without work stands still: no memory is accessed, and nothing changes but the clock."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from amaranth.sim import Simulator, SimulatorContext

from edgesnn.core_config import CoreConfig
from edgesnn.memory_image import pack, sections
from edgesnn.network import Network
from edgesnn_hdl.command_unit import CommandUnit
from edgesnn_hdl.core import Core
from edgesnn_hdl.simulation import PERIOD_SECONDS

STANDBY_CYCLES = 100
CONFIG = CoreConfig(lanes=2, neurons=64, synapse_words=1024, inputs=16, events=64, program_words=64)
#: Ports of the memories: none is accessed while all of these are 0.
ENABLES = ("read_enable", "write_enable", "synapses.enable")


def trace(path: Path) -> list[dict[str, str]]:
    """Of a recording (VCD), the signals that changed in each clock cycle, with their values."""
    scope: list[str] = []
    names: dict[str, list[str]] = {}
    cycles: list[dict[str, str]] = [{}]
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scope.append(words[2])
        elif words[:1] == ["$upscope"]:
            scope.pop()
        elif words[:1] == ["$var"]:
            names.setdefault(words[3], []).append(".".join((*scope, words[4])))
        elif line[:1] in ("0", "1", "b", "s"):
            value, key = (words[0][1:], words[1]) if len(words) == 2 else (line[0], line[1:])
            if any(name.endswith(".clk") for name in names[key]):
                cycles += [{}] * (value == "1")
            else:
                cycles[-1] = cycles[-1] | dict.fromkeys(names[key], value)
    return cycles


def run_a_step_and_rest(network: Network, path: Path) -> tuple[int, int]:
    """Record a core to ``path``; returns the cycles in which a step begins, and in which it rests.

    The core is loaded, takes three events, runs a step, and has STANDBY_CYCLES nothing to do.
    """
    core = Core(CONFIG)
    begins = rests = cycle = 0

    async def bench(ctx: SimulatorContext) -> None:
        nonlocal begins, rests, cycle

        async def tick(count: int = 1) -> None:
            nonlocal cycle
            cycle += count
            await ctx.tick().repeat(count)

        ctx.set(core.access.enable, 1)
        ctx.set(core.access.write, 1)
        for (region, lane), elements in sections(np.frombuffer(pack(network, CONFIG)[:-4], "<u2")):
            ctx.set(core.access.region, region)
            ctx.set(core.access.lane, lane)
            for address, element in enumerate(elements.tolist()):
                ctx.set(core.access.address, address)
                ctx.set(core.access.write_data, element & 0xFFFFFFFF)
                await tick()
        ctx.set(core.access.write, 0)
        ctx.set(core.access.enable, 0)
        for command in (core.reset_state, core.start):
            for source in (0, 2, 1) if command is core.start else ():
                begins = begins or cycle
                ctx.set(core.events.payload, source)
                ctx.set(core.events.valid, 1)
                while not ctx.get(core.events.ready):
                    await tick()
                await tick()
                ctx.set(core.events.valid, 0)
                await tick(2)
            ctx.set(command, 1)
            await tick()
            ctx.set(command, 0)
            while not ctx.get(core.idle):
                await tick()
        await tick(40)  # the counters take their turns
        rests = cycle
        await tick(STANDBY_CYCLES)

    simulator = Simulator(core)
    simulator.add_clock(PERIOD_SECONDS)
    simulator.add_testbench(bench)
    with path.open("w") as file, simulator.write_vcd(file):
        simulator.run()
    return begins, rests


def test_core_without_work_accesses_no_memory_and_nothing_changes(
    small_network: Network, tmp_path: Path
) -> None:
    begins, rests = run_a_step_and_rest(small_network, tmp_path / "core.vcd")
    values: dict[str, str] = {}
    accesses: Counter[str] = Counter()
    toggles: Counter[str] = Counter()
    for cycle, changed in enumerate(trace(tmp_path / "core.vcd")):
        values |= changed
        when = "standby" if cycle > rests else "step" if cycle > begins else "load"
        enabled = [n for n, v in values.items() if n.endswith(ENABLES) and int(v, 2)]
        accesses[when] += len(enabled)
        toggles[when] += sum(".lane_" in name for name in changed)
        if when == "standby":
            assert not changed
    # While a step runs there is much of both.
    assert toggles["step"] > 1000
    assert accesses["step"] > 500
    assert (toggles["standby"], accesses["standby"]) == (0, 0)


def test_command_unit_without_requests_reads_no_memory_and_only_its_timer_moves(
    tmp_path: Path,
) -> None:
    unit = CommandUnit(CONFIG, 12e6)

    async def bench(ctx: SimulatorContext) -> None:
        ctx.set(unit.idle, 1)
        await ctx.tick().repeat(2 * STANDBY_CYCLES)

    simulator = Simulator(unit)
    simulator.add_clock(PERIOD_SECONDS)
    simulator.add_testbench(bench)
    path = tmp_path / "unit.vcd"
    with path.open("w") as file, simulator.write_vcd(file):
        simulator.run()
    values: dict[str, str] = {}
    read: list[int] = []
    moved: set[str] = set()
    for cycle, changed in enumerate(trace(path)):
        values |= changed
        if any(name.endswith(ENABLES) and int(value, 2) for name, value in values.items()):
            read.append(cycle)
        if cycle > STANDBY_CYCLES:
            moved |= {name.rsplit(".", 1)[-1] for name in changed}
    assert 0 < len(read) < 10  # until it came to where it waits
    assert max(read) < STANDBY_CYCLES
    assert moved == {"passed"}
