"""The figures that sum up the whole: digits, agreement, simulator, core, board.

``python -m benches.spine [--write docs/results]``

Runs the demo and the agreement suite itself. The figures of the simulator, of the core and of
the planted errors come from their own pages in the same folder, written before by ``make``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from edgesnn.measurement import record
from tests.test_backends_agree import LANES, NETWORKS_PER_LANES, NUM_STEPS, mismatches

#: Figures that other pages have measured: page -> figures.
TAKEN = {
    "mutants": ("mutants", "mutants_caught"),
    "simulator": (
        "simulator_vs_c_ratio",
        "simulator_vs_torch_ratio",
        "simulator_million_sops_per_second",
        "million_synapses_mb",
    ),
    "core": (
        "core_sops_per_cycle_1_lane",
        "icebreaker_fmax_mhz",
        "icebreaker_lc",
        "packed_bits_per_synapse_90",
    ),
}


def demo() -> dict[str, Any]:
    """Figures of ``edgesnn demo --json``, from its last line."""
    command = [sys.executable, "-m", "edgesnn", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])["figures"]
    return figures


def agreement() -> tuple[int, int]:
    """Networks compared, and differences found between reference, simulator and gates."""
    found = [
        text
        for lanes in LANES
        for seed in range(NETWORKS_PER_LANES)
        for text in mismatches(lanes, seed)
    ]
    for text in found:
        print(text)
    return len(LANES) * NETWORKS_PER_LANES, len(found)


def page(result: dict[str, Any], digits: dict[str, Any]) -> str:
    rows = [f"| {name} | {value} |" for name, value in result["figures"].items()]
    demo_rows = [f"| {name} | {value} |" for name, value in digits.items()]
    return "\n".join(
        [
            "# The spine in figures",
            "",
            f"Written by `{result['command']}` at {result['commit']} on {result['machine']}.",
            "Accuracies are in percent. Agreement compares every spike, every membrane after "
            f"each of {NUM_STEPS} steps, every read-out and counter of reference, simulator and "
            "gates, and predicted with counted cycles.",
            "",
            "| figure | value |",
            "|---|---|",
            *rows,
            "",
            "## The demo of this run",
            "",
            "| figure | value |",
            "|---|---|",
            *demo_rows,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="the figures that sum up the whole")
    parser.add_argument("--write", type=Path, help="folder for spine.md and spine.json")
    options = parser.parse_args()
    folder = options.write or Path("docs/results")
    digits = demo()
    networks, found = agreement()
    figures: dict[str, Any] = {
        "digits_float_accuracy": round(100 * digits["float_accuracy"], 2),
        "digits_network_accuracy": round(100 * digits["network_accuracy"], 2),
        "agreement_networks": networks,
        "agreement_mismatches": found,
    }
    for name, wanted in TAKEN.items():
        measured = json.loads((folder / f"{name}.json").read_text())["figures"]
        figures |= {figure: measured[figure] for figure in wanted}
    result = record(" ".join(["python -m benches.spine", *sys.argv[1:]]), figures)
    print(json.dumps(result, indent=2))
    if options.write:
        (folder / "spine.json").write_text(json.dumps(result, indent=2) + "\n")
        (folder / "spine.md").write_text(page(result, digits))


if __name__ == "__main__":
    main()
