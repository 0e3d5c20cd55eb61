"""A sensor node that feeds a board for a minute: recorded gestures, UART to UART, nothing lost?

``python -m benches.sensor_node [--seconds 60] [--faults-every 0]``

A network of the imu-digits recipe is trained and compressed quickly, only so that its decisions
differ; it is loaded into the virtual board. Then an emulated microcontroller replays held-out
recordings at the rate of the sensor, and its decisions are compared with the simulator's. With
``--faults-every N`` the line damages what it carries one time in N, both ways.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from typing import Any

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.compress.pipeline import compress
from edgesnn.compress.settings import CompressionSettings
from edgesnn.core_config import CoreConfig
from edgesnn.encoders import encoder_from_info
from edgesnn.measurement import record
from edgesnn.network import Network
from edgesnn.recipes.imu_digits import gesture_samples, imu_digits_recipe
from edgesnn.samples import Samples
from edgesnn.sensor_node import EmulatedNode, NodeRun
from edgesnn.simulator import Simulator
from edgesnn.train.trainer import train
from edgesnn.virtual_board import VirtualBoard
from tests.small_board import FaultyLine

EPOCHS = 12
#: Seconds after which the node asks again.
TIMEOUT = 0.3


@dataclass(frozen=True)
class Feed:
    """What the node counted, what the simulator decides, faults and wall time of the replay."""

    run: NodeRun
    expected: tuple[int | None, ...]
    labels: tuple[int, ...]
    faults: int
    wall_seconds: float

    @property
    def figures(self) -> dict[str, Any]:
        """Of all of it, for a page."""
        run = asdict(self.run)
        decisions = run.pop("decisions")
        return {
            **run,
            "equal": sum(a == b for a, b in zip(decisions, self.expected, strict=True)),
            "right": sum(a == b for a, b in zip(decisions, self.labels, strict=True)),
            "different_decisions": len(set(decisions)),
            "faults": self.faults,
            "wall_seconds": round(self.wall_seconds, 1),
        }


def gesture_network() -> Network:
    """Of the recipe's shape and encoder, trained on the recordings without their variants.

    Raises ``InputError`` if the data set is not there.
    """
    recipe = imu_digits_recipe()
    training = gesture_samples(held_out=False).labelled(recipe.encoder)
    model = train(recipe.initial_model(0), training, replace(recipe.settings, epochs=EPOCHS))
    return compress(model, training, CompressionSettings(threads=1))[0]


def some_recordings() -> Samples:
    """One held-out recording of each digit, and then more of them, in a fixed order."""
    samples = gesture_samples()
    assert samples.labels is not None
    order = samples.labels.argsort(kind="stable").reshape(10, -1).T.ravel()
    return Samples(samples.windows[order], samples.labels[order])


def feed_board(seconds: float, network: Network, samples: Samples, faults_every: int = 0) -> Feed:
    """Replay ``samples`` on an emulated node that feeds a virtual board."""
    with VirtualBoard(CoreConfig(), tcp=True) as board:
        with SerialDevice(board.port) as device:
            device.load(network)
        began = time.monotonic()
        line = FaultyLine(board.port, every=faults_every) if faults_every else None
        port = line.port if line else board.port
        with (
            line or nullcontext(),
            EmulatedNode(network, samples, port, seconds, timeout_seconds=TIMEOUT) as node,
        ):
            run = node.finish()
        wall = time.monotonic() - began
    simulator = Simulator(network)
    streams = samples.events(encoder_from_info(network.info)).streams()
    expected = [simulator.run(stream)[0].decision for stream in streams]
    assert samples.labels is not None
    return Feed(
        run,
        tuple(islice(cycle(expected), run.windows)),
        tuple(islice(cycle(samples.labels.tolist()), run.windows)),
        line.faults.count if line else 0,
        wall,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--faults-every", type=int, default=0)
    chosen = parser.parse_args()
    feed = feed_board(chosen.seconds, gesture_network(), some_recordings(), chosen.faults_every)
    print("decisions", *feed.run.decisions)
    print("simulator", *feed.expected)
    options = f"--seconds {chosen.seconds:g} --faults-every {chosen.faults_every}"
    command = f"python -m benches.sensor_node {options}"
    print(json.dumps(record(command, feed.figures), indent=2))


if __name__ == "__main__":
    main()
