"""The core keeps its pace: synaptic operations per cycle, cycles per step."""

from __future__ import annotations

import numpy as np
import pytest

from benches.core import fixed_fan_out, sops_per_cycle, sparse
from benches.core_throughput import BARS, TITLES, cases, figure, meets, predict
from edgesnn.backends.gates import GatesBackend
from edgesnn.core_config import CoreConfig
from edgesnn.synapse_coding import Coding


@pytest.fixture(scope="module")
def core() -> GatesBackend:
    return GatesBackend(CoreConfig(readout_neurons=1024))


@pytest.mark.slow
@pytest.mark.parametrize("fan_out", [32, 64, 128])
def test_wide_rows_keep_95_percent_of_a_synapse_a_cycle(core: GatesBackend, fan_out: int) -> None:
    synapses = fixed_fan_out(np.random.default_rng(0), 256, 512, fan_out)
    assert sops_per_cycle(core, synapses, Coding.WIDE) >= 0.95


def test_packed_rows_at_90_percent_pruned_keep_80_percent(core: GatesBackend) -> None:
    synapses = sparse(np.random.default_rng(0), 256, 1024, 0.1)
    assert sops_per_cycle(core, synapses, Coding.PACKED) >= 0.8


@pytest.mark.parametrize("name", BARS)
def test_networks_that_other_cores_have_figures_for_take_few_cycles(name: str) -> None:
    assert name in TITLES
    assert meets(name, figure(name, predict(cases()[name])))
