"""What the loops of the runtime cost on a Cortex-M4, instruction by instruction.

QEMU counts the same on every machine; another compiler may give other numbers, so the limits hold
for the one of Debian 12.
"""

from __future__ import annotations

import subprocess

import pytest

from benches.firmware import entries_of, layer, steps_of
from edgesnn.synapse_coding import Coding
from tests.firmware.emulated import needs

TARGET = "cortex-m4"
FAN_OUT = 32

pytestmark = [pytest.mark.tools, needs(TARGET)]


@pytest.fixture(autouse=True)
def measured_compiler() -> None:
    command = ["arm-none-eabi-gcc", "-dumpversion"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if version.split(".")[0] != "12":
        pytest.skip(f"the limits are for arm-none-eabi-gcc 12, not {version}")


@pytest.mark.parametrize(("coding", "limit"), [(Coding.WIDE, 9), (Coding.PACKED, 12)])
def test_a_synaptic_operation_takes_few_instructions(coding: Coding, limit: float) -> None:
    network = layer(FAN_OUT)
    _, with_events, after = steps_of(network, TARGET, coding)
    assert (with_events - after) / entries_of(network, coding) <= limit


def test_an_update_takes_few_instructions_and_a_neuron_at_rest_takes_less() -> None:
    small, large = (steps_of(layer(n // 2, n), TARGET, Coding.WIDE) for n in (128, 256))
    at_rest, _, updated = ((b - a) / 128 for a, b in zip(small, large, strict=True))
    assert updated <= 20
    assert at_rest <= 10
