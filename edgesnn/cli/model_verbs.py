"""Verbs that look at networks: info, check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgesnn.cli.options import Json, NetworkFile, find_board
from edgesnn.cli.output import DOES_NOT_FIT, Output, json_line, percent
from edgesnn.errors import ModelFileError

if TYPE_CHECKING:
    from edgesnn.network import Network
    from edgesnn.placement import Usage
    from edgesnn_boards import Board


def _describe(network: Network) -> dict[str, Any]:
    from edgesnn.network import LifPopulation

    names = [p.name for p in network.populations]
    return {
        "populations": [
            {
                "name": p.name,
                "size": p.size,
                "kind": "input"
                if not isinstance(p, LifPopulation)
                else "spiking"
                if p.spiking
                else "read-out",
            }
            for p in network.populations
        ],
        "connections": [
            {
                "source": names[c.source],
                "target": names[c.target],
                "synapses": c.synapses.num_synapses,
                "density": c.synapses.density,
                "weight_shift": c.weight_shift,
            }
            for c in network.connections
        ],
        "neurons": network.num_neurons,
        "synapses": network.num_synapses,
        "state_bits": network.state_bits,
        "event_limit": {"form": network.event_limit.form.name, "value": network.event_limit.value},
        "readout": {
            "population": names[network.readout.population],
            "rule": network.readout.rule.name,
            "window_steps": network.readout.window_steps,
        },
        "info": dict(network.info),
    }


def _is_checkpoint(path: Path) -> bool:
    from edgesnn.checkpoint import read_checkpoint

    try:
        read_checkpoint(path)
    except ModelFileError:
        return False
    return True


def info(network: NetworkFile, json: Json = False) -> None:
    """Show what is in a network file.

    Example: edgesnn info digits.esnn
    """
    from edgesnn import model_file

    out = Output(json)
    try:
        described = _describe(model_file.read(network))
    except ModelFileError:
        if _is_checkpoint(network):
            raise ModelFileError(
                f"{network} is a trained model in floating point; make a network of it with "
                f"edgesnn compress {network} -o NETWORK"
            ) from None
        raise
    out.table(
        "Populations",
        ("name", "size", "kind"),
        [tuple(p.values()) for p in described["populations"]],
    )
    out.table(
        "Connections",
        ("source", "target", "synapses", "density", "weight_shift"),
        [
            (c["source"], c["target"], c["synapses"], percent(c["density"]), c["weight_shift"])
            for c in described["connections"]
        ],
    )
    readout = described["readout"]
    out.line(
        f"{readout['population']!r} decides by {readout['rule']} over {readout['window_steps']} "
        f"steps; membranes of {described['state_bits']} bits; event limit "
        f"{described['event_limit']['form']} {described['event_limit']['value']}"
    )
    for key, value in described["info"].items():
        out.line(f"{key}: {json_line(value)}")
    out.result(described)


#: As the name of a board: every board that is known.
ALL_BOARDS = "all"


def _usage(network: Network, board: Board) -> list[Usage]:
    from edgesnn import placement

    config = board.core_config
    return placement.usage(placement.place(network, config.lanes), config)


def _check_all(out: Output, network: Network, title: str) -> None:
    """Every board, fitting or not, with the use of each of its memories."""
    from edgesnn_boards import all_boards

    boards = {board.name: _usage(network, board) for board in all_boards()}
    fitting = [name for name, usage in boards.items() if all(u.fits for u in usage)]
    resources = [u.name for u in next(iter(boards.values()))]
    out.table(
        title,
        ("board", "fits", *resources),
        [
            (
                name,
                "yes" if name in fitting else "NO",
                *(f"{u.needed:,} of {u.available:,}" for u in usage),
            )
            for name, usage in boards.items()
        ],
    )
    out.line(f"The design rules hold; it fits {', '.join(fitting) or 'no board'}.")
    out.result(
        {
            name: {
                "fits": name in fitting,
                "usage": [dataclasses.asdict(u) for u in usage],
            }
            for name, usage in boards.items()
        }
    )
    if not fitting:
        raise typer.Exit(DOES_NOT_FIT)


def check(
    network: NetworkFile,
    board: Annotated[
        str, typer.Option("--board", help="A name from 'edgesnn boards', or 'all'.")
    ] = "icebreaker",
    json: Json = False,
) -> None:
    """Check the design rules, and whether a network fits a board; exit code 3 if it does not.

    Nothing is built. With --board all: exit code 3 if it fits none.

    Example: edgesnn check digits.esnn --board all
    """
    from edgesnn import design_rules, model_file, placement

    out = Output(json)
    if board == ALL_BOARDS:
        read = model_file.read(network)
        design_rules.check(read)
        _check_all(out, read, str(network))
        return
    chosen = find_board(board)
    read = model_file.read(network)
    design_rules.check(read)
    usage = _usage(read, chosen)
    out.table(
        f"{network} on {board}",
        ("resource", "needed", "available", "fits"),
        [(u.name, u.needed, u.available, "yes" if u.fits else "NO") for u in usage],
    )
    config = chosen.core_config
    placement.check_fits(placement.place(read, config.lanes), config)
    out.line("The design rules hold and the network fits.")
    out.result({"board": board, "fits": True, "usage": [dataclasses.asdict(u) for u in usage]})
