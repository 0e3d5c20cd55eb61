"""Verbs that run a network on recorded samples: simulate, verify."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import (
    Baud,
    BoardOrNone,
    Count,
    Json,
    NetworkFile,
    Port,
    SamplesFile,
    check_choice,
    core_that_fits,
    find_board_or_none,
    report_left_over,
)
from edgesnn.cli.output import FAILURE, Output, percent

if TYPE_CHECKING:
    from edgesnn.backends.base import Backend
    from edgesnn.core_config import CoreConfig
    from edgesnn.model import Model
    from edgesnn.network import Network
    from edgesnn.samples import Samples
    from edgesnn_boards import Board

BACKENDS = ("reference", "simulator", "c", "gates", "device")


def samples_of(
    out: Output, network: Network | Model, path: Path | None, count: int | None
) -> Samples:
    """Samples from a file, or the held-out ones of the recipe that made the network.

    Raises ``InputError`` if their windows are not those of the network.
    """
    from edgesnn.encoders import encoder_from_info
    from edgesnn.recipes import samples_for
    from edgesnn.samples import read_samples
    from edgesnn.streaming import check_windows, samples_per_window

    encoder = encoder_from_info(network.info)
    needed = samples_per_window(network, encoder)
    samples = samples_for(network.info) if path is None else read_samples(path, needed)
    check_windows(network, encoder, samples)
    report_left_over(out, samples.left_over, needed)
    return samples if count is None else samples.first(count)


def simulate(
    network: NetworkFile,
    samples: SamplesFile = None,
    count: Count = None,
    board: BoardOrNone = "icebreaker",
    threads: Annotated[int, typer.Option(min=1, help="Threads for the batch.")] = 1,
    json: Json = False,
) -> None:
    """Run samples on the fast simulator: decisions, activity, and the cycles a board would take.

    A network that does not fit the board runs all the same, without cycles.

    Example: edgesnn simulate digits.esnn --samples digits.npz
    """
    from edgesnn import model_file
    from edgesnn.encoders import encoder_from_info
    from edgesnn.samples import accuracy
    from edgesnn.simulator import Simulator

    out = Output(json)
    loaded = model_file.read(network)
    target = find_board_or_none(board)
    chosen = samples_of(out, loaded, samples, count)
    config, reason = core_that_fits(loaded, target)
    if reason:
        out.note(reason)
    streams = list(chosen.events(encoder_from_info(loaded.info)).streams())
    simulator = Simulator(loaded, core_config=config)
    began = time.perf_counter()
    result = simulator.run_batch(streams, threads=threads)
    seconds = time.perf_counter() - began
    right = None if chosen.labels is None else accuracy(result.decisions, chosen.labels)
    counters, windows = result.counters, len(streams)
    latency = None
    timing: list[tuple[str, str]] = []
    if target is not None and config is not None:
        latency = counters.cycles / windows / target.clock_hz
        timing = [
            (f"cycles per window on {board}", f"{counters.cycles / windows:,.1f}"),
            (f"latency at {target.clock_hz / 1e6:g} MHz", f"{1e6 * latency:,.1f} microseconds"),
        ]
    out.table(
        f"{windows} windows on the simulator",
        ("figure", "value"),
        [
            ("accuracy", percent(right)),
            ("time steps", f"{counters.steps:,}"),
            ("input events per window", f"{counters.events / windows:,.1f}"),
            ("spikes per window", f"{counters.spikes / windows:,.1f}"),
            ("synaptic operations per window", f"{counters.sops / windows:,.1f}"),
            *timing,
            ("time on this machine", f"{seconds:.3f} s"),
        ],
    )
    out.result(
        {
            "windows": windows,
            "accuracy": right,
            "decisions": [None if d < 0 else d for d in result.decisions.tolist()],
            "counters": dataclasses.asdict(counters),
            "board": None if config is None else board,
            "latency_seconds": latency,
            "seconds": seconds,
        }
    )


def open_backend(
    name: str, config: CoreConfig | None, port: str | None, baud: int | None
) -> Backend:
    """The executor called ``name``, not yet loaded. Wrong names are usage errors."""
    from edgesnn.backends import simulated

    check_choice("an executor", name, BACKENDS, "--on")
    if name == "reference":
        return simulated.ReferenceBackend()
    if name == "simulator":
        return simulated.SimulatorBackend(config)
    if name == "gates":
        from edgesnn.backends.gates import GatesBackend

        if config is None:
            raise typer.BadParameter(
                "gates must have a board whose core they are", param_hint="--board"
            )
        return GatesBackend(config)
    if name == "c":
        from edgesnn.backends.c_library import CLibraryBackend

        return CLibraryBackend()
    from edgesnn.backends.serial_device import SerialDevice

    if port is None:
        raise typer.BadParameter("a device must be reached through --port", param_hint="--on")
    return SerialDevice(port, baud) if baud else SerialDevice(port)


def simulator_or_device(
    out: Output, network: Network, board: Board | None, port: str | None, baud: int | None
) -> Backend:
    """What answers to samples as they come: the device at ``port``, else the simulator, with the
    cycles of the board's core if the network fits it."""
    if port is not None:
        return open_backend("device", None, port, baud or (None if board is None else board.baud))
    config, reason = core_that_fits(network, board)
    if reason:
        out.note(reason)
    return open_backend("simulator", config, None, None)


def _executors(on: str, port: str | None, board: Board | None) -> list[str]:
    """The names in ``--on``, and the device if there is a port; raises usage errors."""
    names = [name.strip() for name in on.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter(
            f"there must be at least one executor: {', '.join(BACKENDS)}", param_hint="--on"
        )
    for name in names:
        check_choice("an executor", name, BACKENDS, "--on")
    if port is not None and "device" not in names:
        names.append("device")
    if port is None and "device" in names:
        raise typer.BadParameter("a device must be reached through --port", param_hint="--on")
    if board is None and "gates" in names:
        raise typer.BadParameter(
            "gates must have a board whose core they are", param_hint="--board"
        )
    return names


def verify(
    network: NetworkFile,
    samples: SamplesFile = None,
    count: Count = None,
    on: Annotated[
        str, typer.Option("--on", help="Executors, by commas; 'device' needs --port.")
    ] = "simulator,gates",
    board: BoardOrNone = "icebreaker",
    membranes: Annotated[
        bool, typer.Option("--membranes", help="Compare every membrane of every step, too.")
    ] = False,
    port: Port = None,
    baud: Baud = None,
    json: Json = False,
) -> None:
    """Run the same samples on several executors and compare them with the reference.

    Exit code 1 if anything differs: spikes, read-outs, decisions, counters or cycles. Cycles of
    gates and device must be those that the simulator predicts. Exit code 3 if the network does
    not fit, unless neither gates nor a device are asked for.

    Example: edgesnn verify digits.esnn --samples digits.npz --count 20
    """
    from edgesnn import model_file, placement
    from edgesnn.backends.simulated import ReferenceBackend
    from edgesnn.encoders import encoder_from_info
    from edgesnn.verification import compare, run_windows, with_predicted_cycles

    out = Output(json)
    target = find_board_or_none(board)
    names = _executors(on, port, target)
    loaded = model_file.read(network)
    chosen = samples_of(out, loaded, samples, count)
    streams = list(chosen.events(encoder_from_info(loaded.info)).streams())
    config, reason = core_that_fits(loaded, target)
    if reason and target is not None:
        if "gates" in names:
            placement.check_fits(
                placement.place(loaded, target.core_config.lanes), target.core_config
            )
        out.note(reason)

    reference = ReferenceBackend()
    reference.load(loaded)
    with out.progress("reference", len(streams)) as advance:
        expected = run_windows(reference, streams, membranes, advance)
    if config is not None:
        expected = with_predicted_cycles(expected, loaded, config, streams)
    baud = baud or (None if target is None else target.baud)
    found = []
    for name in names:
        out.note(f"{name}: preparing ...")
        backend = open_backend(name, config, port, baud)
        try:
            with out.progress(name, len(streams)) as advance:
                agreement, _ = compare(expected, backend, loaded, streams, membranes, advance)
        finally:
            backend.close()
        found.append(agreement)
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
