"""A sensor on a serial port that prints one line of numbers for each sample."""

from __future__ import annotations

from collections.abc import Iterator

from edgesnn.errors import PortError
from edgesnn.serial_link import open_port

#: A longer line is not a sample; it is cut, so that a wrong speed cannot fill the memory.
MAX_LINE_BYTES = 65536


def sensor_lines(name: str, baud: int) -> Iterator[str]:
    """Lines as they come in; they have no end.

    ``name`` is a path or an address that pyserial knows (``socket://HOST:PORT``).
    Raises ``PortError`` if it cannot be opened, or when it goes away.
    """
    port = open_port(name, baud)
    pending = b""
    try:
        while True:
            try:
                pending += port.read(max(port.in_waiting, 1))
            except OSError as error:
                raise PortError(
                    f"sensor {name} must stay connected, and went away ({error})"
                ) from error
            *lines, pending = pending.split(b"\n")
            pending = pending[-MAX_LINE_BYTES:]
            for line in lines:
                yield line.decode("ascii", errors="replace")
    finally:
        port.close()
