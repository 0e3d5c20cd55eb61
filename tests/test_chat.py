"""A spiking language model answers the same in every executor, over a serial line too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesnn.backends.base import Backend
from edgesnn.backends.c_library import CLibraryBackend
from edgesnn.backends.gates import GatesBackend
from edgesnn.backends.serial_device import SerialDevice
from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.chat import Reply, reply
from edgesnn.core_config import CoreConfig
from edgesnn.errors import InputError
from edgesnn.virtual_board import VirtualBoard
from tests.language.small_spiking import PART, network

PROMPTS = (PART, "a", "dabcc")


def config() -> CoreConfig:
    return CoreConfig(state_bits=network().state_bits, neurons=64, inputs=64, events=128)


def said(backend: Backend) -> list[Reply]:
    backend.load(network())
    return [reply(backend, network(), prompt, 12) for prompt in PROMPTS]


@pytest.fixture(scope="module")
def expected() -> list[Reply]:
    found = said(ReferenceBackend())
    assert all(len(r.text) == 12 for r in found)
    assert [r.counters.steps for r in found] == [len(prompt) + 12 for prompt in PROMPTS]
    return found


@pytest.fixture(params=["simulator", "c", "gates", "board"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "board":
        with VirtualBoard(config()) as board, SerialDevice(board.port, timeout=2.0) as device:
            yield device
        return
    found: Backend = {
        "simulator": lambda: SimulatorBackend(config()),
        "c": CLibraryBackend,
        "gates": lambda: GatesBackend(config()),
    }[request.param]()
    yield found
    found.close()


@pytest.mark.slow
def test_every_executor_says_what_the_reference_says(
    backend: Backend, expected: list[Reply]
) -> None:
    found = said(backend)
    assert [r.text for r in found] == [r.text for r in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.counters.sops == other.counters.sops
        assert (one.counters.cycles > 0) == backend.counts_cycles


def test_bad_prompts_are_refused(expected: list[Reply]) -> None:
    backend = SimulatorBackend()
    backend.load(network())
    with pytest.raises(InputError, match="a prompt must hold at least one token"):
        reply(backend, network(), "", 3)
    with pytest.raises(InputError, match="among the 4 that the model knows, not 'x'"):
        reply(backend, network(), "x", 3)
    drawn = [reply(backend, network(), "c", 20, 2.0, seed).text for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
