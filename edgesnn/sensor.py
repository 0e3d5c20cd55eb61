"""A sensor on a serial port that prints one line of numbers for each sample."""

from __future__ import annotations

from collections.abc import Iterator

import serial

from edgesnn.errors import PortError

#: A longer line is not a sample; it is cut, so that a wrong speed cannot fill the memory.
MAX_LINE_BYTES = 65536
READ_TIMEOUT_SECONDS = 0.2


def sensor_lines(port: str, baud: int) -> Iterator[str]:
    """Lines as they come in, until the port goes away.

    ``port`` is a path, a name, or a URL that pyserial opens (``socket://HOST:PORT``).
    Raises ``PortError`` if it cannot be opened.
    """
    try:
        connection = serial.serial_for_url(port, baudrate=baud, timeout=READ_TIMEOUT_SECONDS)
    except (serial.SerialException, OSError, ValueError) as error:
        raise PortError(
            f"the sensor's port {port} must be there, be free and be readable: {error}"
        ) from None
    pending = b""
    with connection:
        while True:
            try:
                pending += connection.read(max(connection.in_waiting, 1))
            except (serial.SerialException, OSError):
                return
            *lines, pending = pending.split(b"\n")
            pending = pending[-MAX_LINE_BYTES:]
            for line in lines:
                yield line.decode("ascii", errors="replace")
