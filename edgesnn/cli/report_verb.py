"""The verb report: where the clock cycles of a core go, population by population."""

from __future__ import annotations

from typing import Annotated

import typer

from edgesnn.cli.options import BoardName, Count, Json, NetworkFile, SamplesFile, find_board
from edgesnn.cli.output import FAILURE, Output
from edgesnn.cli.run_verbs import samples_of


def report(
    network: NetworkFile,
    samples: SamplesFile = None,
    count: Count = None,
    board: BoardName = "icebreaker",
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Also count in the gates; fails unless they say what is predicted."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Show where a board's clock cycles go: for each population, integrate, update and settle.

    Integrate: events are delivered and synapses walked. Update: the neurons themselves. Settle:
    until spikes and descriptors are there for the next population.

    Example: edgesnn report digits.esnn --samples digits.npz --count 20
    """
    import numpy as np

    from edgesnn import model_file
    from edgesnn.encoders import encoder_from_info
    from edgesnn.simulator import Simulator
    from edgesnn.simulator.core_timing import CoreTiming

    out = Output(json)
    loaded = model_file.read(network)
    target = find_board(board)
    timing = CoreTiming(loaded, target.core_config)
    chosen = samples_of(out, loaded, samples, count)
    simulator = Simulator(loaded)
    streams = list(chosen.events(encoder_from_info(loaded.info)).streams())
    phases = np.zeros((len(loaded.neurons), 3), np.int64)
    sops = steps = 0
    with out.progress("counting cycles", len(streams)) as advance:
        for stream in streams:
            result = simulator.run(stream)[0]
            phases += timing.phases(stream, result.spikes).sum(axis=0)
            sops += result.counters.sops
            steps += result.counters.steps
            advance()
    counted = None
    if measure:
        from edgesnn.backends.gates import GatesBackend

        gates = GatesBackend(target.core_config)
        gates.load(loaded)
        with out.progress("counting in the gates", len(streams)) as advance:
            for stream in streams:
                gates.reset()
                gates.run(stream)
                advance()
        counted = gates.phases()
    total = int(phases.sum())

    def row(name: str, cycles: list[int]) -> tuple[str, ...]:
        share = f"{100 * sum(cycles) / max(total, 1):.1f} %"
        return (name, *(f"{c / max(steps, 1):,.1f}" for c in (*cycles, sum(cycles))), share)

    names = [p.name for p in loaded.neurons]
    out.table(
        f"cycles per time step on {board}, {steps:,} steps",
        ("population", "integrate", "update", "settle", "all", "share"),
        [
            *(row(name, cycles) for name, cycles in zip(names, phases.tolist(), strict=True)),
            row("all", phases.sum(axis=0).tolist()),
        ],
    )
    per_cycle = sops / max(int(phases[:, 0].sum()), 1)
    out.line(f"Synaptic operations per cycle of the integrate phase: {per_cycle:.3f}.")
    agrees = None if counted is None else bool((counted == phases).all())
    if agrees is not None:
        out.line("The gates count the same." if agrees else "The gates count something else.")
    out.result(
        {
            "board": board,
            "windows": len(streams),
            "steps": steps,
            "populations": [
                {"name": name, "integrate": a, "update": b, "settle": c}
                for name, (a, b, c) in zip(names, phases.tolist(), strict=True)
            ],
            "cycles": total,
            "sops_per_integrate_cycle": per_cycle,
            "counted": None if counted is None else counted.tolist(),
        }
    )
    if agrees is False:
        raise typer.Exit(FAILURE)
