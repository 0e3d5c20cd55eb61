"""Writes the frozen vectors: ``python tests/vectors/generate.py``.

They are a third truth beside reference and prose: inputs and answers as they were when they were
looked at. If a change alters them, it changes the semantics or the format, and says so in the
change log. A model file of a released version is never written again, only added to.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from edgesnn import model_file  # noqa: E402 - the path comes first
from edgesnn.network import (  # noqa: E402
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import LifParameters, ResetMode, ResetOrder, lif_step  # noqa: E402
from edgesnn.reference import simulate  # noqa: E402
from edgesnn.synapses import Synapses  # noqa: E402
from tests.strategies import random_events, random_network  # noqa: E402

NUM_NETWORKS = 12


def neuron_vectors() -> list[dict[str, Any]]:
    """Single updates of single neurons, extremes first."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(400):
        bits = int(rng.choice([16, 18, 24]))
        top = (1 << (bits - 1)) - 1
        strict = bool(rng.integers(2))
        near = int(rng.choice([10, 1000, top // 2]))
        parameters = LifParameters(
            threshold=int(rng.choice([1, near, top - strict])),
            decay=int(rng.choice([0, 1, 2048, 4095, 4096, rng.integers(4097)])),
            bias=int(rng.choice([0, -near, near, top, -top - 1])),
            spiking=bool(rng.random() < 0.9),
            reset_mode=ResetMode(number % 3),
            reset_order=ResetOrder(number // 3 % 2),
            strict=strict,
            membrane_bits=int(rng.choice([2, bits - 1, bits])),
            state_bits=bits,
        )
        level = parameters.threshold + strict - parameters.bias
        membrane = int(rng.choice([level, level - 1, -near, near, top, rng.integers(-near, near)]))
        membrane = min(max(membrane, -top - 1), top)
        outcome = lif_step(parameters, membrane)
        found.append(
            {
                "parameters": {k: int(v) for k, v in vars(parameters).items()},
                "membrane_before": membrane,
                "spike": outcome.spike,
                "value": outcome.value,
                "membrane_after": outcome.membrane,
                "overflow": outcome.overflow,
            }
        )
    return found


def network_to_json(network: Network) -> dict[str, Any]:
    """All that a network is, as plain JSON (not the model file: these must not share code)."""
    populations: list[dict[str, Any]] = []
    for p in network.populations:
        entry: dict[str, Any] = {"name": p.name, "size": p.size}
        if isinstance(p, LifPopulation):
            entry |= {n: getattr(p, n).tolist() for n in ("threshold", "decay", "bias")}
            entry |= {
                n: int(getattr(p, n))
                for n in ("spiking", "reset_mode", "reset_order", "strict", "membrane_bits")
            }
            if p.synaptic_decay is not None:
                entry["synaptic_decay"] = p.synaptic_decay.tolist()
                entry["current_bits"] = p.current_bits
        populations.append(entry)
    return {
        "state_bits": network.state_bits,
        "event_limit": [int(network.event_limit.form), network.event_limit.value],
        "readout": [
            network.readout.population,
            int(network.readout.rule),
            network.readout.window_steps,
        ],
        "populations": populations,
        "connections": [
            {
                "source": c.source,
                "target": c.target,
                "weight_shift": c.weight_shift,
                "row_start": c.synapses.row_start.tolist(),
                "targets": c.synapses.targets.tolist(),
                "weights": c.synapses.weights.tolist(),
            }
            | ({"delay": c.delay} if c.delay else {})
            for c in network.connections
        ],
    }


def network_from_json(data: dict[str, Any]) -> Network:
    """The network of :func:`network_to_json`."""
    populations: list[InputPopulation | LifPopulation] = []
    for p in data["populations"]:
        flags = dict(p)
        size = flags.pop("size")
        if "threshold" not in flags:
            populations.append(InputPopulation(p["name"], size))
            continue
        flags |= {n: bool(flags[n]) for n in ("spiking", "strict")}
        populations.append(LifPopulation(**flags))
    connections = [
        Connection(
            c["source"],
            c["target"],
            Synapses(
                c["row_start"], c["targets"], c["weights"], data["populations"][c["target"]]["size"]
            ),
            c["weight_shift"],
            c.get("delay", 0),
        )
        for c in data["connections"]
    ]
    form, value = data["event_limit"]
    population, rule, window = data["readout"]
    return Network(
        tuple(populations),
        tuple(connections),
        Readout(population, ReadoutRule(rule), window),
        data["state_bits"],
        EventLimit(EventLimitForm(form), value),
    )


def network_vectors(late: bool = False) -> list[dict[str, Any]]:
    """Whole runs of small networks; late: with currents and delays."""
    found = []
    for seed in count(1000):
        if len(found) == NUM_NETWORKS:
            break
        network = random_network(seed, max_size=12, max_populations=3, currents=late, delays=late)
        stream = random_events(network, seed, num_steps=20, max_events=20)
        result = simulate(network, stream)
        counters = result.counters
        if counters.spikes < 15 or counters.sops < 100:
            continue  # little to see
        found.append(
            {
                "network": network_to_json(network),
                "events": [step.tolist() for step in stream],
                "spikes": [np.flatnonzero(row).tolist() for row in result.spikes],
                "membranes": result.membranes.tolist() if result.membranes is not None else None,
                "values": result.values.tolist() if result.values is not None else None,
                **(
                    {"currents": result.currents.tolist()}
                    if late and result.currents is not None
                    else {}
                ),
                "accumulators": result.accumulators.tolist(),
                "decision": result.decision,
                "counters": [counters.events, counters.sops, counters.spikes],
            }
        )
    return found


def example_network() -> Network:
    """The network of the golden files of version 1: every kind of thing once."""
    keys, buttons = InputPopulation("keys", 3), InputPopulation("buttons", 2)
    hidden = LifPopulation(
        "hidden",
        [40, 41, 42, 43],
        [0, 1, 4095, 4096],
        [-2, 0, 0, 7],
        reset_mode=ResetMode.TO_ZERO,
        reset_order=ResetOrder.AFTER_DECAY,
        strict=True,
        membrane_bits=14,
    )
    output = LifPopulation(
        "output", [0, -5], [4000, 3000], [1, -1], spiking=False, membrane_bits=12
    )
    return Network(
        (keys, buttons, hidden, output),
        (
            Connection(0, 2, Synapses.from_dense(np.array([[7, 0, 0, -8], [0] * 4, [1, 2, 3, 4]]))),
            Connection(1, 2, Synapses.from_dense(np.array([[0, -1, 0, 0], [5, 5, 5, 5]])), 2),
            Connection(2, 2, Synapses.from_dense(-np.eye(4, dtype=int)), 1),
            Connection(2, 3, Synapses.from_dense(np.array([[1, 0], [0, 2], [-3, 0], [0, -4]])), 3),
        ),
        Readout(3, ReadoutRule.MEMBRANE_SUM, 25),
        18,
        EventLimit(EventLimitForm.LIMITED, 9),
        {"labels": ["left", "right"], "time_step_seconds": 0.001, "origin": {"by": "hand"}},
    )


def late_network() -> Network:
    """The same, the middle current-based, and late to itself and to the read-out."""
    network = example_network()
    keys, buttons, hidden, output = network.populations
    current = replace(hidden, synaptic_decay=[0, 1, 2048, 4096], current_bits=13)
    *into, around, out = network.connections
    return replace(
        network,
        populations=(keys, buttons, current, output),
        connections=(*into, replace(around, delay=2), replace(out, delay=15)),
    )


def main() -> None:
    """Write every vector that belongs to the present version."""
    runs = {
        "neuron": neuron_vectors(),
        "networks": network_vectors(),
        "late_networks": network_vectors(late=True),
    }
    for name, vectors in runs.items():
        lines = ",\n".join(json.dumps(v, separators=(",", ":")) for v in vectors)
        (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    folder = HERE / "model_files"
    folder.mkdir(exist_ok=True)
    name = f"v{model_file.FORMAT_VERSION}"
    network = late_network()
    model_file.write(network, folder / f"{name}.esnn")
    content = network_to_json(network) | {"info": dict(network.info)}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
