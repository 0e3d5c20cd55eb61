"""The reference and the simulator behind the interface of every executor."""

from __future__ import annotations

from dataclasses import replace

from edgesnn.core_config import CoreConfig
from edgesnn.events import EventStream
from edgesnn.network import Network
from edgesnn.reference import Reference
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator, SimulatorState


class ReferenceBackend:
    """Plain Python: slow, obvious, the arbiter."""

    name = "reference"
    counts_cycles = False

    def __init__(self) -> None:
        self._reference: Reference | None = None

    def load(self, network: Network) -> None:
        """Make ``network`` the one that runs. Raises ``DesignRuleError``."""
        self._reference = Reference(network)

    def _loaded(self) -> Reference:
        if self._reference is None:
            raise RuntimeError("a network must be loaded first; call load(network)")
        return self._reference

    def reset(self) -> None:
        """Membranes to 0, no spikes waiting, empty accumulators."""
        self._loaded().reset()

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        """Run all steps of ``stream`` from the present state; record=True keeps membranes."""
        result = self._loaded().run(stream)
        return result if record else replace(result, membranes=None, values=None)

    def close(self) -> None:
        """Forget the network."""
        self._reference = None


class SimulatorBackend:
    """The Numba simulator, with the state of one run.

    core_config  also predict the clock cycles of a core of this size
    """

    name = "simulator"

    def __init__(self, core_config: CoreConfig | None = None) -> None:
        self._core_config = core_config
        self.counts_cycles = core_config is not None
        self._simulator: Simulator | None = None
        self._state: SimulatorState | None = None

    def load(self, network: Network) -> None:
        """Make ``network`` the one that runs. Raises ``DesignRuleError`` or ``DoesNotFit``."""
        self._simulator = Simulator(network, self._core_config)
        self._state = None

    def _loaded(self) -> Simulator:
        if self._simulator is None:
            raise RuntimeError("a network must be loaded first; call load(network)")
        return self._simulator

    def reset(self) -> None:
        """Membranes to 0, no spikes waiting, empty accumulators."""
        self._loaded()
        self._state = None

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        """Run all steps of ``stream`` from the present state; record=True keeps membranes."""
        result, self._state = self._loaded().run(stream, self._state, record)
        return result

    def close(self) -> None:
        """Forget the network."""
        self._simulator = self._state = None
