"""How the synapses of one row are written as 16-bit words, in two codings.

A row is the part of a source's fan-out that one lane owns. It says itself where it ends, so a
core finds it with one read of its row start. A row start of 0 means an empty row; no row lies
below word FIRST_ROW_WORD, so a core need look at the high byte of a row start only.

WIDE    one synapse a word: bits 0-3 weight code, bits 4-14 target slot, bit 15 set on the last
PACKED  two entries a word, the first in the low byte. An entry: bits 0-3 weight code, bits 4-7
        gap. The target slot advances by gap + 1 from the one before (from -1 at the start of a
        row). An entry of weight 0 is a filler: the slot advances by 16 times its gap. 0x00 in the
        high byte ends the row; as the first byte of a row it is nothing, and shifts what follows
        so that the end shares its word with the last synapse.

The target slot counts within the target population: neuron j is slot j // lanes of lane
j % lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edgesnn.synapses import Synapses

#: A wide word has eleven bits for the target slot.
WIDE_SLOTS = 1 << 11
WIDE_LAST = 1 << 15
FIRST_ROW_WORD = 256
#: The end of a row in the high byte, nothing in the low byte.
END = 0x00
#: What a unit of a filler's gap advances by, and the most that one filler does.
FILLER_ADVANCE = 16
MAX_FILLER_GAP = 15

Words = npt.NDArray[np.uint16]


class Coding(IntEnum):
    """Coding of the synapse words of a connection."""

    WIDE = 0
    PACKED = 1


@dataclass(frozen=True, eq=False)
class CodedRows:
    """The rows of one connection in one lane.

    words      uint16 [num_words], all rows, one after the other
    row_start  int64 [num_sources], index of the first word; -1 for an empty row
    num_words  int64 [num_sources], words of a row
    pairs      bool [num_words], words with two synapses: they occupy a lane for two cycles
    """

    words: Words
    row_start: npt.NDArray[np.int64]
    num_words: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.bool_]


def _lane_part(
    synapses: Synapses, lane: int, lanes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row lengths, target slots and weight nibbles of the synapses that one lane owns."""
    sources = np.repeat(np.arange(synapses.num_sources), np.diff(synapses.row_start))
    mine = synapses.targets % lanes == lane
    lengths = np.bincount(sources[mine], minlength=synapses.num_sources).astype(np.int64)
    slots = (synapses.targets[mine] // lanes).astype(np.int64)
    return lengths, slots, synapses.weights[mine].astype(np.int64) & 15


def _encode_wide(synapses: Synapses, lane: int, lanes: int) -> CodedRows:
    lengths, slots, nibbles = _lane_part(synapses, lane, lanes)
    words = (slots << 4) | nibbles
    ends = np.cumsum(lengths)
    words[ends[lengths > 0] - 1] |= WIDE_LAST
    row_start = np.where(lengths > 0, ends - lengths, -1)
    return CodedRows(words.astype(np.uint16), row_start, lengths, np.zeros(len(words), bool))


def _encode_packed(synapses: Synapses, lane: int, lanes: int) -> CodedRows:
    lengths, slots, nibbles = _lane_part(synapses, lane, lanes)
    num_rows = len(lengths)
    row_of = np.repeat(np.arange(num_rows), lengths)
    first = (np.cumsum(lengths) - lengths)[row_of]
    before = np.where(first == np.arange(len(slots)), -1, np.roll(slots, 1))
    units, gaps = np.divmod(slots - before - 1, FILLER_ADVANCE)
    fillers = -(-units // MAX_FILLER_GAP)

    # Fillers and synapses of each row, then an end mark. It has to lie in the high byte of a
    # word, so an even number of entries is preceded by nothing.
    entries = lengths + np.bincount(row_of, weights=fillers, minlength=num_rows).astype(np.int64)
    words_of_row = np.where(lengths > 0, entries // 2 + 1, 0)
    row_start = np.cumsum(words_of_row) - words_of_row
    begin = 2 * row_start + (entries % 2 == 0)

    # Position of each synapse's own entry: entries of earlier synapses of the row, plus fillers.
    running = np.cumsum(fillers + 1)
    earlier = (running - fillers - 1)[first]
    position = begin[row_of] + running - 1 - earlier
    coded = np.full(2 * int(words_of_row.sum()), END, np.int64)
    for back in range(1, int(fillers.max(initial=0)) + 1):
        coded[position[fillers >= back] - back] = MAX_FILLER_GAP << 4
    # The last filler before a synapse advances by what the full ones before it leave.
    some = fillers > 0
    coded[position[some] - 1] = (units - MAX_FILLER_GAP * (fillers - 1))[some] << 4
    coded[position] = gaps << 4 | nibbles

    low, high = coded[0::2], coded[1::2]
    pairs = (low & 15 != 0) & (high & 15 != 0)
    words = (low | high << 8).astype(np.uint16)
    return CodedRows(words, np.where(lengths > 0, row_start, -1), words_of_row, pairs)


def encode_rows(synapses: Synapses, coding: Coding, lane: int, lanes: int) -> CodedRows:
    """Encode what ``lane`` of ``lanes`` owns.

    Raises ``ValueError`` if the coding cannot hold the target population.
    """
    if coding is Coding.PACKED:
        return _encode_packed(synapses, lane, lanes)
    slots = -(-synapses.num_targets // lanes)
    if slots > WIDE_SLOTS:
        raise ValueError(
            f"the wide coding holds target populations of at most {WIDE_SLOTS * lanes} neurons "
            f"at {lanes} lanes, not {synapses.num_targets}; use the packed coding"
        )
    return _encode_wide(synapses, lane, lanes)


def decode_row(words: Words, start: int, coding: Coding) -> tuple[list[tuple[int, int]], int]:
    """The (target slot, weight code) pairs of the row at ``start``, and its number of words.

    The obvious inverse of :func:`encode_rows`, one entry at a time. Raises ``ValueError`` if the
    row runs past the last word or holds an entry that no encoder writes.
    """
    row = []
    slot = -1
    for index in range(start, len(words)):
        word = int(words[index])
        if coding is Coding.WIDE:
            row.append(((word >> 4) & (WIDE_SLOTS - 1), ((word & 15) ^ 8) - 8))
            if word & WIDE_LAST:
                break
            continue
        low, high = word & 0xFF, word >> 8
        if low == END and index > start:
            raise ValueError(f"word 0x{word:04x} must not have a low byte of 0 within a row")
        for entry in (low, high):
            if entry & 15:
                slot += (entry >> 4) + 1
                row.append((slot, ((entry & 15) ^ 8) - 8))
            else:
                slot += FILLER_ADVANCE * (entry >> 4)
        if high == END:
            break
    else:
        raise ValueError("a row must have an end")
    if any(weight == 0 for _, weight in row):
        raise ValueError("a stored weight must not be 0")
    return row, index - start + 1


def smaller_coding(synapses: Synapses, lanes: int) -> Coding:
    """The coding with fewer words over all lanes; WIDE if they are equal."""
    if -(-synapses.num_targets // lanes) > WIDE_SLOTS:
        return Coding.PACKED
    packed = sum(len(_encode_packed(synapses, k, lanes).words) for k in range(lanes))
    return Coding.PACKED if packed < synapses.num_synapses else Coding.WIDE
