"""The fast simulator: bit for bit the reference, with Numba.

This package is the one home of Numba.
"""

from edgesnn.simulator.simulator import (
    BatchResult,
    PopulationRecord,
    Simulator,
    SimulatorState,
)

__all__ = ["BatchResult", "PopulationRecord", "Simulator", "SimulatorState"]
