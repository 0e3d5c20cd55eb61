"""The verb analyse lyapunov: how fast a recurrent network forgets, or runs away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgesnn.cli.options import Json, share_cores
from edgesnn.cli.output import Output
from edgesnn.extras import needs_extra

#: So many exponents are shown on a terminal; JSON holds all.
SHOWN = 10


def lyapunov(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A model in floating point: input, recurrent population, read-out.",
            exists=True,
            dir_okay=False,
        ),
    ],
    exponents: Annotated[
        int, typer.Option(min=1, help="Largest exponents that are followed; more cost more.")
    ] = 40,
    rate: Annotated[
        float, typer.Option(help="Events of each input in a time step, 0 < RATE <= 1.")
    ] = 0.3,
    steps: Annotated[int, typer.Option(min=1, help="Time steps of a run that count.")] = 200,
    skip: Annotated[int, typer.Option(min=0, help="Time steps before them.")] = 50,
    runs: Annotated[int, typer.Option(min=1, help="Runs, each with noise of its own.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0,
    json: Json = False,
) -> None:
    """Lyapunov exponents of a recurrent network that noise drives, per time step.

    Below 0 a disturbance dies away, in about -1 / EXPONENT steps; above 0 it grows: chaos. The
    spike has no slope of its own, so a triangle as wide as the threshold stands for it.

    Example: edgesnn analyse lyapunov lorenz.model --exponents 20
    """
    share_cores()
    with needs_extra("exponents", "recurrent"):
        from edgesnn.recurrent.lnp import LnpSettings, drive
    from edgesnn.checkpoint import read_checkpoint

    out = Output(json)
    loaded = read_checkpoint(model)
    settings = LnpSettings(
        num_exponents=exponents,
        drive_rate=rate,
        num_steps=skip + steps,
        skip=skip,
        runs=runs,
        seed=seed,
    )
    with out.progress("exponents"):
        found = drive(loaded, settings)
    spectrum = found.spectrum
    values = spectrum.exponents.tolist()
    lives = [-1 / value if value < 0 else None for value in values]
    out.table(
        f"largest {min(SHOWN, len(values))} of {len(spectrum.of_units)} exponents",
        ("number", "exponent", "steps until a disturbance is down to 1/e"),
        list(zip(range(1, SHOWN + 1), values[:SHOWN], lives[:SHOWN], strict=False)),
    )
    chaotic = sum(value > 0 for value in values)
    out.line(
        f"{chaotic} above 0: {'disturbances grow' if chaotic else 'disturbances die away'}. "
        f"Neurons fire in {100 * found.rate:.1f} % of the steps."
    )
    out.result(
        {
            "exponents": values,
            "of_neurons": spectrum.of_units.tolist(),
            "above_zero": chaotic,
            "rate": found.rate,
            "steps": spectrum.num_steps,
        }
    )
