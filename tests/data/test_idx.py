"""IDX files, plain and gzipped: what is in them, and which are refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from edgesnn.data.idx import read_idx, read_labelled_images
from edgesnn.errors import InputError

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx_bytes(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_array_is_read_from_a_plain_and_from_a_gzipped_file(tmp_path: Path, name: str) -> None:
    data = idx_bytes(PIXELS)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert np.array_equal(read_idx(tmp_path / name), PIXELS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must begin as an IDX file of unsigned bytes"),
        (b"\0\0\x0d\x01\0\0\0\0", "must begin as an IDX file of unsigned bytes"),
        (idx_bytes(PIXELS)[:-1], r"must hold 16 \+ 2 \* 3 \* 4 bytes, not 39"),
        (idx_bytes(PIXELS) + b"x", r"must hold 16 \+ 2 \* 3 \* 4 bytes, not 41"),
    ],
)
def test_file_that_is_not_whole_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "images").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_idx(tmp_path / "images")


def test_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx_bytes(PIXELS))[:-4])
    with pytest.raises(InputError, match="must be a whole gzip file"):
        read_idx(tmp_path / "images.gz")


def test_images_come_with_their_labels(tmp_path: Path) -> None:
    labels = np.array([7, 2], np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(PIXELS))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    images, found = read_labelled_images(tmp_path, "train")
    assert np.array_equal(images, PIXELS)
    assert found.tolist() == [7, 2]
    assert found.dtype == np.int64
    with pytest.raises(InputError, match="must hold t10k-images-idx3-ubyte or t10k-images"):
        read_labelled_images(tmp_path, "t10k")
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels[:1])))
    with pytest.raises(InputError, match="as many labels"):
        read_labelled_images(tmp_path, "train")
