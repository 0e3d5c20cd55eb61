"""A board that compiles quickly, networks that fit it, and a line that loses and damages bytes."""

from __future__ import annotations

import numpy as np

from edgesnn.core_config import CoreConfig
from edgesnn.network import (
    Connection,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.serial_link import Port
from edgesnn.synapses import Synapses

SMALL = CoreConfig(
    lanes=2,
    neurons=256,
    synapse_words=8192,
    inputs=128,
    events=2048,
    program_words=128,
    readout_neurons=128,
)


def small_network(seed: int = 0, outputs: int = 3) -> Network:
    """Recurrent, of two populations, lively."""
    rng = np.random.default_rng(seed)

    def dense(rows: int, columns: int) -> Synapses:
        return Synapses.from_dense(rng.integers(-5, 8, (rows, columns)))

    hidden = LifPopulation(
        "hidden", np.full(13, 20), np.full(13, 3000), np.zeros(13, int), membrane_bits=12
    )
    output = LifPopulation(
        "output",
        np.full(outputs, 25),
        np.full(outputs, 4000),
        np.zeros(outputs, int),
        membrane_bits=12,
    )
    return Network(
        (InputPopulation("input", 9), hidden, output),
        (
            Connection(0, 1, dense(9, 13)),
            Connection(1, 1, dense(13, 13)),
            Connection(1, 2, dense(13, outputs), weight_shift=1),
        ),
        Readout(2, ReadoutRule.SPIKE_COUNT, 10),
    )


class FaultyPort:
    """A port that loses, damages and doubles what goes through it, one time in ``every``."""

    def __init__(self, port: Port, seed: int, every: int) -> None:
        self._port = port
        self._rng = np.random.default_rng(seed)
        self._every = every
        self.timeout: float | None = None
        self.faults = 0

    @property
    def in_waiting(self) -> int:
        return self._port.in_waiting

    def _damage(self, data: bytes) -> bytes:
        if not data or self._rng.integers(self._every):
            return data
        self.faults += 1
        at = int(self._rng.integers(len(data)))
        kind = int(self._rng.integers(5))
        if kind == 0:
            return data[:at] + data[at + 1 :]
        if kind == 1:
            flipped = data[at] ^ 1 << int(self._rng.integers(8))
            return data[:at] + bytes((flipped,)) + data[at + 1 :]
        if kind == 2:
            return data[:at]
        if kind == 3:
            return data + data
        return self._rng.bytes(20) + data

    def read(self, size: int = 1) -> bytes:
        self._port.timeout = self.timeout
        return self._damage(self._port.read(size))

    def write(self, data: bytes) -> int | None:
        self._port.write(self._damage(data))
        return len(data)

    def close(self) -> None:
        self._port.close()
