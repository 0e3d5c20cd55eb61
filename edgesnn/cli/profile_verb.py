"""The verb profile: what a network costs on a microcontroller, before anything is flashed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import Json, NetworkFile, SamplesFile, check_choice
from edgesnn.cli.output import FAILURE, Output
from edgesnn.cli.run_verbs import samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgesnn.events import EventStream
    from edgesnn.microcontroller import Profile
    from edgesnn.network import Network

OPTIMIZE = ("O1", "O2", "O3", "Os", "fast")
CODINGS = ("auto", "wide", "packed")


def _mismatches(profile: Profile, network: Network, streams: Sequence[EventStream]) -> int:
    """Windows whose read-out or counters are not those of the simulator."""
    from edgesnn.simulator import Simulator

    simulator = Simulator(network)
    wrong = 0
    for window, stream in zip(profile.windows, streams, strict=True):
        expected = simulator.run(stream)[0]
        counters = dataclasses.replace(expected.counters, cycles=0, overflows=0)
        wrong += (window.decision, window.accumulators, window.counters) != (
            expected.decision,
            tuple(expected.accumulators.tolist()),
            counters,
        )
    return wrong


def _mean_and_most(numbers: Sequence[int]) -> dict[str, float]:
    return {"mean": sum(numbers) / len(numbers), "max": max(numbers)} if numbers else {}


def _row(name: str, costs: dict[str, float]) -> tuple[str, str]:
    return name, f"{costs['mean']:,.1f}, at most {costs['max']:,}" if costs else "-"


def profile(
    network: NetworkFile,
    target: Annotated[
        str,
        typer.Option("--target", help="cortex-m0plus, cortex-m3, cortex-m4, rv32imc or rv32imac."),
    ] = "cortex-m4",
    samples: SamplesFile = None,
    count: Annotated[
        int, typer.Option("--count", min=1, help="Windows that are run, from the first on.")
    ] = 10,
    optimize: Annotated[
        str,
        typer.Option(
            "--optimize",
            help="What the compiler does: O1, O2, O3, Os; fast is O2 with the loops unswitched.",
        ),
    ] = "O2",
    coding: Annotated[
        str,
        typer.Option(
            "--coding", help="Of the synapses: wide is faster, packed often smaller; auto: smaller."
        ),
    ] = "auto",
    json: Json = False,
) -> None:
    """Count what a network costs on a microcontroller: flash, RAM, instructions of every step.

    The C runtime is compiled for the processor and run in QEMU on the samples; nothing is
    flashed. Instructions are exact; clock cycles are more, by the processor's pipeline and its
    flash. Exit code 1 if a result differs from the simulator's.

    Example: edgesnn profile digits.esnn --target cortex-m4 --samples digits.npz
    """
    from edgesnn import microcontroller, model_file
    from edgesnn.encoders import encoder_from_info
    from edgesnn.synapse_coding import Coding

    out = Output(json)
    check_choice("a target", target, microcontroller.TARGETS, "--target")
    check_choice("an optimization", optimize, OPTIMIZE, "--optimize")
    check_choice("a coding", coding, CODINGS, "--coding")
    loaded = model_file.read(network)
    chosen = samples_of(out, loaded, samples, count)
    streams = list(chosen.events(encoder_from_info(loaded.info)).streams())
    out.note(f"compiling for {target} and running {len(streams)} windows in QEMU ...")
    found = microcontroller.profile(
        loaded,
        streams,
        target,
        microcontroller.FOR_SPEED if optimize == "fast" else f"-{optimize}",
        None if coding == "auto" else Coding[coding.upper()],
    )
    wrong = _mismatches(found, loaded, streams)

    step = _mean_and_most(found.step_instructions)
    window = _mean_and_most(found.window_instructions)
    sops = sum(w.counters.sops for w in found.windows)
    per_sop = sum(found.window_instructions) / sops if sops else None
    out.table(
        f"{microcontroller.TARGETS[target].about}, {len(streams)} windows",
        ("figure", "value"),
        [
            ("flash: runtime", f"{found.code_bytes:,} bytes"),
            ("flash: network", f"{found.image_bytes:,} bytes"),
            ("RAM: network", f"{found.memory_bytes:,} bytes"),
            ("RAM: stack to load", f"{found.load_stack_bytes:,} bytes"),
            ("RAM: stack to run", f"{found.stack_bytes:,} bytes"),
            ("instructions to load", f"{found.load_instructions:,}"),
            _row("instructions of a time step", step),
            _row("instructions of a window", window),
            ("instructions per synaptic operation", "-" if per_sop is None else f"{per_sop:.1f}"),
            ("windows unlike the simulator's", f"{wrong}"),
            ("compiler", f"{found.compiler}, {found.optimize}"),
        ],
    )
    described = dataclasses.asdict(found)
    del described["windows"]
    out.result(
        {
            **described,
            "flash_bytes": found.flash_bytes,
            "ram_bytes": found.ram_bytes,
            "windows": len(streams),
            "step_instructions": step,
            "window_instructions": window,
            "instructions_of_steps": found.step_instructions,
            "instructions_per_sop": per_sop,
            "decisions": [w.decision for w in found.windows],
            "mismatches": wrong,
        }
    )
    if wrong:
        raise typer.Exit(FAILURE)
