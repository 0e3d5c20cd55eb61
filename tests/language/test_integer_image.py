"""Images of language models hold the model, to a reader of the page alone; damage is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgesnn.errors import InputError, ModelFileError
from edgesnn.language import integer_image
from edgesnn.language.integer_image import (
    HeaderWord,
    LayerWord,
    decode_columns,
    decode_image,
    encode_columns,
    encode_image,
)
from edgesnn.language.integer_model import IntegerLayer, IntegerModel, Rows
from edgesnn.memory_image import pack_placement, unpack
from edgesnn.placement import place
from tests.language.language_images import (
    PageMatrix,
    PageReader,
    at_the_limit,
    mutated,
    read_source,
    small_model,
    unsound,
    wide_model,
    wrapping_table,
)
from tests.language.random_integers import extreme_model, random_model
from tests.strategies import random_network

PAGE = Path(__file__).parents[2] / "docs/egru.md"
#: One unit, one token: an image that must never change.
SMALLEST = (
    "45534e4c 01000000 01000000 74000000 01000000 01000000 30000000 60000000"
    "01000000 00000000 38000000 5c000000"
    "0100feff 03000000"
    "04000000 05000000 06000000 f9ffffff 08000000 09000000"
    "00000000 02000000 0d1e0000"
    "0a000000"
    "0b000000 0c000000 00000000 00000000"
    "a673a1cf"
)


def same_rows(a: Rows | None, b: Rows | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(
        np.array_equal(x, y) and x.dtype == y.dtype
        for x, y in ((a.weights, b.weights), (a.multipliers, b.multipliers), (a.bias, b.bias))
    )


def same_models(a: IntegerModel, b: IntegerModel) -> bool:
    return (
        np.array_equal(a.table, b.table)
        and a.table.dtype == b.table.dtype
        and same_rows(a.scores, b.scores)
        and len(a.layers) == len(b.layers)
        and all(
            same_rows(x.inputs, y.inputs)
            and same_rows(x.recurrent, y.recurrent)
            and np.array_equal(x.thresholds, y.thresholds)
            and x.thresholds.dtype == y.thresholds.dtype
            for x, y in zip(a.layers, b.layers, strict=True)
        )
    )


MODELS = st.builds(
    lambda make, seed, sizes, tokens, density: make(seed, tuple(sizes), tokens, density),
    st.sampled_from([random_model, extreme_model]),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.integers(1, 40),
    st.floats(0, 1),
)


@given(model=MODELS)
def test_a_model_comes_back_from_its_image(model: IntegerModel) -> None:
    image = encode_image(model)
    assert len(image) % 4 == 0
    assert same_models(decode_image(image), model)


def holds(found: PageMatrix, rows: Rows) -> bool:
    dense = np.zeros_like(rows.weights)
    for source, pairs in enumerate(found.sources):
        assert [row for _, row in pairs] == sorted({row for _, row in pairs})
        for weight, row in pairs:
            assert weight != 0
            dense[row, source] = weight
    scales = np.stack((rows.multipliers, rows.bias), axis=1)
    return bool((dense == rows.weights).all()) and found.scales == [tuple(s) for s in scales]


@settings(max_examples=40)
@given(model=MODELS)
def test_a_reader_that_knows_the_page_alone_finds_the_model(model: IntegerModel) -> None:
    page = PageReader(encode_image(model))
    assert page.table() == [tuple(row) for row in model.table]
    assert page.sizes == [layer.num_units for layer in model.layers]
    for k, layer in enumerate(model.layers):
        assert layer.inputs is None or holds(page.inputs(k), layer.inputs)
        assert holds(page.recurrent(k), layer.recurrent)
        assert page.thresholds(k) == tuple(layer.thresholds)
    assert holds(page.scores(), model.scores)


@given(
    gaps=st.lists(
        st.tuples(
            st.integers(0, 20)
            | st.integers(0, 1000)
            | st.sampled_from([15, 16, 239, 240, 255, 256]),
            st.integers(-7, 7).filter(bool),
        ),
        max_size=6,
    ),
    behind=st.integers(0, 300),
)
@example(gaps=[(480, 1), (479, -7)], behind=0)
def test_long_gaps_are_filled_and_found_again(gaps: list[tuple[int, int]], behind: int) -> None:
    rows = np.cumsum([gap + 1 for gap, _ in gaps], dtype=int) - 1
    size = int(rows[-1]) + 1 + behind if gaps else behind + 1
    weights = np.zeros((size, 3), np.int8)
    weights[rows, 1] = [weight for _, weight in gaps]
    starts, entries = encode_columns(weights)
    assert starts.tolist() == [0, 0, len(entries), len(entries)]
    assert read_source(entries.tobytes()) == [(w, r) for (_, w), r in zip(gaps, rows, strict=True)]
    assert np.array_equal(decode_columns(starts, entries, size), weights)
    # As short as bytes of their kind can be.
    assert len(entries) == sum(1 + gap // 240 + (gap % 240 > 15) for gap, _ in gaps)


def smallest() -> IntegerModel:
    def rows(weights: list[int], numbers: list[int]) -> Rows:
        pairs = np.array(numbers, np.int32).reshape(-1, 2)
        return Rows(np.array(weights, np.int8)[:, None], pairs[:, 0], pairs[:, 1])

    recurrent = rows([-3, 0, -2], [4, 5, 6, -7, 8, 9])
    layer = IntegerLayer(None, recurrent, np.array([10], np.int16))
    return IntegerModel(np.array([[1, -2, 3]], np.int16), (layer,), rows([0], [11, 12]))


def test_the_smallest_image_is_what_it_was() -> None:
    assert encode_image(smallest()) == bytes.fromhex(SMALLEST)
    assert same_models(decode_image(bytes.fromhex(SMALLEST)), smallest())


def test_the_page_has_the_numbers_of_the_code() -> None:
    text = PAGE.read_text()
    tables = re.split(r"^The (?:header|descriptor)", text, flags=re.MULTILINE)[1:]
    for table, words in zip(tables, (HeaderWord, LayerWord), strict=True):
        found = re.findall(r"^\| (\d+) \| `(\w+)`", table, re.MULTILINE)
        assert [(int(number), name) for number, name in found] == [(int(w), w.name) for w in words]
    magic = int.from_bytes(integer_image.MAGIC, "little")
    assert f"| 0x{magic:X}: the bytes `{integer_image.MAGIC.decode()}` |" in text
    assert f"| {integer_image.IMAGE_VERSION}; of this format" in text
    example = re.search(r"For example ((?:0x\w\w ?)+) are the weights 3 in row 7 and -1 in", text)
    assert example is not None
    page = PageReader(encode_image(wide_model({7: 3, 297: -1})))
    assert page.recurrent(0).sources[0] == [(3, 7), (-1, 297)]
    written = bytes(int(byte, 16) for byte in example[1].split())
    assert page.image[page.recurrent(0).entries :].startswith(written)


def test_every_damaged_byte_is_noticed() -> None:
    image = encode_image(small_model())
    rng = np.random.default_rng(0)
    for at in range(len(image)):
        for change in (1, 0x80, int(rng.integers(1, 256))):
            damaged = bytearray(image)
            damaged[at] ^= change
            with pytest.raises(ModelFileError):
                decode_image(bytes(damaged))


@pytest.mark.parametrize("name", unsound())
def test_an_unsound_image_is_refused_though_its_crc_is_right(name: str) -> None:
    with pytest.raises(ModelFileError, match="must|differs"):
        decode_image(unsound()[name][0])


def test_a_table_beyond_32_bits_is_refused() -> None:
    with pytest.raises(ModelFileError, match="its numbers must end within the image"):
        decode_image(wrapping_table())


def test_rows_may_reach_their_limit_and_go_no_further() -> None:
    for allowed, refused in at_the_limit():
        assert encode_image(decode_image(allowed)) == allowed
        with pytest.raises(ModelFileError, match="sums of rows must stay within 2.30, but row 0"):
            decode_image(refused)


@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_accepted_is_the_image_of_a_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = mutated(encode_image(random_model(seed, (4, 3), 3, 0.6)), rng)
    try:
        model = decode_image(image)
    except ModelFileError:
        return
    assert encode_image(model) == image


def test_refusals_say_what_must_be_what() -> None:
    image = encode_image(small_model())
    for damaged, message in (
        (b"", "must have at least 36 bytes, not 0"),
        (image[:35], "must have at least 36 bytes, not 35"),
        (b"abcd" + image[4:], "must begin with b'ESNL', not b'abcd'"),
        (image[:-1] + b"?", "the CRC-32 must match the image; the image is damaged"),
        (unsound()["version"][0], "image version must be 1, not 2; make the image again"),
        (unsound()["kind"][0], r"layers must be of kind 1 \(EGRU\), not 2; read the image with"),
        (unsound()["weight of -8"][0], "inconsistent: weights must be in -7..7"),
        (unsound()["scores elsewhere"][0], "differs from what its own model would give"),
    ):
        with pytest.raises(ModelFileError, match=message):
            decode_image(damaged)


def test_images_of_spiking_networks_and_of_language_models_are_told_apart() -> None:
    spiking = pack_placement(place(random_network(1), 1))
    with pytest.raises(ModelFileError, match="begins with b'ESNI' is of a spiking network"):
        decode_image(spiking)
    with pytest.raises(ModelFileError, match="must begin with b'ESNI', not b'ESNL'"):
        unpack(encode_image(small_model()))


def test_more_than_an_image_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    many = replace(
        model,
        table=np.zeros((65_536, 9), np.int16),
        scores=Rows(*(np.zeros(shape, kind) for shape, kind in (
            ((65_536, 2), np.int8), (65_536, np.int32), (65_536, np.int32),
        ))),
    )  # fmt: skip
    with pytest.raises(InputError, match="must be 1..65535 in a memory image, not 65536, 3, 2"):
        encode_image(many)
    none = IntegerModel(np.zeros((0, 9), np.int16), model.layers, Rows(
        np.zeros((0, 2), np.int8), np.zeros(0, np.int32), np.zeros(0, np.int32)
    ))  # fmt: skip
    with pytest.raises(InputError, match="must be 1..65535 in a memory image, not 0, 3, 2"):
        encode_image(none)
    monkeypatch.setattr(integer_image, "MAX_BYTES", 400)
    with pytest.raises(InputError, match="must have at most 400 bytes, not 432"):
        encode_image(model)
