"""Bits per synapse in other forms, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.compress.storage import bits_per_synapse, entropy
from edgesnn.synapses import Synapses


def test_entropy_of_known_sources() -> None:
    assert entropy([1, 1]) == 1
    assert entropy([3] * 16) == pytest.approx(4)
    assert entropy([9, 0]) == entropy([]) == 0
    assert entropy([1, 3]) == pytest.approx(2 - 0.75 * np.log2(3))


def test_bits_of_a_matrix_that_can_be_counted_by_hand() -> None:
    dense = np.zeros((4, 8), int)
    dense[0, :4] = [1, 2, 1, 2]
    dense[3, 0:8:2] = [1, 2, 1, 2]
    bits = bits_per_synapse(Synapses.from_dense(dense))
    assert bits.dense == 4 * 32 / 8
    # Five row starts of 4 bits, which count to 8.
    assert bits.indexed == 12 + 4 + 5 * 4 / 8
    places = -(np.log2(0.25) / 4 + 0.75 * np.log2(0.75)) * 32 / 8
    assert bits.entropy == pytest.approx(places + 1)


def test_a_full_matrix_of_all_codes_needs_its_four_bits() -> None:
    codes = np.tile([code for code in range(-8, 8) if code], (15, 4))
    bits = bits_per_synapse(Synapses.from_dense(codes))
    assert bits.dense == 4
    assert bits.entropy == pytest.approx(np.log2(15))


def test_more_than_4096_targets_need_a_longer_index() -> None:
    row = np.ones((1, 4096), int)
    assert bits_per_synapse(Synapses.from_dense(row)).indexed == 16 + 2 * 13 / 4096
    row = np.ones((1, 4097), int)
    assert bits_per_synapse(Synapses.from_dense(row)).indexed == 17 + 2 * 13 / 4097


def test_no_synapse_takes_no_bits() -> None:
    bits = bits_per_synapse(Synapses.from_dense(np.zeros((3, 3), int)))
    assert (bits.dense, bits.indexed, bits.entropy) == (0, 0, 0)


def test_an_arithmetic_coder_cannot_beat_the_limit_on_random_matrices() -> None:
    """zlib is no arithmetic coder, but a real one: it stays above."""
    import zlib

    rng = np.random.default_rng(0)
    dense = rng.integers(-7, 8, (300, 300)) * (rng.random((300, 300)) < 0.1)
    synapses = Synapses.from_dense(dense)
    zipped = 8 * len(zlib.compress(dense.astype(np.int8).tobytes(), 9)) / synapses.num_synapses
    assert zipped > bits_per_synapse(synapses).entropy
