"""Verbs that run a network on recorded samples: simulate, verify."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import (
    Baud,
    BoardName,
    Count,
    Json,
    NetworkFile,
    Port,
    SamplesFile,
    find_board,
)
from edgesnn.cli.output import FAILURE, Output, percent
from edgesnn.errors import InputError

if TYPE_CHECKING:
    from edgesnn.backends.base import Backend
    from edgesnn.core_config import CoreConfig
    from edgesnn.network import Network
    from edgesnn.samples import Samples

BACKENDS = ("reference", "simulator", "gates", "device")


def samples_of(network: Network, path: Path | None, count: int | None) -> Samples:
    """Samples from a file, or the held-out ones of the recipe that made the network."""
    from edgesnn.encoders import encoder_from_info
    from edgesnn.recipes import samples_for
    from edgesnn.samples import read_samples

    if path is None:
        samples = samples_for(network.info)
    else:
        per_sample = encoder_from_info(network.info).steps_per_sample
        samples = read_samples(path, network.readout.window_steps // per_sample)
    return samples if count is None else samples.first(count)


def simulate(
    network: NetworkFile,
    samples: SamplesFile = None,
    count: Count = None,
    board: BoardName = "icebreaker",
    threads: Annotated[int, typer.Option(min=1, help="Threads for the batch.")] = 1,
    json: Json = False,
) -> None:
    """Run samples on the fast simulator: decisions, activity, and the cycles a board would take.

    Example: edgesnn simulate digits.esnn --samples digits.npz
    """
    from edgesnn import model_file
    from edgesnn.encoders import encoder_from_info
    from edgesnn.samples import accuracy
    from edgesnn.simulator import Simulator

    out = Output(json)
    loaded = model_file.read(network)
    chosen = samples_of(loaded, samples, count)
    target = find_board(board)
    streams = list(chosen.streams(encoder_from_info(loaded.info)))
    simulator = Simulator(loaded, core_config=target.core_config)
    began = time.perf_counter()
    result = simulator.run_batch(streams, threads=threads)
    seconds = time.perf_counter() - began
    right = None if chosen.labels is None else accuracy(result.decisions, chosen.labels)
    counters, windows = result.counters, len(streams)
    latency = counters.cycles / windows / target.clock_hz
    out.table(
        f"{windows} windows on the simulator",
        ("figure", "value"),
        [
            ("accuracy", percent(right)),
            ("time steps", f"{counters.steps:,}"),
            ("input events per window", f"{counters.events / windows:,.1f}"),
            ("spikes per window", f"{counters.spikes / windows:,.1f}"),
            ("synaptic operations per window", f"{counters.sops / windows:,.1f}"),
            (f"cycles per window on {board}", f"{counters.cycles / windows:,.1f}"),
            (f"latency at {target.clock_hz / 1e6:g} MHz", f"{1e6 * latency:,.1f} microseconds"),
            ("time on this machine", f"{seconds:.3f} s"),
        ],
    )
    out.result(
        {
            "windows": windows,
            "accuracy": right,
            "decisions": [None if d < 0 else d for d in result.decisions.tolist()],
            "counters": dataclasses.asdict(counters),
            "board": board,
            "latency_seconds": latency,
            "seconds": seconds,
        }
    )


def open_backend(name: str, config: CoreConfig, port: str | None, baud: int | None) -> Backend:
    """The executor called ``name``, not yet loaded."""
    from edgesnn.backends import simulated

    if name == "reference":
        return simulated.ReferenceBackend()
    if name == "simulator":
        return simulated.SimulatorBackend(config)
    if name == "gates":
        from edgesnn.backends.gates import GatesBackend

        return GatesBackend(config)
    if name == "device":
        from edgesnn.backends.serial_device import SerialDevice

        if port is None:
            raise InputError("a device must be reached through --port")
        return SerialDevice(port, baud) if baud else SerialDevice(port)
    raise InputError(f"an executor must be one of {', '.join(BACKENDS)}, not {name!r}")


def verify(
    network: NetworkFile,
    samples: SamplesFile = None,
    count: Count = None,
    on: Annotated[
        str, typer.Option("--on", help="Executors, by commas; 'device' needs --port.")
    ] = "simulator,gates",
    board: BoardName = "icebreaker",
    membranes: Annotated[
        bool, typer.Option("--membranes", help="Compare every membrane of every step, too.")
    ] = False,
    port: Port = None,
    baud: Baud = None,
    json: Json = False,
) -> None:
    """Run the same samples on several executors and compare them with the reference.

    Exit code 1 if anything differs: spikes, read-outs, decisions, counters or cycles.

    Example: edgesnn verify digits.esnn --samples digits.npz --count 20
    """
    from edgesnn import model_file
    from edgesnn.backends.simulated import ReferenceBackend
    from edgesnn.encoders import encoder_from_info
    from edgesnn.verification import compare, run_windows

    out = Output(json)
    names = [name.strip() for name in on.split(",") if name.strip()]
    if port is not None and "device" not in names:
        names.append("device")
    loaded = model_file.read(network)
    chosen = samples_of(loaded, samples, count)
    streams = list(chosen.streams(encoder_from_info(loaded.info)))
    target = find_board(board)

    reference = ReferenceBackend()
    reference.load(loaded)
    with out.progress("reference", len(streams)) as advance:
        expected = run_windows(reference, streams, membranes, advance)
    found = []
    for name in names:
        out.note(f"{name}: preparing ...")
        backend = open_backend(name, target.core_config, port, baud or target.baud)
        try:
            with out.progress(name, len(streams)) as advance:
                agreement, results = compare(expected, backend, loaded, streams, membranes, advance)
        finally:
            backend.close()
        found.append(agreement)
        if name == "simulator":
            # The simulator predicts cycles: later executors are held to them too.
            expected = results if not agreement.mismatches else expected
    out.table(
        f"{len(streams)} windows, compared with the reference",
        ("executor", "mismatches", "cycles", "seconds"),
        [(a.backend, a.mismatches, a.counters.cycles or None, a.seconds) for a in found],
    )
    for agreement in found:
        for text in agreement.examples:
            out.line(f"{agreement.backend}: {text}", "red")
    out.result({"windows": len(streams), "executors": [dataclasses.asdict(a) for a in found]})
    if any(a.mismatches for a in found):
        raise typer.Exit(FAILURE)
