"""Random networks on microcontrollers in QEMU, compared with the reference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.core_config import CoreConfig
from edgesnn.errors import DoesNotFit
from edgesnn.microcontroller import TARGETS, EmulatedDevice, missing_tools
from edgesnn.network import Network
from edgesnn.placement import check_fits, place
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from tests.strategies import random_events, random_network

#: Machine in QEMU -> target whose firmware runs on it.
MACHINES = {"mps2-an385": "cortex-m3", "mps2-an386": "cortex-m4", "virt": "rv32imac"}


def needs(target: str) -> pytest.MarkDecorator:
    """Skips a test, with the packages to install, where the target's tools are missing."""
    packages = sorted(set(missing_tools(TARGETS[target]).values()))
    reason = f"{target} is not emulated here: apt install {' '.join(packages)}"
    return pytest.mark.skipif(bool(packages), reason=reason)


def open_device(emulated: EmulatedDevice) -> SerialDevice:
    """A link with patience: an emulator on a busy machine may rest for a second."""
    return SerialDevice(emulated.port, timeout=10.0)


def fitting_networks(config: CoreConfig, count: int) -> Iterator[tuple[int, Network]]:
    """Seeds and random networks that a device of this size holds, with and without features."""
    seed = 0
    while count:
        late = seed % 2 > 0
        network = random_network(
            seed, max_size=60, currents=late and config.currents, delays=late and config.delays
        )
        try:
            check_fits(place(network, config.lanes), config)
        except DoesNotFit:
            pass
        else:
            yield seed, network
            count -= 1
        seed += 1


@dataclass(frozen=True)
class Comparison:
    """networks that were run, what differed (in words, with the seed), and the wall time."""

    networks: int
    differing: tuple[str, ...]
    seconds: float


def compare(device: SerialDevice, count: int, num_steps: int = 10) -> Comparison:
    """Compare ``count`` networks with the reference: spikes, membranes, read-outs, counters.

    Once from reset, then on from the state that this has left.
    """
    began = time.monotonic()
    found: list[str] = []
    for seed, network in fitting_networks(device.identify().config, count):
        stream = random_events(network, seed, num_steps)
        reference = Reference(network)
        device.load(network)
        texts = differences(reference.run(stream), device.run(stream, record=True))
        texts += differences(reference.run(stream), device.run(stream, record=True))
        found += [f"seed {seed}: {text}" for text in texts]
    return Comparison(count, tuple(found), time.monotonic() - began)


def run_networks(machine: str, count: int) -> Comparison:
    """As ``compare``, on a new device; ``machine`` is one of ``MACHINES``."""
    with EmulatedDevice(MACHINES[machine]) as emulated, open_device(emulated) as device:
        return compare(device, count)
