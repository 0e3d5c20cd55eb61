"""The bitstream is built while the rest of the demo runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgesnn.build import BuildResult
    from edgesnn_boards import Board


class BackgroundBuild:
    """Builds the bitstream of ``board`` in a thread; the tools are processes of their own."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._result: BuildResult | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="build", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from edgesnn import build

        try:
            self._result = build.build(self._board)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def raise_if_failed(self) -> None:
        """Raise what the build raised, so that a demo does not run on for nothing."""
        if self._error is not None:
            raise self._error

    def wait(self) -> BuildResult:
        """The result; raises what the build raised."""
        self._thread.join()
        self.raise_if_failed()
        assert self._result is not None
        return self._result
