"""Memory images that are wrong in a few words, with a CRC-32 that says they are right."""

from __future__ import annotations

import zlib

import numpy as np

from edgesnn.memory_image import pack_placement
from edgesnn.memory_layout import HEADER_WORDS
from edgesnn.placement import place
from tests.strategies import random_network

LANES = (1, 1, 2, 4, 16)


def small_image(rng: np.random.Generator) -> bytes:
    """The image of a small random network, with currents or delays or none."""
    network = random_network(
        rng,
        max_populations=3,
        max_size=24,
        max_synapses=200,
        currents=bool(rng.integers(2)),
        delays=bool(rng.integers(2)),
    )
    return pack_placement(place(network, int(rng.choice(LANES))))


def section_at(image: bytes, region: int, lane: int = 0) -> int:
    """Word at which the elements of a section begin."""
    words = np.frombuffer(image, "<u2")
    at = HEADER_WORDS
    while words[at] != region | lane << 8:
        at += 4 + (int(words[at + 1]) * int(words[at + 2]) + 1) // 2 * 2
    return at + 4


def sealed(words: np.ndarray) -> bytes:
    """The words of an image without its CRC-32, with one."""
    data = words.astype("<u2").tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def mutated(image: bytes, rng: np.random.Generator) -> bytes:
    """An image with one to three words changed: a bit, by one, to anything, or swapped."""
    words = np.frombuffer(image[:-4], "<u2").copy()
    # The zeros between row starts and rows are most of a small image, and all alike.
    interesting = np.flatnonzero(words)
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.random()
        if kind < 0.3:
            at = int(rng.integers(HEADER_WORDS))
        elif kind < 0.9:
            at = int(rng.choice(interesting))
        else:
            at = int(rng.integers(len(words)))
        change = int(rng.integers(5))
        if change == 0:
            words[at] ^= np.uint16(1 << int(rng.integers(16)))
        elif change == 1:
            words[at] = (int(words[at]) + int(rng.choice([-1, 1]))) & 0xFFFF
        elif change == 2:
            words[at] = int(rng.integers(65536))
        elif change == 3:
            words[at] = int(rng.choice([0, 1, 0x7FFF, 0x8000, 0xFFFF]))
        else:
            other = int(rng.choice(interesting))
            words[[at, other]] = words[[other, at]]
    return sealed(words)
