"""What a flash holds for a core that loads itself: a header, and behind it the memory image.

The one home of these numbers; ``docs/memory_image.md`` tells them, the gates import them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from edgesnn.errors import ModelFileError
from edgesnn.memory_layout import HeaderWord

BOOT_MAGIC = b"ESNB"
BOOT_VERSION = 1
MAX_STEP_CYCLES = 2**32 - 1


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
FIXED_WORDS = (*struct.unpack("<2H", BOOT_MAGIC), BOOT_VERSION)
#: The same header in its fields: magic, version, window, image words, cycles of a step, CRC-32.
_HEADER = struct.Struct("<4sHHIII")


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
        if not 0 <= self.step_cycles <= MAX_STEP_CYCLES:
            raise ValueError(
                f"a time step must take 0 to {MAX_STEP_CYCLES} clock cycles, not {self.step_cycles}"
            )
        if not 1 <= self.window_steps < 2**16:
            raise ValueError(f"a window must have 1 to 65535 steps, not {self.window_steps}")

    @classmethod
    def of(cls, image: bytes, step_cycles: int) -> BootImage:
        """With the window that the image's own header tells."""
        return cls(image, step_cycles, int(np.frombuffer(image, "<u2")[HeaderWord.WINDOW_STEPS]))

    def encode(self) -> bytes:
        """The bytes of the flash."""
        fields = (BOOT_MAGIC, BOOT_VERSION, self.window_steps, len(self.image) // 2)
        header = _HEADER.pack(*fields, self.step_cycles, 0)[:-4]
        return header + zlib.crc32(header).to_bytes(4, "little") + self.image

    @classmethod
    def decode(cls, data: bytes) -> BootImage:
        """From the bytes of a flash; what follows does not matter. Raises ``ModelFileError``."""
        header, body = data[: _HEADER.size], data[_HEADER.size :]
        if len(header) < _HEADER.size:
            raise ModelFileError(f"a boot header must have {_HEADER.size} bytes, not {len(header)}")
        magic, version, window_steps, words, step_cycles, crc = _HEADER.unpack(header)
        if (magic, version) != (BOOT_MAGIC, BOOT_VERSION):
            raise ModelFileError(
                f"a boot image must begin with {BOOT_MAGIC!r} and version {BOOT_VERSION}, not "
                f"{magic!r} and {version}; make it with this version of edgesnn"
            )
        if crc != zlib.crc32(header[:-4]):
            raise ModelFileError("the CRC-32 of a boot header must match; it is damaged")
        if len(body) < 2 * words:
            raise ModelFileError(
                f"a boot image must hold {words} words behind its header, not {len(body) // 2}; "
                "its end is missing"
            )
        return cls(body[: 2 * words], step_cycles, window_steps)
