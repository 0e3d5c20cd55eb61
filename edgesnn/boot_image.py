"""What a flash holds for a core that loads itself: a header, and behind it the memory image.

The one home of these numbers; ``docs/memory_image.md`` tells them, the gates import them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from edgesnn.errors import ModelFileError
from edgesnn.memory_layout import HeaderWord

BOOT_MAGIC = b"ESNB"
BOOT_VERSION = 1


class BootWord(IntEnum):
    """16-bit words of the boot header, low byte first; numbers of two words low word first."""

    MAGIC_LOW = 0
    MAGIC_HIGH = 1
    VERSION = 2
    WINDOW_STEPS = 3
    IMAGE_WORDS_LOW = 4
    IMAGE_WORDS_HIGH = 5
    STEP_CYCLES_LOW = 6
    STEP_CYCLES_HIGH = 7
    CRC_LOW = 8
    CRC_HIGH = 9


BOOT_HEADER_WORDS = len(BootWord)
#: What the first words of every boot header are.
FIXED_WORDS = (*np.frombuffer(BOOT_MAGIC, "<u2").tolist(), BOOT_VERSION)


@dataclass(frozen=True)
class BootImage:
    """A memory image, and how a device runs it that nobody speaks to.

    image         the memory image
    step_cycles   clock cycles of a time step; 0: it is loaded and waits for a host
    window_steps  time steps of one decision, 1..65535
    """

    image: bytes
    step_cycles: int
    window_steps: int

    def __post_init__(self) -> None:
        if not 0 <= self.step_cycles < 2**32:
            raise ValueError(
                f"a time step must take 0 to {2**32 - 1} clock cycles, not {self.step_cycles}"
            )
        if not 1 <= self.window_steps < 2**16:
            raise ValueError(f"a window must have 1 to 65535 steps, not {self.window_steps}")

    @classmethod
    def of(cls, image: bytes, step_cycles: int) -> BootImage:
        """With the window that the image's own header tells."""
        return cls(image, step_cycles, int(np.frombuffer(image, "<u2")[HeaderWord.WINDOW_STEPS]))

    def encode(self) -> bytes:
        """The bytes of the flash."""
        words = {
            BootWord.WINDOW_STEPS: self.window_steps,
            BootWord.IMAGE_WORDS_LOW: len(self.image) // 2 & 0xFFFF,
            BootWord.IMAGE_WORDS_HIGH: len(self.image) // 2 >> 16,
            BootWord.STEP_CYCLES_LOW: self.step_cycles & 0xFFFF,
            BootWord.STEP_CYCLES_HIGH: self.step_cycles >> 16,
        }
        header = np.array([*FIXED_WORDS, *(words[w] for w in sorted(words))], "<u2").tobytes()
        return header + zlib.crc32(header).to_bytes(4, "little") + self.image

    @classmethod
    def decode(cls, data: bytes) -> BootImage:
        """From the bytes of a flash, of which any may follow. Raises ``ModelFileError``."""
        size = 2 * BOOT_HEADER_WORDS
        header = np.frombuffer(data[: size - len(data[:size]) % 2], "<u2").tolist()
        if len(header) < BOOT_HEADER_WORDS or tuple(header[: len(FIXED_WORDS)]) != FIXED_WORDS:
            raise ModelFileError(
                f"a boot image must begin with {BOOT_MAGIC!r} and version {BOOT_VERSION}; "
                "make it with this version of edgesnn"
            )
        crc = header[BootWord.CRC_LOW] | header[BootWord.CRC_HIGH] << 16
        if crc != zlib.crc32(data[: size - 4]):
            raise ModelFileError("the CRC-32 of a boot header must match; it is damaged")
        words = header[BootWord.IMAGE_WORDS_LOW] | header[BootWord.IMAGE_WORDS_HIGH] << 16
        image = data[size : size + 2 * words]
        if len(image) != 2 * words:
            raise ModelFileError(
                f"a boot image must hold {words} words behind its header; its end is missing"
            )
        cycles = header[BootWord.STEP_CYCLES_LOW] | header[BootWord.STEP_CYCLES_HIGH] << 16
        return cls(image, cycles, header[BootWord.WINDOW_STEPS])
