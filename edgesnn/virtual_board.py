"""A board made of compiled gateware: the same bytes on a port as from a real one.

The whole top, UART pins included, compiled to C++ (CXXRTL), runs in a thread of its own behind a
pseudo-terminal, or behind a TCP socket where there are none. Its clock runs as fast as the
machine can and rests while there is nothing to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import threading
from collections.abc import Callable
from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn.extras import needs_extra

#: Clock that the board reports; it says nothing about the speed of the simulation.
CLOCK_HZ = 12_000_000


def _compiled(config: CoreConfig, clocks_per_bit: int) -> ctypes.CDLL:
    # Gateware is imported only here: hosts without the fpga extra never get this far.
    with needs_extra("a virtual board", "fpga"):
        from edgesnn_hdl.compiled import compile_design  # noqa: PLC0415
        from edgesnn_hdl.top import EdgesnnTop  # noqa: PLC0415
        from edgesnn_hdl.uart import divisor_for  # noqa: PLC0415

    baud = CLOCK_HZ / clocks_per_bit
    divisor_for(CLOCK_HZ, baud)
    return compile_design(EdgesnnTop(config, CLOCK_HZ, baud), "board_harness.cpp")


class VirtualBoard:
    """A board in software, for ``with``.

    config          size of its core
    clocks_per_bit  clock cycles of a bit on its serial line, 4 or more; fewer are faster
    tcp             use a TCP socket on this machine even where there are pseudo-terminals
    library         a board compiled elsewhere with ``serial_board.hpp``, of this size and with
                    this line; None compiles the gateware

    Attributes
    ----------
    port : str
        What pyserial opens (any baud rate will do).

    Raises ``ToolNotFound`` or ``BuildFailed`` if the gateware cannot be compiled. The first board
    of a design takes some seconds to compile, later ones come from the cache.
    """

    def __init__(
        self,
        config: CoreConfig | None = None,
        clocks_per_bit: int = 4,
        tcp: bool | None = None,
        library: ctypes.CDLL | None = None,
    ) -> None:
        self.config = config or CoreConfig()
        self._library = library or _compiled(self.config, clocks_per_bit)
        self._library.board_new.restype = ctypes.c_void_p
        self._library.board_new.argtypes = [ctypes.c_uint32]
        self._library.board_free.argtypes = [ctypes.c_void_p]
        self._library.board_serve.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self._library.board_cycles.restype = ctypes.c_uint64
        self._library.board_cycles.argtypes = [ctypes.c_void_p]
        self._board = ctypes.c_void_p(self._library.board_new(clocks_per_bit))
        self._stop_read, self._stop_write = os.pipe()
        self._closed = False
        if tcp is None:
            tcp = not hasattr(os, "openpty")
        serve = self._open_socket() if tcp else self._open_terminal()
        self._thread = threading.Thread(target=serve, name="virtual board", daemon=True)
        self._thread.start()

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return int(self._library.board_cycles(self._board))

    def _open_terminal(self) -> Callable[[], None]:
        import tty  # noqa: PLC0415 (not on every system)

        outer, inner = os.openpty()
        tty.setraw(inner)
        os.set_blocking(outer, False)
        self.port = os.ttyname(inner)
        # The inner end stays open, or the outer one would fail until somebody opens the port.
        self._descriptors: list[int] = [outer, inner]

        def serve() -> None:
            self._library.board_serve(self._board, outer, self._stop_read)

        return serve

    def _open_socket(self) -> Callable[[], None]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        self._descriptors = []

        waiting: list[Any] = [listener, self._stop_read]

        def serve() -> None:
            with listener:
                while True:
                    ready, _, _ = select.select(waiting, [], [])
                    if self._stop_read in ready:
                        return
                    connection, _ = listener.accept()
                    with connection:
                        connection.setblocking(False)
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        fd = connection.fileno()
                        if self._library.board_serve(self._board, fd, self._stop_read):
                            return

        return serve

    def close(self) -> None:
        """Stop the board and let go of its port; may be called twice."""
        if self._closed:
            return
        self._closed = True
        os.write(self._stop_write, b"x")
        self._thread.join()
        self._library.board_free(self._board)
        for descriptor in [*self._descriptors, self._stop_read, self._stop_write]:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
