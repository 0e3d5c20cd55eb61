"""Language models in the C runtime: bit for bit the reference, and nothing unsound ever runs."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.backends.c_library import LoadedImage, runtime_library
from edgesnn.errors import InputError, ModelFileError, ToolNotFound
from edgesnn.firmware_status import FirmwareStatus
from edgesnn.language.c_language import CLanguageModel, LoadedLanguageImage, language_library
from edgesnn.language.integer_image import decode_image, encode_image
from edgesnn.language.integer_model import STATE_ONE, IntegerLayer, IntegerModel, Rows
from edgesnn.language.integer_reference import Reader, sigmoid, tanh
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.trace import Trace
from edgesnn.memory_image import pack_placement
from edgesnn.placement import place
from tests.firmware import compiled
from tests.language.language_images import (
    at_the_limit,
    mutated,
    small_model,
    unsound,
    wrapping_table,
)
from tests.language.random_integers import extreme_model, random_model
from tests.strategies import random_network


@cache
def library() -> Any:
    try:
        return language_library()
    except ToolNotFound as error:
        pytest.skip(f"needs a C compiler: {error}")


def status_of(image: bytes, memory_bytes: int | None = None) -> FirmwareStatus:
    return FirmwareStatus(LoadedLanguageImage(library(), image, memory_bytes).status)


def in_c(model: IntegerModel) -> CLanguageModel:
    library()
    return CLanguageModel(model)


def same(a: Trace, b: Trace) -> bool:
    pairs = [(a.scores, b.scores), (a.events, b.events), (a.operations, b.operations)]
    pairs += list(zip(a.h, b.h, strict=True))
    return all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in pairs)


# What it gives


@settings(max_examples=60)
@given(
    make=st.sampled_from([random_model, extreme_model]),
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    tokens=st.integers(1, 6),
    density=st.floats(0, 1),
)
def test_every_number_is_that_of_reference_and_simulator(
    make: Any, seed: int, sizes: list[int], tokens: int, density: float
) -> None:
    model = make(seed, tuple(sizes), tokens, density)
    text = np.random.default_rng(seed).integers(0, tokens, 14)
    simulator, reader, c = IntegerSimulator(model), Reader(model), in_c(model)
    # In two parts: what was read stays.
    for part in (text[:5], text[5:]):
        found = c.read(part)
        assert same(found, simulator.read(part))
        for step, token in enumerate(part):
            assert found.scores[step].tolist() == reader.read(int(token))
            for layer, state in enumerate(reader.states):
                assert found.h[layer][step].tolist() == state.h
                assert found.events[step, layer] == len(state.sent)
        assert c.best_token() == int(found.scores[-1].argmax())


def test_a_long_text_in_two_layers_of_64_units_is_that_of_the_simulator() -> None:
    model = random_model(1, (64, 64), 50, 0.1)
    text = np.random.default_rng(0).integers(0, 50, 10_000)
    found = in_c(model).read(text)
    assert same(found, IntegerSimulator(model).read(text))
    assert (found.events.mean(axis=0) > 10).all()
    assert (found.events.mean(axis=0) < 54).all()


def test_layers_of_many_units_with_few_weights_are_those_of_the_simulator() -> None:
    """Rows far apart: many fillers among the entries."""
    model = random_model(4, (150, 400), 700, 0.004)
    text = np.random.default_rng(4).integers(0, 700, 200)
    assert same(in_c(model).read(text), IntegerSimulator(model).read(text))


def test_the_smallest_event_is_1() -> None:
    """z is half and g the entry of 0, which is 32: c is 16, far below what rounds to an event."""
    zeros = np.zeros(3, np.int32)
    layer = IntegerLayer(None, Rows(np.zeros((3, 1), np.int8), zeros, zeros), np.zeros(1, np.int16))
    one = np.array([1 << 16], np.int32)
    scores = Rows(np.array([[5]], np.int8), one, np.zeros(1, np.int32))
    model = IntegerModel(np.zeros((1, 3), np.int16), (layer,), scores)
    found = in_c(model).read([0])
    assert found.h[0].tolist() == [[16]]
    assert found.scores.tolist() == [[5]] == [Reader(model).read(0)]


def test_what_arrives_from_the_layer_below_is_held_before_more_is_added() -> None:
    """Of both units of the upper layer z is that of 0, at both ends of int16, and g is one."""
    zeros = np.zeros(6, np.int32)
    nothing = np.zeros((6, 2), np.int8)
    most, never = 40_000, np.full(2, STATE_ONE, np.int16)
    back = np.array([-(2**15 - 1), 2**15, 0, 0, 0, 0], np.int32)
    ahead = Rows(nothing, zeros, np.array([most, -most, 0, 0, most, most], np.int32))
    layers = (
        IntegerLayer(None, Rows(nothing, zeros, zeros), never),
        IntegerLayer(ahead, Rows(nothing, zeros, back), never),
    )
    scores = Rows(np.zeros((1, 2), np.int8), zeros[:1], zeros[:1])
    model = IntegerModel(np.zeros((1, 6), np.int16), layers, scores)
    found = in_c(model).read([0])
    assert found.h[1].tolist() == [[STATE_ONE - sigmoid(0)] * 2]
    assert same(found, IntegerSimulator(model).read([0]))


def one_step_model(arguments: list[int]) -> IntegerModel:
    """A token for each argument; after its first step h is 1 less its sigmoid, and its tanh."""
    low, high = -(1 << 15), (1 << 15) - 1
    table = [[a, low, 0, 0, high, a] for a in arguments]
    empty = np.zeros((6, 2), np.int8)
    zeros = np.zeros(6, np.int32)
    layer = IntegerLayer(None, Rows(empty, zeros, zeros), np.full(2, STATE_ONE, np.int16))
    some = np.zeros(len(table), np.int32)
    scores = Rows(np.zeros((len(table), 2), np.int8), some, some)
    return IntegerModel(np.array(table, np.int16), (layer,), scores)


def test_both_tables_have_every_entry_of_the_reference() -> None:
    ends = [a + k for a in range(-(1 << 15), 1 << 15, 8) for k in (0, 7)]
    c = in_c(one_step_model(ends))
    for token, a in enumerate(ends):
        c.reset()
        found = c.read([token]).h[0][0].tolist()
        assert found == [STATE_ONE - sigmoid(a), tanh(a)]


def test_a_reset_forgets_and_unknown_tokens_are_refused() -> None:
    c = in_c(random_model(2, (6,), 3, 0.8))
    first = c.read([0, 1, 2, 1])
    assert not same(c.read([0, 1, 2, 1]), first)
    c.reset()
    assert c.best_token() == 0
    assert same(c.read([0, 1, 2, 1]), first)
    assert c.read([]).scores.shape == (0, 3)
    with pytest.raises(InputError, match="tokens must be in 0..2, not 0..3: .* another vocabulary"):
        c.read([0, 3])
    with pytest.raises(InputError, match="BAD_TOKEN: a token must be below the number of tokens"):
        c.loaded.read(np.array([3], np.uint32))


def test_a_token_that_is_refused_changes_nothing() -> None:
    model = random_model(2, (6, 5), 3, 0.8)
    c, simulator = in_c(model), IntegerSimulator(model)
    assert same(c.read([0, 1, 2]), simulator.read([0, 1, 2]))
    best = c.best_token()
    for token in (3, 65_535, 2**32 - 1):
        status = library().esnn_lm_read(c.loaded.model, token)
        assert status == FirmwareStatus.BAD_TOKEN
        assert c.best_token() == best
    assert same(c.read([2, 0, 1]), simulator.read([2, 0, 1]))


def test_the_best_token_is_the_lowest_on_a_tie() -> None:
    model = small_model()
    for bias, best in (([5, 9, 9], 1), ([7, 7, 7], 0), ([-3, -2, -1], 2)):
        nothing = np.zeros_like(model.scores.weights)
        scores = Rows(nothing, model.scores.multipliers, np.array(bias, np.int32))
        c = in_c(IntegerModel(model.table, model.layers, scores))
        c.read([0])
        assert c.best_token() == best


# What it refuses


def test_every_damaged_byte_is_noticed() -> None:
    image = encode_image(small_model())
    assert status_of(image) is FirmwareStatus.OK
    for at in range(len(image)):
        for change in (1, 0x80):
            damaged = bytearray(image)
            damaged[at] ^= change
            assert status_of(bytes(damaged)) is not FirmwareStatus.OK
    for other in (image[:-4], image[:48], image[:3], b""):
        assert status_of(other) is FirmwareStatus.BAD_LENGTH
    with pytest.raises(ModelFileError, match="BAD_CRC: the CRC-32 must match the image"):
        LoadedLanguageImage(library(), image[:-1] + b"?").check()


@pytest.mark.parametrize("name", unsound())
def test_an_unsound_image_is_refused_by_name_though_its_crc_is_right(name: str) -> None:
    image, status = unsound()[name]
    assert status_of(image) is status


def test_a_table_beyond_32_bits_is_refused() -> None:
    assert status_of(wrapping_table()) is FirmwareStatus.BAD_SECTION


def test_rows_may_reach_their_limit_and_go_no_further() -> None:
    for allowed, refused in at_the_limit():
        assert status_of(allowed) is FirmwareStatus.OK
        assert status_of(refused) is FirmwareStatus.CAN_OVERFLOW


@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_image_is_refused_or_runs_as_the_model_in_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = mutated(encode_image(random_model(seed, (4, 3), 3, 0.6)), rng)
    loaded = LoadedLanguageImage(library(), image)
    try:
        model = decode_image(image)
    except ModelFileError:
        assert loaded.status != FirmwareStatus.OK
        return
    assert loaded.status == FirmwareStatus.OK
    text = rng.integers(0, 3, 6)
    assert same(loaded.read(text.astype(np.uint32)), IntegerSimulator(model).read(text))


def test_memory_must_be_as_large_as_it_says() -> None:
    image = encode_image(small_model())
    needed = LoadedLanguageImage(library(), image).required_bytes
    assert status_of(image, needed) is FirmwareStatus.OK
    for size in (needed - 1, 4, 0):
        assert status_of(image, size) is FirmwareStatus.TOO_LITTLE_MEMORY


@pytest.mark.parametrize(("sizes", "tokens"), [((5,), 3), ((5, 9, 2), 4), ((3, 4), 90)])
def test_memory_is_what_the_readme_says(sizes: tuple[int, ...], tokens: int) -> None:
    harness = '#include "edgesnn_language.h"\nuint32_t size(void);\n'
    harness += "uint32_t size(void) { return (uint32_t)sizeof(esnn_lm); }\n"
    total = int(compiled.library((), harness).size()) + 4 * len(sizes)
    total += max(4 * tokens, 12 * max(sizes)) + 5 * sum(sizes) + 6 * max(sizes[1:], default=0)
    image = encode_image(random_model(0, sizes, tokens, 0.5))
    assert LoadedLanguageImage(library(), image).required_bytes == (total + 3) // 4 * 4


def test_image_and_memory_must_be_aligned() -> None:
    image = encode_image(small_model())
    words = np.zeros(len(image) + 8, np.uint8)
    words[2 : 2 + len(image)] = np.frombuffer(image, np.uint8)
    odd = words.ctypes.data + 2
    assert library().esnn_lm_required_bytes(odd, len(image)) == FirmwareStatus.BAD_ALIGNMENT
    words[: len(image)] = np.frombuffer(image, np.uint8)
    model, memory = ctypes.c_void_p(), np.zeros(4096, np.uint8)
    status = library().esnn_lm_load(
        ctypes.byref(model), words.ctypes.data, len(image), memory.ctypes.data + 2, 4000
    )
    assert status == FirmwareStatus.BAD_ALIGNMENT
    assert model.value is None


def test_neither_runtime_takes_the_image_of_the_other() -> None:
    library()
    spiking = pack_placement(place(random_network(1), 1))
    assert status_of(spiking) is FirmwareStatus.BAD_MAGIC
    smallest = random_model(0, (1,), 1, 0.0)
    for model in (small_model(), smallest):
        loaded = LoadedImage(runtime_library(), encode_image(model))
        assert loaded.status == loaded.required_bytes == FirmwareStatus.BAD_MAGIC
    with pytest.raises(ModelFileError, match="with ESNL; each has a function of its own to load"):
        LoadedLanguageImage(library(), spiking).check()
