"""The verb that trains a recipe's model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import DataFolder, Json, check_choice, check_outputs, share_cores
from edgesnn.cli.output import Output, percent
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.train.trainer import Epoch


def state_file(output: Path) -> Path:
    """Where the state of a training lies until it has ended."""
    return output.with_name(f"{output.name}.partial")


def train(
    recipe: Annotated[
        str, typer.Argument(help="Name of a recipe, as digits; a wrong one lists them.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The trained model.", dir_okay=False)
    ] = Path("trained.model"),
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: the recipe's.")] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stop after so many epochs without a better validation. Default: never.",
        ),
    ] = None,
    data: DataFolder = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Default: the recipe's. Another number may give a slightly different model.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            help="Go on with an interrupted training, whose state is in OUTPUT.partial; "
            "--no-resume starts anew.",
        ),
    ] = True,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Also write held-out samples (.npz).", dir_okay=False),
    ] = None,
    json: Json = False,
) -> None:
    """Train a model in floating point on a recipe's data.

    After each epoch the state is written to OUTPUT.partial; after Ctrl-C, or a loss of power, the
    same command goes on from there, and gives the same model as if nothing had happened.

    Example: edgesnn train digits -o digits.model --held-out digits.npz
    """
    from edgesnn.recipes import RECIPES

    check_choice("a recipe", recipe, RECIPES, "RECIPE")
    check_outputs(output, held_out)
    share_cores()
    with needs_extra("training", "train"):
        from edgesnn.recipes.training import train_recipe
    from edgesnn.checkpoint import write_checkpoint
    from edgesnn.samples import write_samples

    out = Output(json)
    chosen, state = RECIPES[recipe], state_file(output)
    if not resume:
        state.unlink(missing_ok=True)
    elif state.exists():
        out.note(f"Going on from {state}.")
    told: list[Epoch] = []
    try:
        with out.progress(f"{recipe}: data", 0) as advance:

            def tell(epoch: Epoch) -> None:
                told.append(epoch)
                advance(epoch.done, f"{recipe}: {describe(epoch)}", epoch.total)

            result = train_recipe(
                chosen,
                seed,
                epochs,
                tell,
                data=data,
                threads=threads,
                resume=state,
                patience=patience,
                load_progress=lambda done, total: advance(done, f"{recipe}: data", total),
            )
    except KeyboardInterrupt:
        if state.exists():
            out.note(
                f"Interrupted; {state} keeps the state. The same command goes on from there, "
                "with --no-resume it starts anew."
            )
        raise
    write_checkpoint(result.model, output)
    state.unlink(missing_ok=True)
    if held_out is not None:
        write_samples(held_out, chosen.recordings(data))
    out.line(
        f"{output}: {percent(result.accuracy)} of {len(result.held_out)} held-out samples right "
        f"({result.seconds:.1f} s)"
    )
    best = [epoch for epoch in told if epoch.best]
    out.result(
        {
            "output": str(output),
            "float_accuracy": result.accuracy,
            "validation_accuracy": best[-1].validation_accuracy if best else None,
            "training_samples": result.num_training,
            "held_out_samples": len(result.held_out),
            "seconds": result.seconds,
        }
    )


def describe(epoch: Epoch) -> str:
    """Loss and validation accuracy, for the progress bar."""
    text = f"loss {epoch.loss:.3f}"
    if epoch.validation_accuracy is None:
        return text
    return f"{text}, validation {percent(epoch.validation_accuracy)}"
