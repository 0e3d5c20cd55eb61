"""The boot image: as the document says, whole or refused."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from edgesnn.boot_image import BOOT_HEADER_WORDS, BootImage, BootWord
from edgesnn.errors import ModelFileError
from edgesnn.memory_image import pack
from tests.small_board import SMALL, small_network

IMAGE = pack(small_network(), SMALL)
PAGE = (Path(__file__).parents[1] / "docs/memory_image.md").read_text()


def test_what_is_encoded_is_decoded_whatever_follows() -> None:
    boot = BootImage.of(IMAGE, 123_456_789)
    assert boot.window_steps == small_network().readout.window_steps
    assert BootImage.decode(boot.encode()) == boot
    assert BootImage.decode(boot.encode() + b"\xff" * 100) == boot


def test_every_damaged_byte_of_the_header_is_noticed() -> None:
    data = BootImage.of(IMAGE, 50_000).encode()
    for at in range(2 * BOOT_HEADER_WORDS):
        with pytest.raises(ModelFileError):
            BootImage.decode(data[:at] + bytes((data[at] ^ 0x40,)) + data[at + 1 :])


@pytest.mark.parametrize("length", [0, 3, 19, 20, 100, -1])
def test_a_cut_boot_image_is_refused(length: int) -> None:
    with pytest.raises(ModelFileError, match="must"):
        BootImage.decode(BootImage.of(IMAGE, 50_000).encode()[:length])


@pytest.mark.parametrize(
    ("cycles", "window", "message"),
    [
        (-1, 10, "0 to 4294967295 clock cycles, not -1"),
        (2**32, 10, "not 4294967296"),
        (1, 0, "1 to 65535 steps, not 0"),
        (1, 65536, "not 65536"),
    ],
)
def test_what_the_header_cannot_hold_is_refused(cycles: int, window: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BootImage(IMAGE, cycles, window)


def test_the_document_has_every_word() -> None:
    table = PAGE[PAGE.index("## The boot image") :]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", table, re.MULTILINE)
    assert rows == [(str(int(word)), word.name) for word in BootWord]


def test_the_example_of_the_document_is_made_here() -> None:
    example = re.search(r"```boot\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    header = bytes.fromhex(example[1])
    made = BootImage(bytes(640 * 2), 50_000, 25).encode()[: 2 * BOOT_HEADER_WORDS]
    assert header == made
    assert zlib.crc32(header[:-4]) == int.from_bytes(header[-4:], "little")
