"""Cycles of the core on networks for which other cores have figures.

``python -m benches.core_throughput [--write docs/results]``

Hidden neurons are driven by their bias: each fires about every twentieth step, whatever arrives,
so that the activity is given and the spikes are still the network's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benches.core import sparse
from edgesnn.backends.gates import GatesBackend
from edgesnn.core_config import CoreConfig
from edgesnn.events import EventStream
from edgesnn.measurement import record, write_result
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.simulator import Simulator
from edgesnn.simulator.core_timing import CoreTiming

#: Activity of the hidden neurons: spikes of a neuron in a time step.
ACTIVITY = 0.05
#: Steps until the neurons, which begin alike, have fallen out of step; and steps that are counted.
WARM_UP_STEPS = 400
STEPS = 40


def driven(name: str, size: int, rng: np.random.Generator, activity: float) -> LifPopulation:
    """Neurons that fire in ``activity`` of the steps, at times that differ more and more."""
    bias = rng.integers(800, 1200, size)
    threshold = np.rint(1000 / activity).astype(np.int64)
    return LifPopulation(
        name, np.full(size, threshold), np.full(size, 4096), bias, membrane_bits=18
    )


def topology(
    sizes: Sequence[int], density: float, recurrent: bool = False, activity: float = ACTIVITY
) -> Network:
    """Populations one after the other, the first one inputs, and a read-out of four neurons.

    density    of every connection, 0..1
    recurrent  also connect every population with itself
    """
    rng = np.random.default_rng(0)
    populations: list[InputPopulation | LifPopulation] = [InputPopulation("inputs", sizes[0])]
    connections = []
    for index, size in enumerate(sizes[1:], start=1):
        populations.append(driven(f"layer {index}", size, rng, activity))
        forward = sparse(rng, sizes[index - 1], size, density)
        connections.append(Connection(index - 1, index, forward))
        if recurrent:
            connections.append(Connection(index, index, sparse(rng, size, size, density)))
    return Network(
        tuple(populations),
        tuple(connections),
        Readout(len(sizes) - 1),
        state_bits=24,
        event_limit=EventLimit(EventLimitForm.FULL, 1),
    )


def input_events(num_inputs: int, activity: float, steps: int) -> EventStream:
    """Every input is active in ``activity`` of the steps, at random."""
    rng = np.random.default_rng(1)
    return EventStream.from_steps(
        [np.flatnonzero(rng.random(num_inputs) < activity) for _ in range(steps)]
    )


@dataclass(frozen=True)
class Case:
    """A network on a core, and what is counted: all cycles, or those of the integrate phase.

    inputs   share of the inputs that is active in a step
    warm_up  steps before those that are counted
    """

    network: Network
    lanes: int
    inputs: float = ACTIVITY
    warm_up: int = WARM_UP_STEPS
    queue_events: int = 4

    @property
    def config(self) -> CoreConfig:
        return CoreConfig(
            lanes=self.lanes,
            state_bits=24,
            neurons=2048,
            synapse_words=65536 * self.lanes,
            readout_neurons=1024,
            queue_events=self.queue_events,
        )

    @property
    def stream(self) -> EventStream:
        return input_events(self.network.num_inputs, self.inputs, self.warm_up + STEPS)


@dataclass(frozen=True)
class Counts:
    """Of the steps of a case after its warm-up."""

    cycles: int
    integrate_cycles: int
    sops: int
    activity: float

    @property
    def sops_per_cycle(self) -> float:
        """Useful synaptic operations per cycle of the integrate phase."""
        return self.sops / self.integrate_cycles

    @property
    def cycles_per_step(self) -> float:
        return self.cycles / STEPS


def predict(case: Case) -> Counts:
    """What the simulator says."""
    steps = list(case.stream)
    warm, counted = steps[: case.warm_up], steps[case.warm_up :]
    simulator = Simulator(case.network)
    state = simulator.initial_state()
    if warm:
        _, state = simulator.run(EventStream.from_steps(warm))
    stream = EventStream.from_steps(counted)
    result, _ = simulator.run(stream, state)
    timing = CoreTiming(case.network, case.config)
    phases = timing.phases(stream, result.spikes, state.history.view(np.bool_))
    return Counts(
        int(phases.sum()),
        int(phases[:, :, 0].sum()),
        result.counters.sops,
        float(result.spikes.mean()),
    )


def count(case: Case) -> Counts:
    """What the gates count."""
    gates = GatesBackend(case.config)
    gates.load(case.network)
    steps = list(case.stream)
    if case.warm_up:
        gates.run(EventStream.from_steps(steps[: case.warm_up]))
        gates.phases()
    result = gates.run(EventStream.from_steps(steps[case.warm_up :]))
    phases = gates.phases()
    gates.close()
    return Counts(
        result.counters.cycles,
        int(phases[:, 0].sum()),
        result.counters.sops,
        float(result.spikes.mean()),
    )


SYNTZULU = (32, 64, 128, 64, 12)
SPIKER = (784, 128, 10)


def cases() -> dict[str, Case]:
    """Every figure's network by the name of the figure."""
    medium, large = topology((512, 512), 0.1, True), topology((1024, 1024), 0.1, True)
    dense, pruned = topology(SYNTZULU, 1.0), topology(SYNTZULU, 0.15)
    spiker = topology(SPIKER, 0.1)
    # All sources of a dense matrix at once.
    full = topology((256, 256), 1.0)
    return {
        "sops_per_cycle_4_lanes_512": Case(medium, 4),
        "sops_per_cycle_8_lanes_1024": Case(large, 8),
        "sops_per_cycle_16_lanes_1024": Case(large, 16, queue_events=8),
        "syntzulu_dense_cycles": Case(dense, 4),
        "syntzulu_pruned85_cycles": Case(pruned, 4),
        "syntzulu_pruned85_cycles_8_lanes": Case(pruned, 8),
        "cycles_per_stored_synapse": Case(full, 4, inputs=1.0, warm_up=0),
        "spiker_1pct_cycles": Case(spiker, 4, inputs=0.01),
        "spiker_10pct_cycles": Case(spiker, 4, inputs=0.1),
    }


def figure(name: str, counts: Counts) -> float:
    """The figure called ``name``, from what was counted of its case."""
    if name.startswith("sops_per_cycle"):
        return round(counts.sops_per_cycle, 3)
    if name == "cycles_per_stored_synapse":
        return round(counts.cycles / counts.sops, 4)
    return round(counts.cycles_per_step, 1)


#: What each figure must be: at least, for operations per cycle; else at most. Peers: a step of
#: SYNtzulu takes about 445 cycles at this activity; tinyODIN takes 2.03 cycles for each synapse of
#: a dense matrix; Spiker+ takes 950 cycles for a step, whatever its activity.
BARS = {
    "sops_per_cycle_4_lanes_512": 3.6,
    "sops_per_cycle_8_lanes_1024": 7.2,
    "sops_per_cycle_16_lanes_1024": 13.6,
    "syntzulu_dense_cycles": 444,
    "syntzulu_pruned85_cycles": 170,
    "syntzulu_pruned85_cycles_8_lanes": 130,
    "cycles_per_stored_synapse": 0.3,
    "spiker_1pct_cycles": 950,
    "spiker_10pct_cycles": 950,
}


def meets(name: str, value: float) -> bool:
    """Whether a figure reaches its bar."""
    return value >= BARS[name] if name.startswith("sops") else value <= BARS[name]


#: What a figure is about, for the page.
TITLES = {
    "sops_per_cycle_4_lanes_512": "512-512 recurrent, 90 % pruned, 5 % active, 4 lanes: "
    "operations a cycle of the integrate phase",
    "sops_per_cycle_8_lanes_1024": "1024-1024 recurrent, likewise, 8 lanes",
    "sops_per_cycle_16_lanes_1024": "1024-1024 recurrent, likewise, 16 lanes",
    "syntzulu_dense_cycles": "32-64-128-64-12, all weights, 5 % active, 4 lanes: cycles a step "
    "(SYNtzulu: 445)",
    "syntzulu_pruned85_cycles": "the same, 85 % pruned, 4 lanes",
    "syntzulu_pruned85_cycles_8_lanes": "the same, 85 % pruned, 8 lanes",
    "cycles_per_stored_synapse": "256-256, all weights, all inputs active, 4 lanes: cycles a "
    "synapse (tinyODIN: 2.03)",
    "spiker_1pct_cycles": "784-128-10, 90 % pruned, 1 % of the inputs active, 4 lanes: cycles a "
    "step (Spiker+: 950)",
    "spiker_10pct_cycles": "the same, 10 % of the inputs active",
}


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        "# Cycles of the core next to other cores",
        "",
        "Generated by `make results-core_throughput`; do not edit. "
        f"Commit {result['commit']}, {result['machine']}.",
        "",
        "Counted by the gates, and equal to what the simulator predicts. Hidden neurons fire in "
        "every twentieth step. Figures of other cores are those of their papers or of "
        "measurements of their published sources.",
        "",
        "| what | figure | must be |",
        "|---|---|---|",
    ]
    for name, value in result["figures"].items():
        side = ">=" if name.startswith("sops") else "<="
        lines.append(f"| {TITLES[name]} | {value} | {side} {BARS[name]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Count every case in the gates; some minutes."""
    parser = argparse.ArgumentParser(description="cycles of the core next to other cores")
    parser.add_argument("--write", type=Path, help="folder for core_throughput.md and .json")
    options = parser.parse_args()
    figures = {}
    for name, case in cases().items():
        counted = count(case)
        if counted != predict(case):
            raise AssertionError(f"{name}: the gates must count what is predicted")
        figures[name] = figure(name, counted)
        print(name, figures[name], "" if meets(name, figures[name]) else "MISSED", flush=True)
    result = record("python -m benches.core_throughput --write docs/results", figures)
    if options.write:
        write_result(options.write, "core_throughput", result, page(result))


if __name__ == "__main__":
    main()
