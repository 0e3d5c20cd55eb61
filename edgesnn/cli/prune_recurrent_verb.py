"""The verb that prunes a recurrent network before it is trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import DataFolder, Json, check_choice, check_outputs, share_cores
from edgesnn.cli.output import Output, json_line
from edgesnn.cli.train_verb import state_file
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.recurrent.lnp import LnpIteration, LnpState


def prune_recurrent(
    task: Annotated[
        str, typer.Argument(help="Name of a forecast, as lorenz; a wrong one lists them.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The pruned model.", dir_okay=False)
    ] = Path("pruned.model"),
    neurons: Annotated[int, typer.Option(min=2, help="Of the dense network.")] = 400,
    neurons_kept: Annotated[float, typer.Option(help="Share of them that stays.")] = 0.4,
    synapses_kept: Annotated[
        float, typer.Option(help="Share of the synapses among them that stays.")
    ] = 0.1,
    iterations: Annotated[int, typer.Option(min=1, help="Steps from dense to pruned.")] = 10,
    rule: Annotated[
        str, typer.Option(help="What a synapse's worth is made of; a wrong one lists them.")
    ] = "noise",
    node_rule: Annotated[
        str, typer.Option(help="Which neurons go first: betweenness, or rate under noise.")
    ] = "betweenness",
    trials: Annotated[
        int, typer.Option(min=0, help="Of the search for time constants; 0: leave them.")
    ] = 20,
    ridge: Annotated[float, typer.Option(help="Penalty on the read-out's weights.")] = 1e-3,
    epochs: Annotated[
        int, typer.Option(min=0, help="Of training the whole network after that; 0: none.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    data: DataFolder = None,
    resume: Annotated[
        bool,
        typer.Option(
            help="Go on with an interrupted pruning, whose state is in OUTPUT.partial; "
            "--no-resume starts anew.",
        ),
    ] = True,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Also write the held-out windows, as .npz.", dir_okay=False),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Also write the iterations as JSON.", dir_okay=False)
    ] = None,
    json: Json = False,
) -> None:
    """Make a recurrent network with many time constants, prune it by LNP, train what is left.

    Pruning looks at no data; the read-out is fitted to the task by ridge regression, and with
    --epochs all of the network is trained after it. After each iteration of the pruning its state
    is written to OUTPUT.partial, from which the same command goes on.

    Example: edgesnn prune-recurrent lorenz -o lorenz.model --neurons 100 --log lorenz.json
    """
    share_cores()
    with needs_extra("pruning", "recurrent"):
        from edgesnn.recurrent import lnp
        from edgesnn.recurrent.tasks import FORECASTS, SCALES, forecaster
    from edgesnn.checkpoint import write_checkpoint
    from edgesnn.files import write_whole
    from edgesnn.recurrent.deploy import model_error
    from edgesnn.recurrent.lnp_file import read_state, with_history, write_state
    from edgesnn.recurrent.readout import fit_readout
    from edgesnn.recurrent.training import train_forecaster
    from edgesnn.samples import write_samples

    check_choice("a task", task, FORECASTS, "TASK")
    check_choice("a rule", rule, lnp.RULES, "--rule")
    check_choice("a rule of nodes", node_rule, lnp.NODE_RULES, "--node-rule")
    check_outputs(output, held_out, log)
    out = Output(json)
    settings = lnp.LnpSettings(
        neurons_kept=neurons_kept,
        synapses_kept=synapses_kept,
        iterations=iterations,
        rule=rule,
        node_rule=node_rule,
        trials=trials,
        seed=seed,
    )
    chosen, partial = FORECASTS[task], state_file(output)
    dense = forecaster(chosen, neurons, seed)
    if not resume:
        partial.unlink(missing_ok=True)
    state = read_state(partial, settings, dense)
    if state is not None:
        out.note(f"Going on from {partial}.")
    windows = chosen.load(seed, data)
    try:
        with out.progress(f"{task}: dense network", iterations) as advance:

            def tell(reached: LnpState) -> None:
                write_state(partial, reached, settings, dense)
                last = reached.log[-1]
                advance(last.number, f"{task}: {describe(last)}")

            pruned, state = lnp.prune_recurrent(dense, settings, SCALES, state, tell)
            advance(iterations, f"{task}: read-out")
            fitted = fit_readout(
                pruned, windows.training.events, windows.training.targets.astype(float), ridge
            )
        if epochs:
            with out.progress(f"{task}: training", epochs) as advance:
                fitted = train_forecaster(
                    fitted, windows.training, epochs, seed, lambda epoch: advance(epoch.done)
                )
    except KeyboardInterrupt:
        if partial.exists():
            out.note(
                f"Interrupted; {partial} keeps the state. The same command goes on from there, "
                "with --no-resume it starts anew."
            )
        raise
    error = model_error(fitted, windows.held_out)
    entries = [asdict(entry) for entry in state.log]
    if log is not None:
        write_whole(log, (json_line(entries) + "\n").encode())
    if held_out is not None:
        write_samples(held_out, chosen.recordings(seed, data))
    write_checkpoint(with_history(fitted, state, settings), output)
    partial.unlink(missing_ok=True)
    out.table(
        "iterations",
        ("number", "neurons", "synapses", "largest exponent", "distance", "restored", "rate"),
        [
            (
                e.number,
                e.neurons,
                e.synapses,
                e.largest_exponent,
                e.spectrum_distance,
                e.restored,
                e.rate,
            )
            for e in state.log
        ],
    )
    persistence = chosen.persistence(seed, data)
    out.line(
        f"{output}: NRMSE {error:.4f} on {len(windows.held_out)} held-out windows "
        f"(that nothing changes: {persistence:.4f})"
    )
    out.result(
        {
            "output": str(output),
            "neurons": state.log[-1].neurons,
            "synapses": state.log[-1].synapses,
            "nrmse": error,
            "persistence_nrmse": persistence,
            "iterations": entries,
        }
    )


def describe(entry: LnpIteration) -> str:
    """Size and distance from the dense network, for the progress bar."""
    return (
        f"{entry.neurons} neurons, {entry.synapses} synapses, spectrum off by "
        f"{entry.spectrum_distance:.3f}"
    )
