"""A board that compiles quickly, networks that fit it, and a line that loses and damages bytes."""

from __future__ import annotations

import select
import socket
import threading
from urllib.parse import urlsplit

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


class Faults:
    """Loses, damages and doubles bytes on their way, one time in ``every``; counts how often."""

    def __init__(self, seed: int, every: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._every = every
        self.count = 0

    def damage(self, data: bytes) -> bytes:
        if not data or not self._every or self._rng.integers(self._every):
            return data
        self.count += 1
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


class FaultyPort:
    """A port with faults in what goes through it."""

    def __init__(self, port: Port, seed: int, every: int) -> None:
        self._port = port
        self._faults = Faults(seed, every)
        self.timeout: float | None = None

    @property
    def faults(self) -> int:
        return self._faults.count

    @property
    def in_waiting(self) -> int:
        return self._port.in_waiting

    def read(self, size: int = 1) -> bytes:
        self._port.timeout = self.timeout
        return self._faults.damage(self._port.read(size))

    def write(self, data: bytes) -> int | None:
        self._port.write(self._faults.damage(data))
        return len(data)

    def close(self) -> None:
        self._port.close()


class FaultyLine:
    """A socket:// port in front of another one, for one connection.

    every    one time in so many there is a fault, both ways; 0: never
    deaf     so many bytes are lost first, on their way to the port
    """

    def __init__(self, port: str, seed: int = 0, every: int = 0, deaf: int = 0) -> None:
        self.faults = Faults(seed, every)
        self._deaf = deaf
        self._target = urlsplit(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:  # nobody has come
            return
        far = socket.create_connection((self._target.hostname, self._target.port))
        other = {near: far, far: near}
        with near, far:
            for end in other:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for end in select.select(list(other), [], [])[0]:
                    try:
                        data = end.recv(4096)
                        if not data:
                            return
                        if end is near and self._deaf:
                            self._deaf = max(0, self._deaf - len(data))
                            continue
                        other[end].sendall(self.faults.damage(data))
                    except ConnectionError:  # it has ended with bytes that nobody has read
                        return

    def __enter__(self) -> FaultyLine:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until the connection has ended, or end the waiting for one."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
