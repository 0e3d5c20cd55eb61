"""The C runtime: what it refuses, what it needs, and that no image makes it step aside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.backends.c_library import CLibraryBackend, LoadedImage, runtime_library
from edgesnn.design_rules import check
from edgesnn.errors import DesignRuleError, EventLimitError, ModelFileError, ToolNotFound
from edgesnn.events import EventStream
from edgesnn.firmware_status import FirmwareStatus, firmware_status_text
from edgesnn.memory_image import pack_placement, unpack
from edgesnn.memory_layout import Feature, HeaderWord, Region
from edgesnn.network import EventLimit, EventLimitForm, Network
from edgesnn.placement import place
from edgesnn.reference import Reference
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.synapse_coding import Coding
from edgesnn.synapses import Synapses
from tests.firmware.board import needs
from tests.firmware.mutations import mutated, sealed, section_at, small_image
from tests.strategies import random_events, random_network

ROOT = Path(__file__).parents[2]


@cache
def library() -> Any:
    try:
        return runtime_library()
    except ToolNotFound as error:
        pytest.skip(f"needs a C compiler: {error}")


@pytest.fixture
def image(small_network: Network) -> bytes:
    library()
    return pack_placement(place(small_network, 1))


def status_of(image: bytes, memory_bytes: int | None = None) -> FirmwareStatus:
    return FirmwareStatus(LoadedImage(library(), image, memory_bytes).status)


def with_header(image: bytes, word: HeaderWord, value: int) -> bytes:
    words = np.frombuffer(image[:-4], "<u2").copy()
    words[word] = value
    return sealed(words)


def test_a_whole_image_is_loaded_and_a_longer_or_shorter_one_is_not(image: bytes) -> None:
    assert status_of(image) is FirmwareStatus.OK
    for other in (image[:-2], image + b"\0\0", image[:100], image[:12], b""):
        assert status_of(other) is FirmwareStatus.BAD_LENGTH


@pytest.mark.parametrize(
    ("word", "value", "status"),
    [
        (HeaderWord.MAGIC_LOW, 0x1234, FirmwareStatus.BAD_MAGIC),
        (HeaderWord.VERSION, 3, FirmwareStatus.BAD_VERSION),
        (HeaderWord.FEATURES, 1 << len(Feature), FirmwareStatus.NO_FEATURE),
        (HeaderWord.FEATURES, 1 << Feature.CURRENTS, FirmwareStatus.BAD_SECTION),
        (HeaderWord.FEATURES, 1 << Feature.DELAYS, FirmwareStatus.BAD_HEADER),
        (HeaderWord.MAX_DELAY, 1, FirmwareStatus.BAD_HEADER),
        (HeaderWord.SPIKES_PER_STEP, 2, FirmwareStatus.BAD_HEADER),
        (HeaderWord.LANES, 3, FirmwareStatus.BAD_HEADER),
        (HeaderWord.STATE_BITS, 17, FirmwareStatus.BAD_HEADER),
        (HeaderWord.WINDOW_STEPS, 0, FirmwareStatus.BAD_HEADER),
        (HeaderWord.SLOTS, 1, FirmwareStatus.BAD_SECTION),
        (HeaderWord.NUM_CONNECTIONS, 77, FirmwareStatus.BAD_PROGRAM),
    ],
)
def test_a_header_is_refused_by_name(
    image: bytes, word: HeaderWord, value: int, status: FirmwareStatus
) -> None:
    assert status_of(with_header(image, word, value)) is status


def test_a_flipped_bit_is_noticed_wherever_it_is(image: bytes) -> None:
    for bit in range(0, 8 * len(image), 13):
        damaged = bytearray(image)
        damaged[bit // 8] ^= 1 << bit % 8
        assert status_of(bytes(damaged)) is not FirmwareStatus.OK


def test_the_end_of_an_image_holds_nothing(image: bytes) -> None:
    for word in (-3, -2, -1):  # width, elements and the word that is reserved
        words = np.frombuffer(image[:-4], "<u2").copy()
        words[word] = 1
        assert status_of(sealed(words)) is FirmwareStatus.BAD_SECTION


def test_memory_must_be_as_large_as_it_says(image: bytes) -> None:
    needed = LoadedImage(library(), image).required_bytes
    assert status_of(image, needed) is FirmwareStatus.OK
    for size in (needed - 1, 4, 0):
        assert status_of(image, size) is FirmwareStatus.TOO_LITTLE_MEMORY


def test_currents_and_the_ring_of_bitmaps_take_memory(
    small_network: Network, late_network: Network
) -> None:
    def needed(network: Network, lanes: int) -> int:
        return LoadedImage(library(), pack_placement(place(network, lanes))).required_bytes

    # Two words of spikes, for each of two steps more; a second state word for each slot.
    for lanes, slots in ((1, 4), (2, 2), (4, 2)):
        more = needed(late_network, lanes) - needed(small_network, lanes)
        assert more == 2 * 2 * 2 + 4 * slots * lanes


def test_a_header_says_which_features_there_are(late_network: Network) -> None:
    image = pack_placement(place(late_network, 1))
    assert status_of(image) is FirmwareStatus.OK
    for word, value, status in (
        (HeaderWord.FEATURES, 1 << Feature.DELAYS, FirmwareStatus.BAD_SECTION),
        (HeaderWord.FEATURES, 1 << Feature.CURRENTS, FirmwareStatus.BAD_HEADER),
        (HeaderWord.MAX_DELAY, 0, FirmwareStatus.BAD_HEADER),
        (HeaderWord.MAX_DELAY, 1, FirmwareStatus.BAD_PROGRAM),
        (HeaderWord.MAX_DELAY, 3, FirmwareStatus.BAD_PROGRAM),
        (HeaderWord.MAX_DELAY, 16, FirmwareStatus.BAD_HEADER),
    ):
        assert status_of(with_header(image, word, value)) is status


@pytest.mark.parametrize("currents", [False, True])
@pytest.mark.parametrize("delays", [False, True])
def test_a_runtime_without_a_feature_refuses_its_images_by_name_and_runs_the_others(
    currents: bool, delays: bool
) -> None:
    library()
    options = (f"-DESNN_WITH_CURRENTS={int(currents)}", f"-DESNN_WITH_DELAYS={int(delays)}")
    backend = CLibraryBackend(lanes=2, flags=("-O3", *options))
    for seed in range(40):
        network = random_network(seed, max_size=40, currents=seed % 2 > 0, delays=seed % 4 > 1)
        if (network.has_currents and not currents) or (network.max_delay and not delays):
            with pytest.raises(ModelFileError, match="NO_FEATURE: the image must not need"):
                backend.load(network)
            continue
        backend.load(network)
        stream = random_events(network, seed, 20)
        expected, _ = Simulator(network).run(stream, record=True)
        assert not differences(expected, backend.run(stream, record=True))


def test_image_and_memory_must_be_aligned(image: bytes) -> None:
    words = np.zeros(len(image) + 8, np.uint8)
    words[2 : 2 + len(image)] = np.frombuffer(image, np.uint8)
    assert library().esnn_required_bytes(words.ctypes.data + 2, len(image)) == (
        FirmwareStatus.BAD_ALIGNMENT
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_network_that_could_overflow_is_refused(small_network: Network, sign: int) -> None:
    broken = replace(
        small_network,
        event_limit=EventLimit(EventLimitForm.LIMITED, 60_000),
        connections=tuple(
            replace(
                c,
                synapses=Synapses.from_dense(sign * np.abs(c.synapses.to_dense())),
                weight_shift=12,
            )
            for c in small_network.connections
        ),
    )
    library()
    with pytest.raises(DesignRuleError, match="CAN_OVERFLOW"):
        CLibraryBackend().load(broken)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_bias_counts_in_the_overflow_rule(small_network: Network, sign: int) -> None:
    library()

    def biased(bias: int) -> Network:
        inputs, hidden, output = small_network.populations
        changed = replace(hidden, bias=np.array([0, sign * bias]))
        return replace(small_network, populations=(inputs, changed, output))

    def obeys(network: Network) -> bool:
        try:
            check(network)
        except DesignRuleError:
            return False
        return True

    # The largest bias that the host allows, by bisection, is the largest that the runtime loads.
    allowed, refused = 0, 1 << small_network.state_bits
    while refused - allowed > 1:
        middle = (allowed + refused) // 2
        allowed, refused = (middle, refused) if obeys(biased(middle)) else (allowed, middle)
    assert allowed > 1000
    assert status_of(pack_placement(place(biased(allowed), 1))) is FirmwareStatus.OK
    assert status_of(pack_placement(place(biased(refused), 1))) is FirmwareStatus.CAN_OVERFLOW


@pytest.mark.parametrize("coding", Coding)
def test_two_sources_may_not_share_a_row(small_network: Network, coding: Coding) -> None:
    library()
    *others, out = small_network.connections
    # The second neuron has no row, so that of the first is the last one of all.
    alone = replace(out, synapses=Synapses.from_dense(np.array([[5, 0], [0, 0]])))
    network = replace(small_network, connections=(*others, alone))
    placement = place(network, 1, coding)
    image = pack_placement(placement)
    words = np.frombuffer(image[:-4], "<u2").copy()
    first = section_at(image, Region.SYNAPSES) + placement.connections[-1].row_starts
    assert status_of(sealed(words)) is FirmwareStatus.OK
    assert words[first] != 0
    assert words[first + 1] == 0
    words[first + 1] = words[first]
    assert status_of(sealed(words)) is FirmwareStatus.BAD_ROW


def test_every_status_has_a_meaning_and_unknown_ones_are_told_apart() -> None:
    assert firmware_status_text(-6).startswith("BAD_CRC: the CRC-32 must match")
    assert "does not know" in firmware_status_text(-99)


def test_what_is_refused_is_an_error_in_words(image: bytes) -> None:
    with pytest.raises(ModelFileError, match="BAD_CRC: the CRC-32 must match the image"):
        LoadedImage(library(), image[:-1] + b"\x01").check()


@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_image_is_refused_or_runs_as_the_network_in_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    changed = mutated(small_image(rng), rng)
    loaded = LoadedImage(library(), changed)
    try:
        network = unpack(changed)
    except ModelFileError:
        assert loaded.status != FirmwareStatus.OK
        return
    assert loaded.status == FirmwareStatus.OK
    stream = random_events(network, rng, 5)
    expected = Reference(network).run(stream)
    assert loaded.run_steps(stream) == (expected.counters, expected.accumulators.tolist())


@pytest.mark.parametrize(
    ("limit", "too_many"),
    [
        (EventLimit(EventLimitForm.FULL, 2), [0, 1, 0, 0]),
        (EventLimit(EventLimitForm.LIMITED, 3), [0, 1, 2, 0]),
        (EventLimit(EventLimitForm.LIMITED, 3), [0, 3]),
    ],
)
def test_a_step_with_too_many_events_is_refused_and_changes_nothing(
    any_network: Network, limit: EventLimit, too_many: list[int]
) -> None:
    library()
    network = replace(any_network, event_limit=limit)
    backend = CLibraryBackend()
    backend.load(network)
    reference = Reference(network)
    before, after = [[0, 1], [2, 2, 0], []], [[1], [0, 0, 2], [2], []]
    reference.run(EventStream.from_steps(before))
    backend.run(EventStream.from_steps(before))

    assert backend.loaded is not None
    counters = backend.loaded.counters()
    handle = backend.loaded.network
    said = [library().esnn_push_event(handle, source) for source in too_many]
    assert said[-1] == FirmwareStatus.EVENT_REFUSED
    assert library().esnn_step(handle) == FirmwareStatus.STEP_REFUSED
    lost = backend.loaded.counters() - counters
    assert (lost.steps, lost.events, lost.dropped) == (0, 0, len(too_many))

    expected = reference.run(EventStream.from_steps(after))
    assert not differences(expected, backend.run(EventStream.from_steps(after), record=True))


def test_events_that_a_host_can_see_are_refused_before_any_of_them(small_network: Network) -> None:
    library()
    backend = CLibraryBackend()
    with pytest.raises(RuntimeError, match="a network must be loaded first"):
        backend.reset()
    backend.load(replace(small_network, event_limit=EventLimit(EventLimitForm.FULL, 1)))
    with pytest.raises(EventLimitError):
        backend.run(EventStream.from_steps([[0], [0, 0]]))
    assert backend.loaded is not None
    assert backend.loaded.counters().steps == 0
    backend.close()


def test_runs_may_be_cut_anywhere_and_begin_anew() -> None:
    library()
    for seed in range(6):
        network = random_network(seed, currents=seed % 2 > 0, delays=seed % 3 > 0)
        stream = random_events(network, seed, 20)
        steps = list(stream)
        backend = CLibraryBackend(lanes=(1, 4)[seed % 2])
        backend.load(network)
        simulator = Simulator(network)
        state = None
        for part in (steps[:7], steps[7:8], steps[8:]):
            piece = EventStream.from_steps(part)
            expected, state = simulator.run(piece, state, record=True)
            assert not differences(expected, backend.run(piece, record=True))
        backend.reset()
        assert not differences(Reference(network).run(stream), backend.run(stream, record=True))


def preloaded(compiler: str) -> str:
    """The AddressSanitizer of a compiler, as a library that Python can run under."""
    needs(compiler, "the sanitizers")
    names = {"gcc": ["libasan.so"], "clang": ["libclang_rt.asan-x86_64.so", "libclang_rt.asan.so"]}
    for name in names[compiler]:
        asked = [compiler, f"-print-file-name={name}"]
        path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        if Path(path).is_file():
            return path
    pytest.skip(f"{compiler} must come with a shared AddressSanitizer; install libclang-rt-dev")


def sanitized(compiler: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "CC": compiler,
        "LD_PRELOAD": preloaded(compiler),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
    }
    command = [sys.executable, "-m", "tests.firmware.sanitized", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compiler", "what"),
    [("gcc", "agree"), ("clang", "agree"), ("gcc", "mutate"), ("gcc", "language")],
)
def test_nothing_undefined_happens(compiler: str, what: str) -> None:
    done = sanitized(compiler, [what])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.strip() == "no mistakes"
