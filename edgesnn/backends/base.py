"""The interface that every executor offers."""

from __future__ import annotations

from typing import Protocol

from edgesnn.events import EventStream
from edgesnn.network import Network
from edgesnn.run_result import RunResult


class Backend(Protocol):
    """Something that runs a network: reference, simulator, gates, a board on a serial port.

    All of them refuse the same networks (``DesignRuleError``) and the same events
    (``InputError``, ``EventLimitError``) before anything changes, and give the same results.
    """

    name: str

    @property
    def counts_cycles(self) -> bool:
        """Whether results carry clock cycles, so that none at all is a mistake."""

    def load(self, network: Network) -> None:
        """Make ``network`` the one that runs, in its state after reset."""

    def reset(self) -> None:
        """Membranes to 0, no spikes waiting, empty accumulators."""

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        """Run all steps of ``stream`` from the present state.

        record=True also returns the stored membranes of every step.
        """

    def close(self) -> None:
        """Let go of ports and processes; may be called twice."""
