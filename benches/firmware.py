"""The C runtime: bytes, instructions, speed next to the simulator, agreement in QEMU, fuzzing.

``python -m benches.firmware [--write docs/results] [--networks 200] [--fuzz-seconds 600]
[--node-seconds 60]``

Needs the system packages of ``make tools`` and the data of the recipes.
Instructions are counted in QEMU and do not depend on this machine.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benches.compression.models import percent_right_in_integers, trained
from benches.sensor_node import feed_board, gesture_network, some_recordings
from edgesnn import microcontroller
from edgesnn._resources import firmware_dir
from edgesnn.backends.c_library import CLibraryBackend
from edgesnn.cache import cache_dir
from edgesnn.compress.pipeline import compress
from edgesnn.compress.settings import CompressionSettings
from edgesnn.events import EventStream
from edgesnn.measurement import record, write_result
from edgesnn.microcontroller import FOR_SPEED, TARGETS
from edgesnn.network import (
    Connection,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.placement import place
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.synapse_coding import Coding
from edgesnn.synapses import Synapses
from tests.firmware.emulated import MACHINES, open_device, run_networks

RUNTIME = ("edgesnn", "edgesnn_load", "edgesnn_crc32")
PROTOCOL = ("edgesnn_frames", "edgesnn_device")
FAN_OUTS = (8, 32, 128)
SOURCES, NEURONS = 64, 512
#: Turns of runtime and simulator.
ROUNDS = 31
#: Targets whose instructions are counted.
COUNTED = ("cortex-m4", "cortex-m0plus", "rv32imc")
#: Trained networks: recipe, and how it is compressed. With so few operations a step of a Cortex-M4
#: takes 18,000 instructions, updates included.
NETWORKS = (
    ("saccade-mnist", CompressionSettings(sparsity=0.9)),
    (
        "saccade-mnist",
        CompressionSettings(sparsity=0.9, max_sops=1000, fine_tune_epochs=4, fine_tune_rate=1e-3),
    ),
    ("fsdd", CompressionSettings(sparsity=0.8)),
    ("imu-digits", CompressionSettings(sparsity=0.8)),
)
#: Windows of each that are profiled.
PROFILED = 10


def make(*arguments: str) -> str:
    """What a make target of the firmware prints."""
    command = ["make", "-s", "--no-print-directory", "-C", str(firmware_dir()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sizes() -> dict[str, int]:
    """Code of Cortex-M0+ with -Os; deepest stack of any call."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as plain:
        rows = [line.split() for line in make("size", f"BUILD={folder}").splitlines()[1:]]
        stack = make("stack", f"BUILD={folder}")
        without = make("size", f"BUILD={plain}", "WITHOUT=CURRENTS DELAYS").splitlines()[1:]
    code = {Path(row[5]).stem: int(row[0]) for row in rows if row[5] != "(TOTALS)"}
    smaller = {Path(row[5]).stem: int(row[0]) for row in map(str.split, without)}
    data = sum(int(row[1]) + int(row[2]) for row in rows if row[5] != "(TOTALS)")
    deepest = max(int(number) for number in re.findall(r"^ *(\d+)  ", stack, re.MULTILINE))
    return {
        "code_bytes_m0plus": sum(code[name] for name in RUNTIME),
        "code_bytes_without_features": sum(smaller[name] for name in RUNTIME),
        "protocol_bytes_m0plus": sum(code[name] for name in PROTOCOL),
        "data_bss_bytes": data,
        "stack_bytes": deepest,
    }


def layer(fan_out: int, neurons: int = NEURONS, state_bits: int = 16) -> Network:
    """Each source to exactly ``fan_out`` neurons that never fire; a read-out of one neuron."""
    rng = np.random.default_rng(0)
    dense = np.zeros((SOURCES, neurons), np.int64)
    for row in dense:
        row[rng.choice(neurons, fan_out, replace=False)] = rng.choice([-3, -2, 2, 3], fan_out)
    return Network(
        (
            InputPopulation("in", SOURCES),
            LifPopulation(
                "layer", [30_000] * neurons, [3686] * neurons, [0] * neurons, membrane_bits=14
            ),
            LifPopulation("out", [1], [0], [0]),
        ),
        (Connection(0, 1, Synapses.from_dense(dense)),),
        Readout(2, ReadoutRule.SPIKE_COUNT, 3),
        state_bits,
    )


def steps_of(network: Network, target: str, coding: Coding) -> list[int]:
    """Instructions of a step at rest, of one with an event of every source, and of the next."""
    stream = EventStream.from_steps([[], list(range(SOURCES)), []])
    found = microcontroller.profile(network, [stream], target, FOR_SPEED, coding)
    return [step.step for step in found.windows[0].steps]


def entries_of(network: Network, coding: Coding) -> int:
    """Entries of the rows of all sources: synapses, and the fillers of the packed coding."""
    words = place(network, 1, coding).connections[0].lanes[0].words
    if coding is Coding.WIDE:
        return len(words)
    return int(np.count_nonzero(words & 0xFF) + np.count_nonzero(words >> 8))


@dataclass(frozen=True)
class Counted:
    """Instructions on one processor.

    wide, packed   of a synaptic operation, and of an entry (fillers are entries); by fan-out
    update, rest   of a neuron that decays, and of one at rest; by width of the state word
    """

    target: str
    wide: dict[int, float]
    packed: dict[int, float]
    update: dict[int, float]
    rest: dict[int, float]


def counted(target: str) -> Counted:
    """The step with events less the next one is integration; the size of the layer tells updates
    from what a step costs besides."""
    wide, packed, update, rest = {}, {}, {}, {}
    for fan_out in FAN_OUTS:
        network = layer(fan_out)
        for coding, found in ((Coding.WIDE, wide), (Coding.PACKED, packed)):
            _, full, after = steps_of(network, target, coding)
            found[fan_out] = (full - after) / entries_of(network, coding)
    for bits in (16, 24):
        small, large = (
            steps_of(layer(size // 2, size, bits), target, Coding.WIDE) for size in (128, 256)
        )
        update[bits] = (large[2] - small[2]) / 128
        rest[bits] = (large[0] - small[0]) / 128
    print(target, wide, packed, update, rest, flush=True)
    return Counted(target, wide, packed, update, rest)


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A compressed network of a recipe.

    before     accuracy of the model on the held-out windows, per cent
    after      the same of the network
    streams    the first 100 held-out windows
    """

    recipe: str
    settings: CompressionSettings
    network: Network
    before: float
    after: float
    streams: list[EventStream]

    @property
    def is_limited(self) -> bool:
        return self.settings.max_sops is not None


def trained_network(recipe: str, settings: CompressionSettings) -> TrainedNetwork:
    found = trained(cache_dir("models"), recipe, 0)
    held_out = found.data.held_out
    network, _ = compress(found.model, found.calibration(), settings, training=found.data.training)
    streams = list(held_out.select(np.arange(100)).events.streams())
    after = percent_right_in_integers(network, held_out)
    return TrainedNetwork(recipe, settings, network, found.accuracy, after, streams)


@dataclass(frozen=True)
class Profiled:
    """A trained network on a Cortex-M4; instructions of a time step with its events."""

    trained: TrainedNetwork
    coding: str
    image_bytes: int
    memory_bytes: int
    events: float
    sops: float
    mean: float
    most: int
    mismatches: int


def profiled(of: TrainedNetwork) -> list[Profiled]:
    """Both codings."""
    simulator, streams = Simulator(of.network), of.streams[:PROFILED]
    rows = []
    for coding in Coding:
        found = microcontroller.profile(of.network, streams, "cortex-m4", FOR_SPEED, coding)
        wrong = sum(
            window.accumulators != tuple(simulator.run(stream)[0].accumulators.tolist())
            for window, stream in zip(found.windows, streams, strict=True)
        )
        steps = found.step_instructions
        counters = [window.counters for window in found.windows]
        total = sum(c.steps for c in counters)
        rows.append(
            Profiled(
                of, coding.name.lower(), found.image_bytes, found.memory_bytes,
                sum(c.events for c in counters) / total, sum(c.sops for c in counters) / total,
                statistics.mean(steps), max(steps), wrong,
            )
        )  # fmt: skip
        print(
            of.recipe,
            of.settings.max_sops,
            of.before,
            of.after,
            coding.name,
            rows[-1].mean,
            flush=True,
        )
    return rows


def square_layer() -> tuple[Network, list[EventStream]]:
    """1024 x 1024 at 10 %, a fifth of the inputs active, every neuron with a membrane to decay."""
    rng = np.random.default_rng(1)
    size, steps = 1024, 500
    dense = np.where(rng.random((size, size)) < 0.1, rng.choice([-3, -1, 1, 3], (size, size)), 0)
    network = Network(
        (
            InputPopulation("in", size),
            LifPopulation("layer", [30_000] * size, [3900] * size, [0] * size, membrane_bits=14),
        ),
        (Connection(0, 1, Synapses.from_dense(dense)),),
        Readout(1, ReadoutRule.SPIKE_COUNT, steps),
    )
    events = [np.flatnonzero(rng.random(size) < 0.2).tolist() for _ in range(steps)]
    return network, [EventStream.from_steps(events)]


def host_ratio(network: Network, streams: list[EventStream], coding: Coding) -> float:
    """Synaptic operations a second of the C runtime over those of the simulator, one core.

    In turns, by processor time; the median of the ratios.
    """
    # One run for all windows, as a stream has no reset in it: both work on the same spikes.
    stream = EventStream.from_steps([ids.tolist() for stream in streams for ids in stream])
    simulator = Simulator(network)
    backend = CLibraryBackend(coding)
    backend.load(network)
    if differences(simulator.run(stream)[0], backend.run(stream)):
        raise AssertionError("the runtime and the simulator must agree")
    ratios = []
    for _ in range(ROUNDS):
        backend.reset()
        began = time.process_time()
        simulator.run(stream)
        between = time.process_time()
        backend.run(stream)
        ratios.append((between - began) / (time.process_time() - between))
    print("host", coding.name, statistics.median(ratios), flush=True)
    return round(statistics.median(ratios), 2)


def on_device(machine: str, network: Network, streams: list[EventStream]) -> int:
    """Windows in which a microcontroller differs from the simulator, over the emulated line."""
    simulator = Simulator(network)
    where = network.neuron_slice(network.readout.population)
    wrong = 0
    with (
        microcontroller.EmulatedDevice(MACHINES[machine]) as emulated,
        open_device(emulated) as device,
    ):
        device.load(network)
        for stream in streams:
            device.reset()
            found, expected = device.run(stream), simulator.run(stream, record=True)[0]
            wrong += (
                found.decision != expected.decision
                or found.accumulators.tolist() != expected.accumulators.tolist()
                or found.counters != expected.counters
                or not np.array_equal(found.spikes[:, where], expected.spikes[:, where])
            )
    return wrong


def fuzzed(seconds: int) -> tuple[int, int]:
    """Seconds of fuzzing over all targets, and crashes, hangs or leaks found."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = ["make", "-C", str(firmware_dir()), "fuzz", f"BUILD={folder}"]
        done = subprocess.run(
            [*command, f"FUZZ_SECONDS={seconds}"], capture_output=True, text=True, check=False
        )
        taken = time.perf_counter() - began
    said = done.stdout + done.stderr
    crashes = len(re.findall(r"^SUMMARY: ", said, re.MULTILINE)) or int(done.returncode != 0)
    runs = sum(map(int, re.findall(r"^Done (\d+) runs", said, re.MULTILINE)))
    print(f"fuzzing: {runs:,} runs in {taken:.0f} s, {crashes} findings", flush=True)
    return round(taken), crashes


def table(head: list[str], rows: list[list[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows), ""]


def page(result: dict[str, Any], counts: list[Counted], rows: list[Profiled]) -> str:
    """The result as Markdown."""
    f = result["figures"]
    lines = [
        "# The C runtime on microcontrollers",
        "",
        "Generated by `make results-firmware`; do not edit.",
        "",
        f"Machine: {result['machine']}. Commit: {result['commit']}.",
        "",
        "## Size",
        "",
        "Cortex-M0+, arm-none-eabi-gcc 12.2, `-Os`. The CRC-32 is part of the runtime.",
        "",
        *table(
            ["what", "bytes"],
            [
                ["code of the runtime", f"{f['code_bytes_m0plus']:,}"],
                [
                    "code of the runtime, currents and delays left out",
                    f"{f['code_bytes_without_features']:,}",
                ],
                ["code of frames and device", f"{f['protocol_bytes_m0plus']:,}"],
                ["data and bss of all", f["data_bss_bytes"]],
                ["deepest stack of any call", f["stack_bytes"]],
            ],
        ),
        "## Instructions",
        "",
        f"In QEMU, with `{FOR_SPEED}`. Integration is the difference between a step with an event",
        "of each source and the next one, so it includes what a row costs besides its synapses,",
        "and the limit on events. A neuron's update is the difference between two sizes of a",
        "layer: all that it costs, decay included.",
        "",
        *table(
            [
                "processor",
                *(f"wide, fan-out {n}" for n in FAN_OUTS),
                *(f"packed entry, fan-out {n}" for n in FAN_OUTS),
                "update, 16 bits",
                "update, 24 bits",
                "neuron at rest",
            ],
            [
                [
                    c.target,
                    *(f"{c.wide[n]:.2f}" for n in FAN_OUTS),
                    *(f"{c.packed[n]:.2f}" for n in FAN_OUTS),
                    f"{c.update[16]:.1f}",
                    f"{c.update[24]:.1f}",
                    f"{c.rest[16]:.1f}",
                ]
                for c in counts
            ],
        ),
        "## Trained networks on a Cortex-M4",
        "",
        f"{PROFILED} held-out windows each; instructions of a time step, its events included, mean",
        "and most. Limit: `compress --max-sops`, operations of a step on the calibration samples;",
        "with it, the weights that stay were trained through the rounding for "
        f"{max(settings.fine_tune_epochs for _, settings in NETWORKS)} epochs",
        "(`--fine-tune`).",
        "Accuracies of the model and of the network in integers, on all held-out windows.",
        "",
        *table(
            ["network", "pruned", "limit", "model", "integers", "coding", "image", "RAM", "events",
             "operations", "instructions", "at most", "wrong"],
            [
                [
                    r.trained.recipe, f"{100 * r.trained.settings.sparsity:.0f} %",
                    f"{r.trained.settings.max_sops:,.0f}" if r.trained.is_limited else "none",
                    f"{r.trained.before:.2f} %", f"{r.trained.after:.2f} %", r.coding,
                    f"{r.image_bytes:,}", f"{r.memory_bytes:,}", f"{r.events:.0f}",
                    f"{r.sops:,.0f}", f"{r.mean:,.0f}", f"{r.most:,}", r.mismatches,
                ]
                for r in rows
            ],
        ),
        "## Next to the simulator",
        "",
        "Synaptic operations a second of the runtime on this machine, one core, over those of",
        "the simulator. Of the square layer (1024 x 1024 at 10 %, 20 % activity) every neuron",
        "decays in every step, which the simulator does in vectors. Other work on the machine",
        "slows the two unevenly, so these four want a quiet one.",
        "",
        *table(
            ["network", "wide", "packed"],
            [
                [
                    name,
                    f.get(f"host_ratio_{key}_wide", "-"),
                    f.get(f"host_ratio_{key}_packed", "-"),
                ]
                for name, key in (
                    ("saccade-mnist, 90 % pruned, 100 windows", "saccade"),
                    ("square layer", "square"),
                )
            ],
        ),
        "## Agreement and robustness",
        "",
        *table(
            ["what", "figure"],
            [
                ["random networks in QEMU, over the emulated line", f["qemu_networks"]],
                ["of these unlike the reference", f["qemu_mismatches"]],
                ["windows of a trained network (imu-digits) on each machine", f["qemu_windows"]],
                ["of these unlike the simulator", f["qemu_window_mismatches"]],
                ["windows of a sensor node that feeds the virtual board", f["node_windows"]],
                ["of these with the simulator's decision", f["node_equal_decisions"]],
                ["events lost or dropped on the way", f["node_lost_events"]],
                ["seconds of fuzzing: device, image, language", f["fuzz_seconds"]],
                ["crashes", f["fuzz_crashes"]],
            ],
        ),
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """All measurements, one after the other; about 40 minutes, half of them fuzzing."""
    parser = argparse.ArgumentParser(description="the C runtime, measured")
    parser.add_argument("--write", type=Path, help="folder for firmware.md and firmware.json")
    parser.add_argument("--networks", type=int, default=200, help="on each emulated machine")
    parser.add_argument("--node-seconds", type=float, default=60, help="of the sensor node")
    parser.add_argument("--fuzz-seconds", type=int, default=600, help="for each target")
    options = parser.parse_args()
    figures: dict[str, Any] = dict(sizes())
    print(figures, flush=True)
    counts = [counted(target) for target in COUNTED if target in TARGETS]
    m4 = counts[0]
    figures["instructions_per_sop_wide"] = round(m4.wide[32], 2)
    figures["instructions_per_sop_packed"] = round(m4.packed[32], 2)
    figures["instructions_per_neuron_update"] = round(m4.update[16], 2)
    compared = [run_networks(machine, options.networks) for machine in MACHINES]
    figures["qemu_networks"] = sum(c.networks for c in compared)
    figures["qemu_mismatches"] = sum(len(c.differing) for c in compared)
    print(compared, flush=True)
    rows: list[Profiled] = []
    windows = wrong = 0
    for recipe, settings in NETWORKS:
        of = trained_network(recipe, settings)
        rows += profiled(of)
        if recipe == "saccade-mnist" and not of.is_limited:
            for coding in Coding:
                ratio = host_ratio(of.network, of.streams, coding)
                figures[f"host_ratio_saccade_{coding.name.lower()}"] = ratio
            figures["host_vs_simulator_ratio"] = figures["host_ratio_saccade_wide"]
        if recipe == "imu-digits":
            for machine in MACHINES:
                windows += len(of.streams)
                wrong += on_device(machine, of.network, of.streams)
    saccade = [row for row in rows if row.trained.recipe == "saccade-mnist"]
    for name, limited in (("saccade_90", False), ("saccade_90_limited", True)):
        alike = [row for row in saccade if row.trained.is_limited is limited]
        figures[f"{name}_step_instructions"] = round(min(row.mean for row in alike))
        figures[f"{name}_loss"] = round(alike[0].trained.before - alike[0].trained.after, 2)
    figures["qemu_windows"], figures["qemu_window_mismatches"] = windows, wrong
    feed = feed_board(options.node_seconds, gesture_network(), some_recordings()).figures
    figures["node_windows"] = feed["windows"]
    figures["node_equal_decisions"] = feed["equal"]
    figures["node_lost_events"] = feed["lost_events"] + feed["dropped_events"]
    print(feed, flush=True)
    figures["fuzz_seconds"], figures["fuzz_crashes"] = fuzzed(options.fuzz_seconds)
    for coding in Coding:
        figures[f"host_ratio_square_{coding.name.lower()}"] = host_ratio(*square_layer(), coding)
    result = record("python -m benches.firmware --write docs/results", figures)
    print(json.dumps(result, indent=2))
    if options.write:
        write_result(options.write, "firmware", result, page(result, counts, rows))


if __name__ == "__main__":
    main()
