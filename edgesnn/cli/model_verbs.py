"""Verbs that look at networks: info, check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgesnn.cli.options import BoardName, Json, NetworkFile, find_board
from edgesnn.cli.output import Output, json_line, percent
from edgesnn.errors import ModelFileError

if TYPE_CHECKING:
    from edgesnn.network import Network


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


def check(network: NetworkFile, board: BoardName = "icebreaker", json: Json = False) -> None:
    """Check the design rules, and whether a network fits a board; exit code 3 if it does not.

    Example: edgesnn check digits.esnn --board icebreaker
    """
    from edgesnn import design_rules, model_file, placement

    out = Output(json)
    config = find_board(board).core_config
    read = model_file.read(network)
    design_rules.check(read)
    placed = placement.place(read, config.lanes)
    usage = placement.usage(placed, config)
    out.table(
        f"{network} on {board}",
        ("resource", "needed", "available", "fits"),
        [(u.name, u.needed, u.available, "yes" if u.fits else "NO") for u in usage],
    )
    placement.check_fits(placed, config)
    out.line("The design rules hold and the network fits.")
    out.result({"board": board, "fits": True, "usage": [dataclasses.asdict(u) for u in usage]})
