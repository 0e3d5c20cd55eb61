"""Widths, ranges, wrapping, clamping, rounding."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.number_format import DECAY_ONE, SignedFormat, apply_decay, divide_toward_zero

BITS = st.integers(2, 32)
NUMBERS = st.integers(-(2**40), 2**40)


@pytest.mark.parametrize(("bits", "low", "high"), [(2, -2, 1), (4, -8, 7), (16, -32768, 32767)])
def test_range_is_that_of_twos_complement(bits, low, high):
    assert (SignedFormat(bits).minimum, SignedFormat(bits).maximum) == (low, high)


@pytest.mark.parametrize("bits", [-1, 0, 1, 33])
def test_impossible_widths_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits must be in 2..32, not {bits}"):
        SignedFormat(bits)


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_wrapping_keeps_the_low_bits_of_every_number_around(bits):
    number = SignedFormat(bits)
    for value in range(-4 << bits, 4 << bits):
        low_bits = format(value % (1 << bits), f"0{bits}b")
        expected = int(low_bits[1:], 2) - int(low_bits[0]) * (1 << (bits - 1))
        assert number.wrap(value) == expected


@given(BITS, NUMBERS)
def test_wrapped_numbers_are_congruent_and_in_range(bits, value):
    wrapped = SignedFormat(bits).wrap(value)
    assert SignedFormat(bits).contains(wrapped)
    assert (wrapped - value) % (1 << bits) == 0


@given(BITS, NUMBERS)
def test_clamping_gives_the_nearest_number(bits, value):
    number = SignedFormat(bits)
    expected = sorted((number.minimum, value, number.maximum))[1]
    assert number.clamp(value) == expected
    assert number.contains(value) == (expected == value)


def test_decay_rounds_toward_zero_for_every_factor():
    for decay in range(DECAY_ONE + 1):
        for value in (-4096, -1001, -2, -1, 0, 1, 2, 7, 1000, 4095):
            assert apply_decay(value, decay) == int(value * decay / 4096)


@given(st.integers(-(2**31), 2**31), st.integers(0, 4096))
def test_decay_is_the_truncated_fraction(value, decay):
    assert apply_decay(value, decay) == math.trunc(Fraction(value * decay, 4096))


@given(st.integers(-(2**23), 2**23 - 1), st.integers(0, 4095))
def test_every_decay_below_one_shrinks_every_state(value, decay):
    assert abs(apply_decay(value, decay)) <= max(abs(value) - 1, 0)


@given(NUMBERS, st.integers(0, 20))
def test_division_is_symmetric_around_zero(value, shift):
    assert divide_toward_zero(-value, shift) == -divide_toward_zero(value, shift)
