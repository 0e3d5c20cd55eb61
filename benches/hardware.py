"""What every board comes to: cells, memories, multipliers, and the clock over several seeds.

``python -m benches.hardware [--write docs/results] [--seeds 5] [--board NAME ...] [--cached]``

Each finished seed stays in the cache, so a run that was stopped goes on where it was;
``--cached`` builds nothing and reports what is there.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from benches.core_throughput import Case, Counts, predict, topology
from edgesnn.build import Sweep, sweep
from edgesnn.errors import BuildError
from edgesnn.measurement import record, write_result
from edgesnn.synapse_coding import FIRST_ROW_WORD
from edgesnn_boards import all_boards
from edgesnn_boards.board import Board


@dataclass(frozen=True)
class Peer:
    """Another core: what is known of it, and from where."""

    name: str
    device: str
    logic: str
    flip_flops: str
    memories: str
    multipliers: str
    fmax: str
    source: str


_HERE = "measured with the tools of this page"
PEERS = (
    Peer("tinyODIN", "ECP5-25F", "2,960 LUT4", "1,810", "17 DP16KD", "0", "37.8",
         f"github.com/ChFrenkel/tinyODIN, {_HERE}"),
    Peer("SYNtzulu, with its processor", "iCE40UP5K", "3,473 LC", "", "17 EBR, 4 SPRAM", "2",
         "runs at 24", "README of github.com/gianlucaleone/SYNtzulu"),
    Peer("SYNtzulu, core alone", "iCE40UP5K", "3,129 LC", "1,588", "6 EBR, 4 SPRAM", "2", "25.4",
         f"the same, {_HERE}, in a wrapper of 230 flip-flops"),
    Peer("Spiker+, MNIST", "Xilinx, 7 series", "7,612 cells", "", "18 BRAM", "", "",
         "its paper (MNIST, 180 mW)"),
    Peer("Spiker+, 40-128-10", "ECP5", "10,597 LUT4", "1,874", "left out", "", "",
         f"PyPI spikerplus 2.0.3, {_HERE}"),
    Peer("ReckOn, with learning", "ASIC", "", "", "138 KB SRAM", "137", "",
         "README of github.com/ChFrenkel/ReckOn; multipliers after elaboration"),
    Peer("Flexi-NeurA, MNIST", "Xilinx", "1,623 cells", "", "7 BRAM", "", "",
         "arXiv 2602.18140"),
)  # fmt: skip


#: Of the table of cycles: shares of inputs that are active in a step, and of weights that are kept.
INPUT_ACTIVITIES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.5)
DENSITIES = (1.0, 0.2, 0.1, 0.03)


def cycles(lanes: int) -> dict[float, dict[float, Counts]]:
    """By density and input activity, what steps of 512-256-10 take on so many lanes."""
    return {
        density: {
            activity: predict(Case(topology((512, 256, 10), density), lanes, inputs=activity))
            for activity in INPUT_ACTIVITIES
        }
        for density in DENSITIES
    }


def cycle_tables(swept: dict[str, Sweep]) -> list[str]:
    """Cycles of a step, and operations a second, for the lanes and clocks of these boards."""
    clocks: dict[int, list[tuple[str, float]]] = {}
    for board in all_boards():
        if board.name in swept:
            lanes = board.core_config.lanes
            clocks.setdefault(lanes, []).append((board.name, board.clock_hz / 1e6))
    lines = [
        "",
        "## Cycles of a time step",
        "",
        "512 inputs, 256 neurons and 10 outputs; one neuron in twenty fires in a step. Against the "
        "share of inputs that are active (columns) and of weights that are kept (rows). Predicted "
        "by the simulator, which the tests hold equal to the gates. Operations a cycle are those "
        "of whole steps, update included; times the clock they are operations a second.",
    ]
    for lanes, boards in sorted(clocks.items()):
        found = cycles(lanes)
        head = " | ".join(f"{100 * a:g} %" for a in INPUT_ACTIVITIES)
        lines += [
            "",
            f"### {lanes} lanes: {', '.join(name for name, _ in boards)}",
            "",
            f"| kept | {head} |",
            "|---" * (1 + len(INPUT_ACTIVITIES)) + "|",
            *(
                f"| {100 * density:g} % | "
                + " | ".join(f"{row[a].cycles_per_step:,.0f}" for a in INPUT_ACTIVITIES)
                + " |"
                for density, row in found.items()
            ),
            "",
            *_per_second(found, boards),
        ]
    return lines


def _per_second(
    found: dict[float, dict[float, Counts]], boards: list[tuple[str, float]]
) -> list[str]:
    """A sentence for each board: operations a second where all weights are kept, and one in ten."""
    sentences = []
    for name, mhz in boards:
        dense, sparse = (
            counts.sops / counts.cycles
            for counts in (found[1.0][INPUT_ACTIVITIES[-1]], found[0.1][INPUT_ACTIVITIES[-1]])
        )
        sentences.append(
            f"{name} at {mhz:g} MHz, half of the inputs active: {dense:.2f} operations a cycle, "
            f"{dense * mhz:,.0f} million a second with all weights; {sparse:.2f} and "
            f"{sparse * mhz:,.0f} million with one in ten.  "
        )
    return sentences


def packed_entries(board: Board) -> int:
    """Entries of packed rows that the synapse memories hold beside the fewest row starts."""
    config = board.core_config
    return 2 * (config.synapse_words - FIRST_ROW_WORD * config.lanes)


def figures(swept: dict[str, Sweep]) -> dict[str, float]:
    """The figures that are followed over time, of the boards that were built."""
    boards = {board.name: board for board in all_boards()}
    found: dict[str, float] = {"boards_with_bitstream": len(swept)}
    for name, sweep_ in swept.items():
        board = boards[name]
        lanes = board.core_config.lanes
        _lowest, median, highest = sweep_.fmax_mhz
        if board.device.startswith("iCE40UP5K"):
            found[f"up5k_{lanes}lane_lc"] = sweep_.best.lc
            found[f"up5k_{lanes}lane_fmax_mhz"] = highest
            found[f"up5k_{lanes}lane_fmax_best_mhz"] = highest
            found[f"up5k_{lanes}lane_fmax_median_mhz"] = median
            found["up5k_synapse_entries"] = packed_entries(board)
        if name == "ulx3s-25f":
            found[f"ecp5_25f_{lanes}lane_fmax_mhz"] = highest
        if name == "ulx3s-85f":
            found[f"ecp5_85f_{lanes}lane_fmax_mhz"] = highest
        if name == "hx8k":
            found[f"hx8k_{lanes}lane_fmax_mhz"] = highest
        if name == "tang-nano-9k":
            found |= {"tang_nano_9k_fmax_mhz": highest, "tang_nano_9k_lanes": lanes}
    return found


def _memories(sweep_: Sweep) -> str:
    names = ("ICESTORM_RAM", "ICESTORM_SPRAM", "DP16KD", "BSRAM", "RAM16SDP4")
    usage = sweep_.best.usage
    parts = [f"{usage[n][0]} of {usage[n][1]} {n}" for n in names if n in usage]
    return ", ".join(parts)


def _multipliers(sweep_: Sweep) -> str:
    usage = sweep_.best.usage
    names = ("ICESTORM_DSP", "MULT18X18D", "MULT18X18")
    return next((f"{usage[n][0]} of {usage[n][1]}" for n in names if n in usage), "none")


def page(result: dict[str, object], swept: dict[str, Sweep]) -> str:
    boards = {board.name: board for board in all_boards()}
    lines = [
        "# Boards: cells, memories, clocks",
        "",
        f"Generated by `make results-hardware`; do not edit. Commit {result['commit']}, "
        f"{result['machine']}.",
        "",
        "Whole designs: core, command unit, frames, UART. Synthesis by Yosys, placement, routing "
        "and timing by nextpnr; **no board of this list was ever run**. The clock is what nextpnr "
        "reaches over the seeds: lowest, median, highest, MHz.",
        "",
        "| board | lanes | neurons | packed entries | logic | flip-flops | memories | multipliers "
        "| lowest | median | highest | seeds | used clock |",
        "|---" * 13 + "|",
    ]
    for name, sweep_ in swept.items():
        board = boards[name]
        config, best = board.core_config, sweep_.best
        used, have = best.usage[board.family.logic]
        lowest, median, highest = sweep_.fmax_mhz
        lines.append(
            f"| {name} | {config.lanes} | {config.neurons:,} | {packed_entries(board):,} "
            f"| {used:,} of {have:,} {board.family.logic} | {best.flip_flops:,} "
            f"| {_memories(sweep_)} | {_multipliers(sweep_)} | {lowest} | {median} | {highest} "
            f"| {len(sweep_.seeds)} | {best.clock_mhz:g} |"
        )
    missing = [name for name in boards if name not in swept]
    lines += [
        "",
        f"Without a result here: {', '.join(missing) or 'none'}.",
        "",
        "What the clock leaves out: nextpnr has no delays for the inside of multipliers and "
        "single-port RAM of iCE40 UltraPlus. The product of a neuron and the shifted weight have "
        "registers inside the multiplier, their operands and the read of a single-port RAM have "
        "not; the used clock of 24 MHz stays below the reached one for that. Delays of Gowin "
        "devices are indicative.",
        "",
        *cycle_tables(swept)[1:],
        "",
        "## Other cores",
        "",
        "| core | device | logic | flip-flops | memories | multipliers | MHz | source |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {p.name} | {p.device} | {p.logic} | {p.flip_flops} | {p.memories} "
            f"| {p.multipliers} | {p.fmax} | {p.source} |"
            for p in PEERS
        ),
        "",
        "An empty cell is not known. They differ in what they do: tinyODIN and SYNtzulu have no "
        "sparse weights, Spiker+ is made for one network, ReckOn learns.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="every board: cells, memories, clock")
    parser.add_argument("--write", type=Path, help="folder for hardware.md and hardware.json")
    parser.add_argument("--seeds", type=int, default=5, help="seeds for each board")
    parser.add_argument("--board", action="append", help="only this one; may be repeated")
    parser.add_argument("--cached", action="store_true", help="build nothing")
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    swept: dict[str, Sweep] = {}
    for board in all_boards():
        if options.board and board.name not in options.board:
            continue
        results = []
        try:
            for result in sweep(board, seeds, None, options.cached):
                print(f"{board.name}, seed {result.seed}: {result.fmax_mhz} MHz", flush=True)
                results.append(result)
        except BuildError as error:
            print(error, file=sys.stderr)
        if results:
            swept[board.name] = Sweep.of(results)
    measured = record(" ".join(["python -m benches.hardware", *sys.argv[1:]]), figures(swept))
    text = page(measured, swept)
    print(text)
    if options.write:
        write_result(options.write, "hardware", measured, text)


if __name__ == "__main__":
    main()
