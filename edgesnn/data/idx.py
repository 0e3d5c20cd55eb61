"""The IDX format of MNIST and Fashion-MNIST: big-endian sizes, then bytes; perhaps gzipped.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database, "file formats".
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

#: The type of an element: unsigned bytes, the only one that these data sets use.
_UNSIGNED_BYTE = 8


def _bytes_of(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} must be a whole gzip file: {error}") from None


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes; a name that ends with ``.gz`` is unpacked.

    Raises ``InputError`` if the file is no such file or is not whole.
    """
    data = _bytes_of(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or not data[3]:
        raise InputError(f"{path} must begin as an IDX file of unsigned bytes (00 00 08 ..)")
    first = 4 + 4 * data[3]
    sizes = [int.from_bytes(data[at : at + 4], "big") for at in range(4, first, 4)]
    if len(data) != first + math.prod(sizes):
        raise InputError(
            f"{path} must hold {first} + {' * '.join(map(str, sizes))} bytes, not {len(data)}"
        )
    return np.frombuffer(data, np.uint8, offset=first).reshape(sizes)


def read_labelled_images(
    folder: Path, part: str
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images [count, height, width] and labels [count] of ``part`` ("train" or "t10k").

    The files are ``<part>-images-idx3-ubyte`` and ``<part>-labels-idx1-ubyte``, each perhaps with
    ``.gz``. Raises ``InputError``.
    """
    arrays = []
    for kind in ("images-idx3", "labels-idx1"):
        plain = folder / f"{part}-{kind}-ubyte"
        path = plain if plain.is_file() else plain.with_name(f"{plain.name}.gz")
        if not path.is_file():
            raise InputError(f"{folder} must hold {plain.name} or {plain.name}.gz")
        arrays.append(read_idx(path))
    images, labels = arrays
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise InputError(
            f"{folder} must hold images [count, height, width] and as many labels, "
            f"not {list(images.shape)} and {list(labels.shape)}"
        )
    return images, labels.astype(np.int64)
