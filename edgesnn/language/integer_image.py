"""The memory image of a language model: what the C runtime reads in place, from flash for example.

Little-endian; a header, a descriptor for each layer, the numbers, and a CRC-32 of all before. The
section "Memory image" of ``docs/egru.md`` is the specification.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError, ModelFileError
from edgesnn.language.integer_model import IntegerLayer, IntegerModel, Rows

MAGIC = b"ESNL"
IMAGE_VERSION = 1
#: Of units in a layer, and of tokens.
MAX_COUNT = 65535
MAX_BYTES = (1 << 31) - 1
#: What an entry without a weight passes over: multiples of 16 rows, up to this.
FILLER_ROWS, MAX_FILLER = 16, 240


class LayerKind(IntEnum):
    """Of all layers of a model."""

    EGRU = 1


class HeaderWord(IntEnum):
    """The header, in words of 32 bits; TABLE and SCORES are offsets in bytes."""

    MAGIC = 0
    VERSION = 1
    KIND = 2
    TOTAL_BYTES = 3
    NUM_TOKENS = 4
    NUM_LAYERS = 5
    TABLE = 6
    SCORES = 7


class LayerWord(IntEnum):
    """The descriptor of a layer, in words of 32 bits; all but the first are offsets in bytes."""

    NUM_UNITS = 0
    INPUTS = 1
    RECURRENT = 2
    THRESHOLDS = 3


Bytes = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]


def encode_columns(weights: npt.NDArray[np.int8]) -> tuple[Int64, Bytes]:
    """The weights that are not 0, source by source.

    weights   int8 [row, source], -7..7
    Returns where the entries of each source begin, int64 [source + 1], and uint8 entries.
    """
    sources, rows = np.nonzero(weights.T)
    values = weights.T[sources, rows].astype(np.int64)
    # Rows without a weight between one entry and the one before of the same source.
    before = np.roll(rows, 1)
    before[np.flatnonzero(np.diff(sources, prepend=-1))] = -1
    full, left = np.divmod(rows - before - 1, MAX_FILLER)
    ends = np.cumsum(1 + full + (left >= FILLER_ROWS))
    entries = np.full(int(ends[-1]) if len(ends) else 0, MAX_FILLER, np.uint8)
    fill = left >= FILLER_ROWS
    entries[ends[fill] - 2] = left[fill] & ~(FILLER_ROWS - 1)
    entries[ends - 1] = (left & (FILLER_ROWS - 1)) << 4 | (values & 15)
    counts = np.searchsorted(sources, np.arange(weights.shape[1] + 1))
    return np.concatenate(([0], ends))[counts].astype(np.int64), entries


def decode_columns(starts: Int64, entries: Bytes, num_rows: int) -> npt.NDArray[np.int8]:
    """Weights int8 [row, source] from what :func:`encode_columns` returns.

    Raises ``ValueError`` for starts that do not cut the entries, and rows that there are not.
    """
    if starts[0] != 0 or starts[-1] != len(entries) or (np.diff(starts) < 0).any():
        raise ValueError("the entries of sources must lie one after the other")
    low, high = entries.astype(np.int64) & 15, entries.astype(np.int64) >> 4
    sources = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    passed = np.concatenate(([0], np.cumsum(np.where(low == 0, entries, high + 1))))
    rows = passed[1:] - passed[starts[sources]] - 1
    if len(rows) and rows.max() >= num_rows:
        raise ValueError(f"entries must be of rows below {num_rows}")
    found = np.zeros((num_rows, len(starts) - 1), np.int8)
    kept = low != 0
    found[rows[kept], sources[kept]] = (low[kept] ^ 8) - 8
    return found


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _matrix(rows: Rows) -> bytes:
    starts, entries = encode_columns(rows.weights)
    scales = np.stack((rows.multipliers, rows.bias), axis=1)
    return scales.astype("<i4").tobytes() + starts.astype("<u4").tobytes() + entries.tobytes()


def _int16(values: npt.NDArray[np.int16]) -> bytes:
    return values.astype("<i2").tobytes()


def encode_image(model: IntegerModel) -> bytes:
    """The memory image; its length is a multiple of 4.

    Raises ``InputError`` if units of a layer, tokens or bytes are more than an image holds.
    """
    counts = [model.num_tokens, *(layer.num_units for layer in model.layers)]
    if not all(1 <= count <= MAX_COUNT for count in counts):
        raise InputError(
            f"tokens, and units of each layer, must be 1..{MAX_COUNT} in a memory image, not "
            f"{', '.join(map(str, counts))}: make the model again with others"
        )
    layer_bytes = 4 * len(LayerWord)
    at = 4 * len(HeaderWord) + layer_bytes * len(model.layers)
    parts: list[bytes] = []

    def place(data: bytes) -> int:
        nonlocal at
        first = at
        parts.append(_padded(data))
        at += len(parts[-1])
        return first

    table = place(_int16(model.table))
    descriptors = [
        {
            LayerWord.NUM_UNITS: layer.num_units,
            LayerWord.INPUTS: 0 if layer.inputs is None else place(_matrix(layer.inputs)),
            LayerWord.RECURRENT: place(_matrix(layer.recurrent)),
            LayerWord.THRESHOLDS: place(_int16(layer.thresholds)),
        }
        for layer in model.layers
    ]
    scores = place(_matrix(model.scores))
    if at + 4 > MAX_BYTES:
        raise InputError(f"a memory image must have at most {MAX_BYTES} bytes, not {at + 4}")
    header = {
        HeaderWord.MAGIC: int.from_bytes(MAGIC, "little"),
        HeaderWord.VERSION: IMAGE_VERSION,
        HeaderWord.KIND: LayerKind.EGRU,
        HeaderWord.TOTAL_BYTES: at + 4,
        HeaderWord.NUM_TOKENS: model.num_tokens,
        HeaderWord.NUM_LAYERS: len(model.layers),
        HeaderWord.TABLE: table,
        HeaderWord.SCORES: scores,
    }
    words = [header[name] for name in HeaderWord]
    words += [descriptor[name] for descriptor in descriptors for name in LayerWord]
    data = np.array(words, "<u4").tobytes() + b"".join(parts)
    return data + zlib.crc32(data).to_bytes(4, "little")


class _Reader:
    """Takes numbers from an image, one after the other, and never beyond its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, kind: str, *shape: int) -> npt.NDArray[Any]:
        """An array of that dtype and shape. Raises ``ValueError`` at the end of the image."""
        count = 1
        for size in shape:
            count *= size
        end = self.at + count * np.dtype(kind).itemsize
        if end > len(self.data):
            raise ValueError("its numbers must end within the image")
        found = np.frombuffer(self.data, kind, count, self.at).reshape(shape)
        self.at = end
        return found

    def pad(self) -> None:
        self.at += -self.at % 4

    def matrix(self, num_rows: int, num_sources: int) -> Rows:
        scales = self.take("<i4", num_rows, 2).astype(np.int32)
        starts = self.take("<u4", num_sources + 1).astype(np.int64)
        entries = self.take("u1", int(starts[-1]))
        self.pad()
        weights = decode_columns(starts, entries, num_rows)
        return Rows(weights, scales[:, 0].copy(), scales[:, 1].copy())

    def int16(self, *shape: int) -> npt.NDArray[np.int16]:
        found = self.take("<i2", *shape).astype(np.int16)
        self.pad()
        return found


def _model(data: bytes) -> IntegerModel:
    """What an image without its CRC-32 describes; offsets are not looked at."""
    reader = _Reader(data)
    header = reader.take("<u4", len(HeaderWord)).tolist()
    num_tokens = header[HeaderWord.NUM_TOKENS]
    words = reader.take("<u4", header[HeaderWord.NUM_LAYERS], len(LayerWord))
    sizes = [int(count) for count in words[:, LayerWord.NUM_UNITS]]
    if not all(1 <= count <= MAX_COUNT for count in (num_tokens, len(sizes), *sizes)):
        raise ValueError(f"tokens, layers and units must be 1..{MAX_COUNT}")
    table = reader.int16(num_tokens, 3 * sizes[0])
    layers = []
    for place, size in enumerate(sizes):
        inputs = reader.matrix(3 * size, sizes[place - 1]) if place else None
        recurrent = reader.matrix(3 * size, size)
        layers.append(IntegerLayer(inputs, recurrent, reader.int16(size)))
    return IntegerModel(table, tuple(layers), reader.matrix(num_tokens, sizes[-1]))


def decode_image(image: bytes) -> IntegerModel:
    """The model in a memory image.

    Raises ``ModelFileError`` for anything that :func:`encode_image` would not have written.
    """
    least = 4 * len(HeaderWord) + 4
    if len(image) < least:
        raise ModelFileError(
            f"an image of a language model must have at least {least} bytes, not {len(image)}"
        )
    if image[:4] != MAGIC:
        raise ModelFileError(
            f"an image of a language model must begin with {MAGIC!r}, not {image[:4]!r}; one that "
            "begins with b'ESNI' is of a spiking network"
        )
    header = np.frombuffer(image, "<u4", len(HeaderWord)).tolist()
    if header[HeaderWord.VERSION] != IMAGE_VERSION:
        raise ModelFileError(
            f"image version must be {IMAGE_VERSION}, not {header[HeaderWord.VERSION]}; make the "
            "image again with this version of edgesnn"
        )
    if header[HeaderWord.KIND] != LayerKind.EGRU:
        raise ModelFileError(
            f"layers must be of kind {LayerKind.EGRU:d} (EGRU), not {header[HeaderWord.KIND]}; "
            "read the image with the version of edgesnn that made it"
        )
    if zlib.crc32(image[:-4]) != int.from_bytes(image[-4:], "little"):
        raise ModelFileError("the CRC-32 must match the image; the image is damaged")
    try:
        model = _model(image[:-4])
        again = encode_image(model)
    except (ValueError, InputError) as error:
        raise ModelFileError(f"the memory image is inconsistent: {error}") from error
    # One model has one image: whatever a reader might overlook shows up as a difference here.
    if again != image:
        raise ModelFileError("the memory image differs from what its own model would give")
    return model
