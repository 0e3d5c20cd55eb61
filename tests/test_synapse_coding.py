"""Rows say the same in both codings, to a decoder that shares nothing with the encoder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.synapse_coding import (
    END,
    FILLER_ADVANCE,
    FIRST_ROW_WORD,
    MAX_FILLER_GAP,
    WIDE_LAST,
    WIDE_SLOTS,
    CodedRows,
    Coding,
    decode_row,
    encode_rows,
    smaller_coding,
)
from edgesnn.synapses import Synapses
from tests import image_decoder

PAGE = (Path(__file__).parents[1] / "docs/memory_image.md").read_text()


def entries_of(word: int) -> tuple[int, int]:
    return word & 0xFF, word >> 8


def is_synapse(entry: int) -> bool:
    return entry & 15 != 0


def random_synapses(seed: int, sources: int, targets: int, density: float) -> Synapses:
    rng = np.random.default_rng(seed)
    codes = rng.choice([-8, -7, -1, 1, 7], (sources, targets))
    return Synapses.from_dense(np.where(rng.random((sources, targets)) < density, codes, 0))


@st.composite
def synapses(draw: st.DrawFn) -> Synapses:
    """All densities; wide gaps and full rows, empty rows, one target and many."""
    density = draw(st.sampled_from([0.0, 0.004, 0.03, 0.1, 0.5, 1.0]))
    targets = draw(st.sampled_from([1, 2, 15, 16, 17, 33, 70, 300, 1000]))
    return random_synapses(
        draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 5)), targets, density
    )


def row_words(rows: CodedRows, source: int) -> list[int]:
    """The words of one row; those of a row end where the next one that is not empty begins."""
    if rows.row_start[source] < 0:
        return []
    later = rows.row_start[source + 1 :]
    later = later[later >= 0]
    end = int(later[0]) if len(later) else len(rows.words)
    return rows.words[int(rows.row_start[source]) : end].tolist()


@settings(max_examples=300)
@given(synapses(), st.sampled_from(Coding), st.sampled_from([1, 2, 4]))
def test_lanes_together_hold_every_synapse_once(
    table: Synapses, coding: Coding, lanes: int
) -> None:
    found = np.zeros((table.num_sources, table.num_targets), int)
    for lane in range(lanes):
        rows = encode_rows(table, coding, lane, lanes)
        memory = rows.words.tolist()
        for source, start in enumerate(rows.row_start.tolist()):
            if start < 0:
                continue
            row = image_decoder.decode_row(memory, start, coding is Coding.PACKED)
            assert row == sorted(row)
            assert decode_row(rows.words, start, coding)[0] == row
            for slot, weight in row:
                assert found[source, slot * lanes + lane] == 0
                found[source, slot * lanes + lane] = weight
    assert found.tolist() == table.to_dense().tolist()


@settings(max_examples=300)
@given(synapses(), st.sampled_from(Coding), st.sampled_from([1, 2, 4]))
def test_rows_lie_one_after_the_other_and_tell_their_length(
    table: Synapses, coding: Coding, lanes: int
) -> None:
    for lane in range(lanes):
        rows = encode_rows(table, coding, lane, lanes)
        position = 0
        for source in range(table.num_sources):
            mine = table.targets[table.row_start[source] : table.row_start[source + 1]] % lanes
            if not (mine == lane).any():
                assert rows.row_start[source] == -1
                continue
            assert rows.row_start[source] == position
            _, length = decode_row(rows.words, position, coding)
            assert length == len(row_words(rows, source))
            position += length
        assert position == len(rows.words)


@settings(max_examples=300)
@given(synapses(), st.sampled_from(Coding), st.sampled_from([1, 2, 4]))
def test_words_are_counted_and_those_with_two_synapses_marked(
    table: Synapses, coding: Coding, lanes: int
) -> None:
    for lane in range(lanes):
        rows = encode_rows(table, coding, lane, lanes)
        for source in range(table.num_sources):
            assert rows.num_words[source] == len(row_words(rows, source))
        for word, pair in zip(rows.words.tolist(), rows.pairs.tolist(), strict=True):
            low, high = entries_of(word)
            assert pair == (coding is Coding.PACKED and is_synapse(low) and is_synapse(high))


@settings(max_examples=200)
@given(synapses(), st.sampled_from([1, 2, 4]))
def test_packed_rows_end_with_the_high_byte_of_their_last_word(table: Synapses, lanes: int) -> None:
    for lane in range(lanes):
        rows = encode_rows(table, Coding.PACKED, lane, lanes)
        for source in range(table.num_sources):
            for number, word in enumerate(words := row_words(rows, source)):
                assert (word >> 8 == END) == (number == len(words) - 1)


def test_gap_is_made_up_of_full_fillers_and_one_for_the_rest() -> None:
    def packed(*slots: int) -> list[int]:
        targets, weights = np.array(slots), np.ones(len(slots), int)
        table = Synapses(np.array([0, len(slots)]), targets, weights, 1024)
        return encode_rows(table, Coding.PACKED, 0, 1).words.tolist()

    # Gaps of 255 and 256: one filler of 15 units; one of 15 and one of 1.
    assert packed(255) == [0xF000, 0x00F1]
    assert packed(256) == [0x10F0, 0x0001]
    assert packed(0, 257) == [0x0100, 0x10F0, 0x0001]
    assert packed(800, 801) == [0xF000, 0xF0F0, 0x0150, 0x0001]


@settings(max_examples=100)
@given(synapses(), st.sampled_from([1, 2, 4]))
def test_smaller_coding_has_fewer_words(table: Synapses, lanes: int) -> None:
    def num_words(coding: Coding) -> int:
        return sum(len(encode_rows(table, coding, k, lanes).words) for k in range(lanes))

    wide, packed = num_words(Coding.WIDE), num_words(Coding.PACKED)
    expected = Coding.PACKED if packed < wide else Coding.WIDE
    assert smaller_coding(table, lanes) is expected


def test_dense_rows_are_packed_and_very_sparse_ones_wide() -> None:
    assert smaller_coding(random_synapses(1, 64, 256, 0.5), 1) is Coding.PACKED
    assert smaller_coding(random_synapses(1, 64, 256, 0.01), 1) is Coding.WIDE
    # One word each: one synapse needs a word in both.
    assert smaller_coding(Synapses.from_dense(np.array([[1]])), 1) is Coding.WIDE
    assert smaller_coding(Synapses.from_dense(np.array([[0]])), 1) is Coding.WIDE


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_wide_coding_ends_at_2048_neurons_a_lane(lanes: int) -> None:
    def last_neuron(size: int) -> Synapses:
        return Synapses(np.array([0, 1]), np.array([size - 1]), np.array([-8]), size)

    most = WIDE_SLOTS * lanes
    rows = encode_rows(last_neuron(most), Coding.WIDE, lanes - 1, lanes)
    assert rows.words.tolist() == [WIDE_LAST | (WIDE_SLOTS - 1) << 4 | 8]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is tested
        encode_rows(last_neuron(most + 1), Coding.WIDE, 0, lanes)
    assert str(caught.value) == (
        f"the wide coding holds target populations of at most {most} neurons at {lanes} lanes, "
        f"not {most + 1}; use the packed coding"
    )
    assert smaller_coding(last_neuron(most + 1), lanes) is Coding.PACKED
    rows = encode_rows(last_neuron(most + lanes), Coding.PACKED, lanes - 1, lanes)
    row = image_decoder.decode_row(rows.words.tolist(), 0, packed=True)
    assert row == [(WIDE_SLOTS, -8)]


def example(label: str) -> list[int]:
    """Words of an example row in the document."""
    found = re.search(rf"^    {label} +((?:[0-9A-F]{{2}} *)+)$", PAGE, re.MULTILINE)
    assert found is not None
    data = bytes.fromhex(found[1])
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


@pytest.mark.parametrize("coding", Coding)
def test_example_of_the_document_is_what_is_written(coding: Coding) -> None:
    pairs = [(0, 3), (5, -2), (17, 7), (40, -8)]
    text = ", ".join(f"slot {slot}: {weight}" for slot, weight in pairs)
    assert f"The row {{{text}}}." in PAGE
    slots, weights = (np.array(column) for column in zip(*pairs, strict=True))
    words = example(coding.name.lower())
    rows = encode_rows(Synapses(np.array([0, 4]), slots, weights, 64), coding, 0, 1)
    assert rows.words.tolist() == words
    assert image_decoder.decode_row(words, 0, coding is Coding.PACKED) == pairs
    shifted = encode_rows(Synapses(np.array([0, 3]), slots[1:], weights[1:], 64), coding, 0, 1)
    assert coding is Coding.WIDE or shifted.words.tolist() == example("shifted")
    assert decode_row(np.array(words, np.uint16), 0, coding) == (pairs, len(words))


def test_numbers_of_the_document_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"| 4-14 | slot, 0..{WIDE_SLOTS - 1} |" in text
    assert WIDE_LAST == 1 << 15
    assert f"at most {WIDE_SLOTS} x L neurons" in text
    most = FILLER_ADVANCE * MAX_FILLER_GAP
    assert f"advances by {FILLER_ADVANCE} times its gap, so by {FILLER_ADVANCE} to {most}" in text
    assert f"or it is `0x{END:02X}`, which ends the row" in text
    assert f"No row begins below word {FIRST_ROW_WORD}" in text
    assert "coding of the rows: 0 wide, 1 packed" in text
    assert (Coding.WIDE, Coding.PACKED) == (0, 1)


def test_no_encoder_writes_these_and_no_decoder_takes_them() -> None:
    def words(*values: int) -> npt.NDArray[np.uint16]:
        return np.array(values, np.uint16)

    with pytest.raises(ValueError, match="word 0x0100 must not have a low byte of 0 within"):
        decode_row(words(0x1111, 0x0100), 0, Coding.PACKED)
    for coding in Coding:
        with pytest.raises(ValueError, match="a row must have an end"):
            decode_row(words(0x1111, 0x1111), 0, coding)
        with pytest.raises(ValueError, match="a row must have an end"):
            decode_row(words(0x8001), 1, coding)
    with pytest.raises(ValueError, match="a stored weight must not be 0"):
        decode_row(words(0x8010), 0, Coding.WIDE)


def bits_per_synapse(sparsity: float, lanes: int, coding: Coding | None) -> float:
    """Of 1024 to 1024, row starts included."""
    table = random_synapses(7, 1024, 1024, 1 - sparsity)
    chosen = smaller_coding(table, lanes) if coding is None else coding
    words = sum(
        len(encode_rows(table, chosen, k, lanes).words) + table.num_sources for k in range(lanes)
    )
    return 16 * words / table.num_synapses


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_packed_synapse_takes_at_most_eleven_bits_at_90_percent(lanes: int) -> None:
    assert bits_per_synapse(0.9, lanes, Coding.PACKED) <= 11


@pytest.mark.parametrize(
    ("sparsity", "most"),
    [(0.5, (8.1, 8.2, 8.3)), (0.8, (8.4, 8.6, 8.8)), (0.97, (16.6, 17.1, 18.2))],
)
def test_bits_per_synapse_with_row_starts(sparsity: float, most: tuple[float, ...]) -> None:
    for lanes, bits in zip((1, 2, 4), most, strict=True):
        assert bits_per_synapse(sparsity, lanes, None) <= bits
