"""What the core needs: cycles per synaptic operation, bits per synapse, resources of a board.

``python -m benches.core [--write docs/results] [--no-build]``

Cycles are counted by the gates, not predicted. Bits count every word of the memory image's
synapse memory, row starts included.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgesnn.backends.gates import GatesBackend
from edgesnn.build import BuildResult, build
from edgesnn.core_config import CoreConfig
from edgesnn.events import EventStream
from edgesnn.measurement import record, write_result
from edgesnn.memory_layout import ConnectionWord, PopulationWord
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network, Readout
from edgesnn.placement import place
from edgesnn.synapse_coding import Coding
from edgesnn.synapses import Synapses
from edgesnn_boards import find_board
from edgesnn_hdl.scheduler import FINISH_CYCLES

LANES = (1, 2, 4)
SOURCES = 256
EVENTS_PER_STEP = 64
STEPS = 10


def sparse(rng: np.random.Generator, sources: int, targets: int, density: float) -> Synapses:
    codes = rng.choice([-7, -3, -1, 1, 3, 7], (sources, targets))
    return Synapses.from_dense(np.where(rng.random((sources, targets)) < density, codes, 0))


def fixed_fan_out(rng: np.random.Generator, sources: int, targets: int, fan_out: int) -> Synapses:
    """Every source has exactly ``fan_out`` targets."""
    dense = np.zeros((sources, targets), int)
    for row in dense:
        row[rng.choice(targets, fan_out, replace=False)] = rng.choice([-3, 3], fan_out)
    return Synapses.from_dense(dense)


def one_layer(synapses: Synapses) -> Network:
    size = synapses.num_targets
    layer = LifPopulation(
        "layer",
        np.full(size, 20_000),
        np.full(size, 3840),
        np.zeros(size, np.int32),
        membrane_bits=14,
    )
    inputs = InputPopulation("inputs", synapses.num_sources)
    return Network((inputs, layer), (Connection(0, 1, synapses),), Readout(1))


def sops_per_cycle(backend: GatesBackend, synapses: Synapses, coding: Coding) -> float:
    """Synaptic operations per cycle of the integrate phase.

    Both are counted by the gates; the cycles of the other phases are fixed and taken off.
    """
    network = one_layer(synapses)
    rng = np.random.default_rng(1)
    stream = EventStream.from_steps(
        [rng.choice(synapses.num_sources, EVENTS_PER_STEP, replace=False) for _ in range(STEPS)]
    )
    backend.coding = coding
    backend.load(network)
    counters = backend.run(stream).counters
    slots = -(-synapses.num_targets // backend.config.lanes)
    rest = len(PopulationWord) + len(ConnectionWord) + slots + FINISH_CYCLES
    return counters.sops / (counters.cycles - STEPS * rest)


def throughput() -> dict[str, dict[int, float]]:
    """Synaptic operations per cycle for each kind of connection and number of lanes."""
    rng = np.random.default_rng(0)
    cases = {
        "wide, fan-out 32": (fixed_fan_out(rng, SOURCES, 512, 32), Coding.WIDE),
        "wide, fan-out 64": (fixed_fan_out(rng, SOURCES, 512, 64), Coding.WIDE),
        "wide, fan-out 256": (fixed_fan_out(rng, SOURCES, 512, 256), Coding.WIDE),
        "packed, 512 targets, 90 % pruned": (sparse(rng, SOURCES, 512, 0.1), Coding.PACKED),
        "packed, 1024 targets, 90 % pruned": (sparse(rng, SOURCES, 1024, 0.1), Coding.PACKED),
        "packed, 1024 targets, 80 % pruned": (sparse(rng, SOURCES, 1024, 0.2), Coding.PACKED),
        "packed, 1024 targets, 50 % pruned": (sparse(rng, SOURCES, 1024, 0.5), Coding.PACKED),
    }
    found: dict[str, dict[int, float]] = {name: {} for name in cases}
    for lanes in LANES:
        config = CoreConfig(lanes=lanes, synapse_words=65536 * lanes, readout_neurons=1024)
        backend = GatesBackend(config)
        for name, (synapses, coding) in cases.items():
            if place(one_layer(synapses), lanes, coding).synapse_words[0] < 1 << 16:
                found[name][lanes] = round(sops_per_cycle(backend, synapses, coding), 4)
        backend.close()
    return found


def bits_per_synapse() -> dict[int, dict[tuple[str, int], float]]:
    """For each sparsity in percent: bits per synapse of 1024 x 1024, by coding and lanes."""
    rng = np.random.default_rng(2)
    table: dict[int, dict[tuple[str, int], float]] = {}
    for percent in (50, 80, 90, 97):
        synapses = sparse(rng, 1024, 1024, 1 - percent / 100)
        network = one_layer(synapses)
        table[percent] = {
            (coding.name.lower(), lanes): round(
                16 * sum(place(network, lanes, coding).synapse_words) / synapses.num_synapses, 3
            )
            for coding in Coding
            for lanes in LANES
        }
    return table


def entropy_bits(percent: int) -> float:
    """Lower limit: where the synapses are (binary entropy) and one of fourteen weights."""
    p = 1 - percent / 100
    position = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)) / p
    return round(float(position + np.log2(14)), 2)


def page(result: dict[str, Any], tables: dict[str, Any], built: BuildResult | None) -> str:
    lines = [
        "# The core: cycles, bits, resources",
        "",
        f"Generated by `make results-core`; do not edit. Commit {result['commit']}, "
        f"{result['machine']}.",
        "",
        "## Synaptic operations per cycle",
        "",
        f"Integrate phase (deliver and drain) of {STEPS} steps with {EVENTS_PER_STEP} events each: "
        "operations and cycles as the gates count them, less the fixed cycles of descriptors, "
        "update and finish.",
        "",
        "| connection | " + " | ".join(f"{k} lane{'s' * (k > 1)}" for k in LANES) + " |",
        "|---" * (1 + len(LANES)) + "|",
    ]
    for name, row in tables["throughput"].items():
        cells = [f"{row[k]:.3f}" if k in row else "too large" for k in LANES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Bits per synapse",
        "",
        "1024 x 1024, row starts and padding included. The limit is the entropy of the positions "
        "plus one of fourteen weights.",
        "",
        "| pruned | coding | "
        + " | ".join(f"{k} lane{'s' * (k > 1)}" for k in LANES)
        + " | limit |",
        "|---" * (3 + len(LANES)) + "|",
    ]
    for percent, row in tables["bits"].items():
        for coding in Coding:
            name = coding.name.lower()
            cells = " | ".join(f"{row[name, k]:.2f}" for k in LANES)
            lines.append(f"| {percent} % | {name} | {cells} | {entropy_bits(percent)} |")
    if built:
        lines += [
            "",
            f"## {built.board}",
            "",
            "1 lane, 1,024 neurons, 65,536 synapse words, UART, link and command unit included. "
            "Placement and timing by nextpnr; never run on hardware yet. Paths through the "
            "multiplier and the single-port RAM are not timed by nextpnr.",
            "",
            "| resource | used | available |",
            "|---|---|---|",
            *(f"| {name} | {used} | {have} |" for name, (used, have) in built.usage.items()),
            "",
            f"Highest clock {built.fmax_mhz} MHz (seed {built.seed}), used clock "
            f"{built.clock_mhz} MHz.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="cycles, bits and resources of the core")
    parser.add_argument("--write", type=Path, help="folder for core.md and core.json")
    parser.add_argument("--no-build", action="store_true", help="leave out the bitstream")
    options = parser.parse_args()
    built = None if options.no_build else build(find_board("icebreaker"))
    tables = {"throughput": throughput(), "bits": bits_per_synapse()}
    figures: dict[str, float] = {
        "core_sops_per_cycle_1_lane": tables["throughput"]["wide, fan-out 32"][1],
        "core_packed_sops_per_cycle_1_lane": tables["throughput"][
            "packed, 1024 targets, 90 % pruned"
        ][1],
        "packed_bits_per_synapse_90": max(tables["bits"][90]["packed", k] for k in LANES),
    }
    if built:
        figures |= {"icebreaker_fmax_mhz": built.fmax_mhz, "icebreaker_lc": built.lc}
        figures |= {f"icebreaker_{n.lower()}": used for n, (used, _) in built.usage.items()}
    result = record(" ".join(["python -m benches.core", *sys.argv[1:]]), figures)
    text = page(result, tables, built)
    print(text)
    if options.write:
        write_result(options.write, "core", result, text)


if __name__ == "__main__":
    main()
