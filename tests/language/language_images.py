"""Memory images of language models: read by the page alone, damaged, and unsound in one place."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from edgesnn.firmware_status import FirmwareStatus as Status
from edgesnn.language.integer_image import HeaderWord, LayerWord, encode_image
from edgesnn.language.integer_model import IntegerLayer, IntegerModel, Rows
from tests.language.random_integers import random_model

#: (weight, row) of a source.
Pairs = list[tuple[int, int]]


def word(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 4], "little")


@dataclass(frozen=True)
class PageMatrix:
    """A matrix: (multiplier, bias) of each row, and the weights of each source.

    starts    offset of the word where the first source begins
    entries   offset of the first entry
    """

    scales: list[tuple[int, int]]
    sources: list[Pairs]
    starts: int
    entries: int


def read_source(entries: bytes) -> Pairs:
    """Weights from the entries of one source, one byte after the other."""
    found, row = [], -1
    for byte in entries:
        weight = byte & 15
        if weight == 0:
            row += byte
        else:
            row += (byte >> 4) + 1
            found.append((weight - 16 if weight > 7 else weight, row))
    return found


def read_matrix(image: bytes, at: int, rows: int, sources: int) -> PageMatrix:
    scales = [struct.unpack_from("<ii", image, at + 8 * row) for row in range(rows)]
    starts = at + 8 * rows
    entries = starts + 4 * (sources + 1)
    bounds = [entries + word(image, starts + 4 * k) for k in range(sources + 1)]
    parts = [image[a:b] for a, b in pairwise(bounds)]
    return PageMatrix(scales, [read_source(part) for part in parts], starts, entries)


class PageReader:
    """An image read as docs/egru.md says, through its offsets."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        self.tokens = word(image, 16)
        self.layers = [
            struct.unpack_from("<4I", image, 32 + 16 * k) for k in range(word(image, 20))
        ]
        self.sizes = [layer[0] for layer in self.layers]

    def table(self) -> list[tuple[int, ...]]:
        rows = 3 * self.sizes[0]
        at = word(self.image, 24)
        return [
            struct.unpack_from(f"<{rows}h", self.image, at + 2 * rows * t)
            for t in range(self.tokens)
        ]

    def inputs(self, layer: int) -> PageMatrix:
        size, at, _, _ = self.layers[layer]
        return read_matrix(self.image, at, 3 * size, self.sizes[layer - 1])

    def recurrent(self, layer: int) -> PageMatrix:
        size, _, at, _ = self.layers[layer]
        return read_matrix(self.image, at, 3 * size, size)

    def thresholds(self, layer: int) -> tuple[int, ...]:
        size, _, _, at = self.layers[layer]
        return struct.unpack_from(f"<{size}h", self.image, at)

    def scores(self) -> PageMatrix:
        return read_matrix(self.image, word(self.image, 28), self.tokens, self.sizes[-1])


def sealed(data: bytes) -> bytes:
    """The bytes of an image without its CRC-32, with one."""
    return data + zlib.crc32(data).to_bytes(4, "little")


def patched(image: bytes, at: int, data: bytes) -> bytes:
    """An image with other bytes at an offset, and the CRC-32 that it should have."""
    assert 0 <= at <= len(image) - 4 - len(data)
    return sealed(image[:at] + data + image[at + len(data) : -4])


def mutated(image: bytes, rng: np.random.Generator) -> bytes:
    """An image with one to three places changed and the CRC-32 that it should have."""
    data = bytearray(image[:-4])
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(64 if rng.random() < 0.3 else len(data)))
        change = int(rng.integers(4))
        if change == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif change == 1:
            data[at] = int(rng.integers(256))
        elif change == 2:
            near = word(data, at & ~3) + int(rng.choice([-4, -1, 1, 4]))
            data[at & ~3 : (at & ~3) + 4] = (near % (1 << 32)).to_bytes(4, "little")
        else:
            other = int(rng.integers(len(data)))
            data[at], data[other] = data[other], data[at]
    return sealed(bytes(data))


def small_model() -> IntegerModel:
    """Two layers of 3 and 2 units, 3 tokens: every part of its image but one is padded."""
    return random_model(7, (3, 2), 3, 0.7)


def wide_model(weights: dict[int, int], units: int = 100) -> IntegerModel:
    """One layer; the first source has these weights by row, and the others none."""
    dense = np.zeros((3 * units, units), np.int8)
    dense[list(weights), 0] = list(weights.values())

    def rows(matrix: np.ndarray) -> Rows:
        return Rows(matrix, *np.zeros((2, len(matrix)), np.int32))

    layer = IntegerLayer(None, rows(dense), np.zeros(units, np.int16))
    table = np.zeros((2, 3 * units), np.int16)
    return IntegerModel(table, (layer,), rows(np.zeros((2, units), np.int8)))


def u32(value: int) -> bytes:
    return (value % (1 << 32)).to_bytes(4, "little")


def at_the_limit() -> list[tuple[bytes, bytes]]:
    """Images of which a row can reach 2^30, or just not, and the same with 1 more in size."""
    found = []
    for weight, units, multiplier, sign in (
        (7, 40, (1 << 46) // (255 * 7 * 40), 1),
        (1, 3, (1 << 31) - 1, 1),
        (1, 1, 1, -1),
        (0, 2, 5, -1),
    ):
        model = wide_model({}, units)
        recurrent = model.layers[0].recurrent
        recurrent.weights[0] = weight
        # What the row reaches before its bias, rounded up.
        reached = -(-255 * weight * units * multiplier >> 16)
        recurrent.multipliers[0], recurrent.bias[0] = multiplier, sign * ((1 << 30) - reached)
        image = encode_image(model)
        row = word(image, 32 + 4 * LayerWord.RECURRENT)
        at, more = (row + 4, sign) if recurrent.bias[0] else (row, 1)
        value = int.from_bytes(image[at : at + 4], "little") + more
        found.append((image, patched(image, at, u32(value))))
    return found


def wrapping_table() -> bytes:
    """Of a table of so many bytes that 32 bits hold only the last 65,534 of them."""
    tokens, units = 10_923, 65_535
    parts = [
        bytes(65_536),
        bytes(8 * 3 * units + 4 * (units + 1)),
        bytes(2 * units + 2),
        bytes(8 * tokens + 4 * (units + 1)),
    ]
    at = [48 + sum(map(len, parts[:k])) for k in range(5)]
    header = [at[4] + 4, tokens, 1, at[0], at[3], units, 0, at[1], at[2]]
    return sealed(encode_image(small_model())[:12] + b"".join(map(u32, header)) + b"".join(parts))


@cache
def unsound() -> dict[str, tuple[bytes, Status]]:
    """Images with a right CRC-32 that must be refused, and why."""
    image = encode_image(small_model())
    page = PageReader(image)
    recurrent, scores = page.recurrent(0), page.scores()
    first, second, matrix = 32, 48, page.layers[0][LayerWord.RECURRENT]
    entry, last = recurrent.entries, word(image, recurrent.starts + 12)
    thresholds = page.layers[0][LayerWord.THRESHOLDS]
    header = {name: 4 * name for name in HeaderWord}
    one = 1 << 32
    cases: dict[str, tuple[int, bytes, Status]] = {
        "magic": (0, b"ESNI", Status.BAD_MAGIC),
        "version": (header[HeaderWord.VERSION], u32(2), Status.BAD_VERSION),
        "kind": (header[HeaderWord.KIND], u32(2), Status.NO_FEATURE),
        "total": (header[HeaderWord.TOTAL_BYTES], u32(len(image) + 4), Status.BAD_LENGTH),
        "no tokens": (header[HeaderWord.NUM_TOKENS], u32(0), Status.BAD_HEADER),
        "a token more": (header[HeaderWord.NUM_TOKENS], u32(4), Status.BAD_SECTION),
        "a token less": (header[HeaderWord.NUM_TOKENS], u32(2), Status.BAD_SECTION),
        "most tokens": (header[HeaderWord.NUM_TOKENS], u32(65535), Status.BAD_SECTION),
        "too many tokens": (header[HeaderWord.NUM_TOKENS], u32(65536), Status.BAD_HEADER),
        "far too many tokens": (header[HeaderWord.NUM_TOKENS], u32(one - 1), Status.BAD_HEADER),
        "no layers": (header[HeaderWord.NUM_LAYERS], u32(0), Status.BAD_HEADER),
        "a layer more": (header[HeaderWord.NUM_LAYERS], u32(3), Status.BAD_SECTION),
        "a layer less": (header[HeaderWord.NUM_LAYERS], u32(1), Status.BAD_SECTION),
        "most layers": (header[HeaderWord.NUM_LAYERS], u32(65535), Status.BAD_SECTION),
        "too many layers": (header[HeaderWord.NUM_LAYERS], u32(1 << 28), Status.BAD_HEADER),
        "table elsewhere": (header[HeaderWord.TABLE], u32(68), Status.BAD_SECTION),
        "scores elsewhere": (header[HeaderWord.SCORES], u32(one - 4), Status.BAD_SECTION),
        "no units": (first, u32(0), Status.BAD_HEADER),
        "a unit more": (first, u32(4), Status.BAD_SECTION),
        "most units": (first, u32(65535), Status.BAD_SECTION),
        "too many units": (first, u32(65536), Status.BAD_HEADER),
        "units that wrap": (second, u32(one // 3 + 2), Status.BAD_HEADER),
        "inputs of the first layer": (first + 4, u32(64), Status.BAD_SECTION),
        "no inputs of the second layer": (second + 4, u32(0), Status.BAD_SECTION),
        "recurrent elsewhere": (first + 8, u32(one - 8), Status.BAD_SECTION),
        "thresholds elsewhere": (second + 12, u32(0), Status.BAD_SECTION),
        "behind the table": (word(image, 24) + 54, b"\1", Status.BAD_SECTION),
        "behind entries": (entry + last, b"\1", Status.BAD_SECTION),
        "behind thresholds": (thresholds + 6, b"\0\1", Status.BAD_SECTION),
        "first start": (recurrent.starts, u32(1), Status.BAD_SECTION),
        "starts that fall": (recurrent.starts + 4, u32(last + 1), Status.BAD_SECTION),
        "a start below 0": (recurrent.starts + 8, u32(-1), Status.BAD_SECTION),
        "last start": (recurrent.starts + 12, u32(last + 4), Status.BAD_SECTION),
        "end far away": (recurrent.starts + 12, u32(one - 8), Status.BAD_SECTION),
        "end just beyond": (
            scores.starts + 8,
            u32(word(image, scores.starts + 8) + 5),
            Status.BAD_SECTION,
        ),
        "weight of -8": (entry, b"\x08", Status.BAD_ROW),
        "row beyond": (entry, b"\xf1", Status.BAD_ROW),
        "entry of nothing": (entry, b"\0", Status.BAD_ROW),
        "filler beyond": (entry, b"\xf0", Status.BAD_ROW),
        "multiplier below 0": (matrix, u32(-1), Status.BAD_PARAMETER),
        "multiplier of the last row": (matrix + 64, u32(-(1 << 31)), Status.BAD_PARAMETER),
        "largest bias": (matrix + 4, u32((1 << 31) - 1), Status.CAN_OVERFLOW),
        "smallest bias": (matrix + 4, u32(-(1 << 31)), Status.CAN_OVERFLOW),
        "bias of scores": (word(image, 28) + 4, u32((1 << 30) + 1), Status.CAN_OVERFLOW),
        "threshold below 0": (thresholds, b"\xff\xff", Status.BAD_PARAMETER),
        "threshold above 1": (thresholds + 4, b"\x01\x40", Status.BAD_PARAMETER),
    }
    found = {name: (patched(image, at, data), status) for name, (at, data, status) in cases.items()}
    found["shorter"] = sealed(image[:-8]), Status.BAD_LENGTH
    found["longer"] = sealed(image[:-4] + bytes(4)), Status.BAD_LENGTH
    longer = image[:12] + u32(len(image) + 4) + image[16:-4] + bytes(4)
    found["longer, and says so"] = sealed(longer), Status.BAD_SECTION
    odd = image[:12] + u32(len(image) + 1) + image[16:-4] + b"\0"
    found["not a multiple of 4"] = sealed(odd), Status.BAD_LENGTH
    # Weights in rows 7 and 297: 0x73 0xF0 0x30 0x1F.
    wide = encode_image(wide_model({7: 3, 297: -1}))
    at = PageReader(wide).recurrent(0).entries
    for name, entries in {
        "fillers in another order": b"\x73\x30\xf0\x1f",
        "fillers that are not full": b"\x73\x90\x90\x1f",
        "a filler at the end": b"\x73\x1f\xf0\x30",
        "a filler of nothing": b"\x73\xf0\x00\x1f",
    }.items():
        found[name] = patched(wide, at, entries), Status.BAD_ROW
    # Weight 3 in row 290 of 300: 0xF0 0x30 0x23.
    wide = encode_image(wide_model({290: 3}))
    at = PageReader(wide).recurrent(0).entries
    found["row just beyond"] = patched(wide, at + 2, b"\xc3"), Status.BAD_ROW
    # A row of which 32 bits of the size are little.
    full = wide_model({}, 111)
    full.layers[0].recurrent.weights[0] = 7
    image = encode_image(full)
    row = word(image, 32 + 4 * LayerWord.RECURRENT)
    found["a row far too large"] = patched(image, row, u32(21846 << 16)), Status.CAN_OVERFLOW
    return found
