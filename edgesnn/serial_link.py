"""An open port: send a request, await its reply. The only home of pyserial.

A port is a path (``/dev/ttyUSB1``, ``COM4``) or an address that pyserial knows
(``socket://127.0.0.1:4000``). Requests go one at a time. One that is not answered is sent again
with the same sequence number; a device executes it once, however often it comes.
"""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from typing import Any, Protocol

import serial

from edgesnn.errors import DeviceReported, FrameError, LinkTimeout, PortError
from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.protocol import REPLY_BIT, Message, Reply, Status, request_payload, status_text

DEFAULT_BAUD = 1_000_000
#: Seconds that a reply may take before its request is sent again.
DEFAULT_TIMEOUT = 1.0
#: How often a request is sent again.
DEFAULT_RETRIES = 5


class Port(Protocol):
    """What a link needs of a port; pyserial's classes have it."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read without waiting."""
        ...

    def read(self, size: int = 1) -> bytes:
        """Up to ``size`` bytes; fewer after ``timeout`` seconds."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        ...

    def close(self) -> None:
        """Let go of the port."""
        ...


def open_port(name: str, baud: int = DEFAULT_BAUD) -> Port:
    """Open a port by path or address. Raises ``PortError``, whose text says what to do."""
    options: dict[str, Any] = {} if "://" in name else {"exclusive": True}
    try:
        port: Port = serial.serial_for_url(name, baudrate=baud, timeout=0.1, **options)
    except (serial.SerialException, OSError, ValueError) as error:
        raise PortError(_why_not_open(name, error)) from error
    return port


def _why_not_open(name: str, error: Exception) -> str:
    text, code = str(error), getattr(error, "errno", None)
    if code == errno.ENOENT or "No such file" in text:
        return (
            f"port {name} must exist; connect the board, or look for its port with "
            "python -m serial.tools.list_ports"
        )
    if code in (errno.EBUSY, errno.EAGAIN) or "exclusive" in text.lower() or "busy" in text:
        return f"port {name} must be free; another program has opened it, close that one first"
    if code in (errno.EACCES, errno.EPERM) or "ermission" in text:
        return (
            f"port {name} must be open to you; join the group that owns it (often dialout) "
            "and log in again"
        )
    if "refused" in text:
        return f"nobody listens at {name}; start the virtual board first"
    return f"port {name} must be a serial port or an address like socket://HOST:PORT ({text})"


@dataclass
class LinkStatistics:
    """What happened on the line, seen from the host.

    requests    requests that were asked for
    retries     requests sent again because no reply came
    bad_frames  stretches of bytes that were no frame
    stray       frames that answered nothing that was asked
    """

    requests: int = 0
    retries: int = 0
    bad_frames: int = 0
    stray: int = 0


class SerialLink:
    """Requests and replies over one open port.

    port     a name for ``open_port``, or an open port
    timeout  seconds before a request is sent again; must be longer than any request takes, or
             the device hears requests that it does not need
    retries  how often it is sent again before ``LinkTimeout``
    """

    def __init__(
        self,
        port: str | Port,
        baud: int = DEFAULT_BAUD,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
    ) -> None:
        self.name = port if isinstance(port, str) else type(port).__name__
        self.statistics = LinkStatistics()
        self._port: Port | None = open_port(port, baud) if isinstance(port, str) else port
        self._timeout = timeout
        self._retries = retries
        self._sequence = 0
        self._reader = FrameReader()
        # Ends whatever an earlier user of the line has left half said.
        self._send(b"\0")

    def request(self, message: Message, argument: int = 0, words: bytes = b"") -> Reply:
        """Ask and await the answer.

        Raises ``DeviceReported`` for a status other than OK, ``LinkTimeout``, ``PortError``.
        """
        reply = self.ask(message, request_payload(message, argument, words))
        if reply.status != Status.OK:
            raise DeviceReported(f"{message.name}: {status_text(reply.status)}", reply.status)
        return reply

    def ask(self, message: int, payload: bytes) -> Reply:
        """As ``request``, for any type and payload; the status is the caller's to look at."""
        self._sequence = (self._sequence + 1) % 256
        self.statistics.requests += 1
        wire = encode(Frame(message, self._sequence, payload))
        for attempt in range(self._retries + 1):
            if attempt:
                self.statistics.retries += 1
                # A zero first: the device may still be in the middle of a damaged frame.
                wire = wire if attempt > 1 else b"\0" + wire
            self._send(wire)
            reply = self._await(message | REPLY_BIT)
            if reply is not None:
                return reply
        raise LinkTimeout(
            f"{self.name} must answer within {self._timeout:g} s, and did not after "
            f"{self._retries + 1} attempts; check that the port is the board's, that the board "
            "holds an edgesnn bitstream, and that the baud rate is that of the bitstream"
        )

    def _opened(self) -> Port:
        if self._port is None:
            raise PortError(f"port {self.name} must be open; it was closed")
        return self._port

    def _send(self, wire: bytes) -> None:
        try:
            self._opened().write(wire)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> PortError:
        return PortError(f"port {self.name} must stay connected, and went away ({error})")

    def _await(self, reply_type: int) -> Reply | None:
        """The reply with the present sequence number, or None if it does not come in time."""
        port = self._opened()
        ends = time.monotonic() + self._timeout
        while (left := ends - time.monotonic()) > 0:
            try:
                port.timeout = left
                data = port.read(max(1, port.in_waiting))
            except (serial.SerialException, OSError) as error:
                raise self._gone(error) from error
            found = None
            for frame in self._reader.feed(data):
                if (frame.type, frame.sequence) == (reply_type, self._sequence) and found is None:
                    try:
                        found = Reply.decode(frame.payload)
                    except FrameError:
                        self.statistics.stray += 1
                else:
                    self.statistics.stray += 1
            self.statistics.bad_frames = self._reader.bad_frames
            if found is not None:
                return found
        return None

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def __enter__(self) -> SerialLink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
