"""Speed and memory of the simulator, as ratios measured in one run.

``python -m benches.simulator [--write docs/results] [--quick]``

Rivals take turns round by round, so that a change of the machine's speed hits all of them; each
ratio is the median over rounds. All answers are compared.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.events import EventStream
from edgesnn.measurement import record, write_result
from edgesnn.network import (
    Connection,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetMode
from edgesnn.simulator import Simulator
from edgesnn.simulator.compiled_network import synapse_words
from edgesnn.synapses import Synapses

HERE = Path(__file__).parent
COMPILE = ("gcc", "-O3", "-march=native", "-shared", "-fPIC")


def random_rows(rng: np.random.Generator, sources: int, targets: int, density: float) -> Synapses:
    """A random sparse matrix, made in slices so that it may be large."""
    sizes, columns = [np.zeros(1, np.int64)], []
    for begin in range(0, sources, 512):
        stored = rng.random((min(512, sources - begin), targets), np.float32) < density
        sizes.append(stored.sum(axis=1))
        columns.append(np.nonzero(stored)[1].astype(np.uint16))
    ids = np.concatenate(columns)
    weights = rng.integers(1, 8, len(ids), np.int8) * rng.choice(
        np.array([-1, 1], np.int8), len(ids)
    )
    return Synapses(np.cumsum(np.concatenate(sizes)), ids, weights, targets)


def layer(name: str, size: int, threshold: int, decay: int = 3840) -> LifPopulation:
    return LifPopulation(
        name,
        np.full(size, threshold),
        np.full(size, decay),
        np.zeros(size, np.int32),
        reset_mode=ResetMode.TO_ZERO,
        membrane_bits=18,
    )


def random_stream(
    rng: np.random.Generator, sources: int, activity: float, steps: int
) -> EventStream:
    return EventStream.from_steps(
        [np.flatnonzero(rng.random(sources) < activity) for _ in range(steps)]
    )


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def take_turns(rivals: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each rival in each round, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(rounds + 1):
        for name, call in rivals.items():
            spent = seconds(call)
            if turn:
                times[name].append(spent)
    return times


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    return statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))


def compiled_loop(folder: Path) -> ctypes.CDLL:
    library = folder / "simulator_loop.so"
    subprocess.run([*COMPILE, "-o", str(library), str(HERE / "simulator_loop.c")], check=True)
    return ctypes.CDLL(str(library))


def against_c(
    library: ctypes.CDLL,
    shape: tuple[int, int],
    *,
    activity: float,
    steps: int,
    rounds: int,
) -> dict[str, float]:
    """One feed-forward layer at 10 % density: the whole simulator against the C loop alone."""
    rng = np.random.default_rng(0)
    sources, targets = shape
    synapses = random_rows(rng, sources, targets, 0.1)
    network = Network(
        (InputPopulation("input", sources), layer("layer", targets, (1 << 23) - 1, 4096)),
        (Connection(0, 1, synapses, 1),),
        Readout(1, ReadoutRule.MEMBRANE_LAST),
        state_bits=24,
    )
    stream = random_stream(rng, sources, activity, steps)
    simulator = Simulator(network)
    words = synapse_words(synapses, np.uint16)
    row_start = synapses.row_start.astype(np.int64)
    membrane = np.zeros(targets, np.int32)

    def address(array: npt.NDArray[Any]) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    def c_loop() -> None:
        membrane[:] = 0
        library.integrate_steps(
            address(words),
            address(row_start),
            address(stream.source_ids),
            address(stream.step_start),
            ctypes.c_int64(steps),
            address(membrane),
            ctypes.c_int32(1),
        )

    result, _ = simulator.run(stream)
    c_loop()
    if not np.array_equal(result.accumulators, membrane):
        raise AssertionError("simulator and C loop must give the same membranes")
    times = take_turns({"c": c_loop, "simulator": lambda: simulator.run(stream)}, rounds)
    sops = result.counters.sops / 1e6
    return {
        "synapses": synapses.num_synapses,
        "ratio": ratio(times, "c", "simulator"),
        "simulator_million_sops_per_second": sops / statistics.median(times["simulator"]),
        "c_million_sops_per_second": sops / statistics.median(times["c"]),
    }


def recurrent_network(rng: np.random.Generator, size: int, stream: EventStream) -> Network:
    """90 % sparse input and recurrent weights; the threshold is set for 2 % activity."""
    connections = tuple(Connection(s, 1, random_rows(rng, size, size, 0.1)) for s in (0, 1))

    def with_threshold(threshold: int) -> Network:
        return Network(
            (InputPopulation("input", size), layer("layer", size, threshold)),
            connections,
            Readout(1, ReadoutRule.SPIKE_COUNT, stream.num_steps),
            state_bits=24,
        )

    low, high = 1, 4096
    while high - low > 1:
        middle = (low + high) // 2
        result, _ = Simulator(with_threshold(middle)).run(stream)
        low, high = (middle, high) if result.spikes.mean() > 0.02 else (low, middle)
    return with_threshold(high)


def torch_loop(
    network: Network, raster: npt.NDArray[Any], exact: bool = False
) -> Callable[[], Any]:
    """A dense step loop over ``raster[time_step, sample, source_id]``; returns total spikes.

    exact  also round toward zero after the decay, as the simulator does
    """
    import torch  # noqa: PLC0415 - only this rival needs it

    inputs, recurrent = (
        torch.from_numpy(c.synapses.to_dense().astype(np.float32)) for c in network.connections
    )
    events = torch.from_numpy(raster.astype(np.float32))
    population = network.neurons[0]
    threshold, decay = float(population.threshold[0]), float(population.decay[0]) / 4096

    @torch.inference_mode()
    def loop() -> Any:
        membrane = torch.zeros(raster.shape[1:])
        spikes = torch.zeros(raster.shape[1:])
        counts = torch.zeros(raster.shape[1:])
        for step in events:
            membrane = membrane + step @ inputs + spikes @ recurrent
            spikes = (membrane >= threshold).float()
            membrane = membrane * (1 - spikes) * decay
            if exact:
                membrane = membrane.trunc()
            counts += spikes
        return counts.numpy().astype(np.int64)

    return loop


def against_torch(rounds: int) -> dict[str, float]:
    """A 1024-1024 recurrent network, batch 1 and 64, one thread each; then both on two threads."""
    import torch  # noqa: PLC0415

    steps, size, batch = 100, 1024, 64
    rng = np.random.default_rng(1)
    streams = [random_stream(rng, size, 0.02, steps) for _ in range(batch)]
    long = random_stream(rng, size, 0.02, 10 * steps)
    network = recurrent_network(rng, size, streams[0])
    simulator = Simulator(network)
    raster = np.stack([s.to_raster(size) for s in streams], axis=1)
    many = simulator.run_batch(streams)
    if not np.array_equal(torch_loop(network, raster, exact=True)(), many.spike_counts):
        raise AssertionError("simulator and PyTorch must count the same spikes")

    found = {"activity": many.counters.spikes / (batch * steps * size)}
    cores = min(2, os.cpu_count() or 1)
    one_sample, all_samples = (
        torch_loop(network, long.to_raster(size)[:, None]),
        torch_loop(network, raster),
    )
    for threads in range(1, cores + 1):
        torch.set_num_threads(threads)
        times = take_turns(
            {
                "torch 1": one_sample,
                "simulator 1": lambda: simulator.run(long),
                "torch 64": all_samples,
                "simulator 64": lambda n=threads: simulator.run_batch(streams, threads=n),
            },
            rounds,
        )
        end = "" if threads == 1 else f"_{threads}_threads"
        found[f"batch_1{end}"] = ratio(times, "torch 1", "simulator 1")
        found[f"batch_64{end}"] = ratio(times, "torch 64", "simulator 64")
        found[f"step_microseconds{end}"] = (
            statistics.median(times["simulator 1"]) / long.num_steps * 1e6
        )
        found[f"samples_per_second{end}"] = batch / statistics.median(times["simulator 64"])
    if cores > 1:
        times = take_turns(
            {
                "1 thread": lambda: simulator.run_batch(streams, threads=1),
                "2 threads": lambda: simulator.run_batch(streams, threads=2),
            },
            rounds,
        )
        found["scaling_2_cores"] = ratio(times, "1 thread", "2 threads")
    return found


def memory(num_synapses: int) -> float:
    """Megabytes (10^6) of a network with so many synapses and its simulator."""
    rng = np.random.default_rng(2)
    sources, targets = 4096, 4096
    arrays = random_rows(rng, sources, targets, num_synapses / (sources * targets))
    row_start, ids, weights = (
        np.array(a) for a in (arrays.row_start, arrays.targets, arrays.weights)
    )
    del arrays
    tracemalloc.start()
    network = Network(
        (InputPopulation("input", sources), layer("layer", targets, 1000)),
        (Connection(0, 1, Synapses(row_start, ids, weights, targets)),),
        Readout(1),
        state_bits=24,
    )
    simulator = Simulator(network)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del simulator, network
    return used / 1e6 * num_synapses / len(ids)


FIRST_CALL = """
import time
from benches.simulator import layer
from edgesnn.events import EventStream
from edgesnn.measurement import record
from edgesnn.network import InputPopulation, Network, Readout
begin = time.perf_counter()
from edgesnn.simulator import Simulator
network = Network((InputPopulation("input", 1), layer("layer", 1, 9)), (), Readout(1), 24)
Simulator(network).run(EventStream.from_steps([[0]]))
print(time.perf_counter() - begin)
"""


def first_call() -> tuple[float, float]:
    """Seconds from the import of the simulator to its first result: without and with a cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        times = [
            float(
                subprocess.run(
                    [sys.executable, "-c", FIRST_CALL],
                    cwd=HERE.parent,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for _ in range(2)
        ]
    return times[0], times[1]


def measure(quick: bool) -> dict[str, float]:
    """All figures; quick takes few rounds and small networks (to see that the bench runs)."""
    rounds = 3 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        library = compiled_loop(Path(folder))
        inside = against_c(
            library, (1024, 1024), activity=0.25, steps=20 if quick else 200, rounds=rounds
        )
        outside = against_c(
            library, (2048 if quick else 40960, 4096), activity=0.5, steps=1, rounds=rounds
        )
    dense = against_torch(rounds)
    figures = {
        "simulator_vs_c_ratio": min(inside["ratio"], outside["ratio"]),
        "simulator_vs_torch_ratio": dense["batch_1"],
        "simulator_million_sops_per_second": inside["simulator_million_sops_per_second"],
        "million_synapses_mb": memory(1_000_000),
        "four_million_synapses_mb": memory(4_000_000),
    }
    figures["first_call_ever_seconds"], figures["first_call_seconds"] = first_call()
    figures |= {f"in_cache_{name}": value for name, value in inside.items()}
    figures |= {f"out_of_cache_{name}": value for name, value in outside.items()}
    figures |= {f"torch_{name}": value for name, value in dense.items()}
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def page(result: dict[str, Any]) -> str:
    f = result["figures"]
    two = "torch_batch_1_2_threads" in f
    lines = [
        "# Simulator: speed and memory",
        "",
        "Generated by `make results-simulator`; do not edit.",
        "",
        f"Machine: {result['machine']}. Commit: {result['commit']}. "
        "Rivals take turns within one run; ratios are medians over the rounds; all answers were "
        "compared and are equal.",
        "",
        "## Against a C loop",
        "",
        "A feed-forward layer at 10 % density. The C loop (`benches/simulator_loop.c`, "
        f"`{' '.join(COMPILE[:3])}`) only adds weights to membranes; the simulator's time is that "
        "of the whole `run`: checks, neuron updates, recorded spikes, read-out. One core each.",
        "",
        "| network | synapses | C, million sops/s | simulator, million sops/s | ratio |",
        "|---|---|---|---|---|",
    ]
    for key, name in (
        ("in_cache", "in cache, 1024 to 1024"),
        ("out_of_cache", "out of cache, 40960 to 4096"),
    ):
        lines.append(
            f"| {name} | {f[f'{key}_synapses']:.0f} | {f[f'{key}_c_million_sops_per_second']:.0f} "
            f"| {f[f'{key}_simulator_million_sops_per_second']:.0f} | {f[f'{key}_ratio']:.2f} |"
        )
    lines += [
        "",
        "## Against a dense step loop in PyTorch",
        "",
        "1024 inputs to 1024 recurrent neurons, 90 % sparse, "
        f"{100 * f['torch_activity']:.1f} % of the neurons fire in a step; 1000 steps at "
        "batch 1, 100 at batch 64; "
        "how many times faster the simulator is.",
        "",
        "| threads | batch 1 | batch 64 | simulator: microseconds a step, batch 1 "
        "| samples/s, batch 64 |",
        "|---|---|---|---|---|",
    ]
    for threads, end in ((1, ""), (2, "_2_threads"))[: 2 if two else 1]:
        lines.append(
            f"| {threads} | {f[f'torch_batch_1{end}']:.0f} | {f[f'torch_batch_64{end}']:.1f} "
            f"| {f[f'torch_step_microseconds{end}']:.1f} "
            f"| {f[f'torch_samples_per_second{end}']:.0f} |"
        )
    if two:
        lines += [
            "",
            "Batch 64 on two cores instead of one: "
            f"{f['torch_scaling_2_cores']:.2f} times as fast.",
        ]
    lines += [
        "",
        "## Memory",
        "",
        "Network and simulator together, 4096 to 4096 (traced allocations):",
        "",
        "| synapses | MB |",
        "|---|---|",
        f"| 1,000,000 | {f['million_synapses_mb']:.1f} |",
        f"| 4,000,000 | {f['four_million_synapses_mb']:.1f} |",
        "",
        "## First call",
        "",
        "From the import of the simulator to the first result of a process: "
        f"{f['first_call_seconds']:.1f} s; on a machine that never ran it, with the compilation "
        f"of the kernels, {f['first_call_ever_seconds']:.1f} s.",
        "",
        "## xylosim",
        "",
        XYLOSIM,
        "",
    ]
    return "\n".join(lines)


XYLOSIM = (
    "Not in the table: xylosim cannot run this network. Its neuron is another one (it saturates "
    "at each event, decays by shifts, and delivers every spike one step later), so no answers "
    "could be compared; and version 0.1.3 from the package index, built under Python 3.11, ends "
    "`XyloLayer.evolve` on a 1024-1024 recurrent layer with a segmentation fault or an index error."
)


def main() -> None:
    parser = argparse.ArgumentParser(description="speed and memory of the simulator")
    parser.add_argument("--write", type=Path, help="folder for simulator.md and simulator.json")
    parser.add_argument("--quick", action="store_true", help="small networks, few rounds")
    options = parser.parse_args()
    command = " ".join(["python -m benches.simulator", *sys.argv[1:]])
    result = record(command, measure(options.quick))
    print(json.dumps(result, indent=2))
    if options.write:
        write_result(options.write, "simulator", result, page(result))


if __name__ == "__main__":
    main()
