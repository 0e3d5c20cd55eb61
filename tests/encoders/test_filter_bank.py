"""The filter bank against its definition in plain Python integers, and against real filters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.encoders import FilterBankEncoder
from edgesnn.encoders.filter_bank import _log2

RATE_HZ = 8000
SPEECH = FilterBankEncoder.design(24, 150.0, 3600.0, RATE_HZ)


def trunc_shift(value: int, bits: int) -> int:
    return value >> bits if value >= 0 else -(-value >> bits)


def log2_in_sixteenths(value: int) -> int:
    position = max(value, 1).bit_length() - 1
    return 16 * position + ((max(value, 1) << 4 >> position) & 15)


def expected_events(encoder: FilterBankEncoder, frames: list[list[int]]) -> list[list[int]]:
    """Step by step as the module's documentation says, with a check of the widths it promises."""
    bands = range(encoder.num_bands)
    x1 = x2 = 0
    y1, y2, sent, rest, smoothed = ([0 for _ in bands] for _ in range(5))
    raster = []
    for frame in frames:
        sums = [0 for _ in bands]
        for sample in frame:
            x = sample << 4
            for band, (gain, a1, a2) in enumerate(encoder.coefficients):
                total = gain * (x - x2) - a1 * y1[band] - a2 * y2[band]
                assert abs(total) < 1 << 47
                y = min(max(trunc_shift(total, 14), -(1 << 27)), (1 << 27) - 1)
                sums[band] += abs(y)
                y2[band], y1[band] = y1[band], y
            x1, x2 = x, x1
        rates, ups, downs = [], [], []
        for band in bands:
            assert sums[band] < 1 << 44
            level = max(log2_in_sixteenths(sums[band]) - encoder.floor, 0)
            if encoder.smooth:
                smoothed[band] += trunc_shift((level << 4) - smoothed[band], encoder.smooth)
                level = smoothed[band] >> 4
            if encoder.rate_unit:
                events, rest[band] = divmod(rest[band] + level, encoder.rate_unit)
                rates.append(min(events, encoder.max_events))
            if encoder.threshold:
                change = level - sent[band]
                events = min(abs(change) // encoder.threshold, encoder.max_events)
                sent[band] += math.copysign(1, change) * events * encoder.threshold
                ups.append(events if change > 0 else 0)
                downs.append(events if change < 0 else 0)
        raster.append([*rates, *ups, *downs])
    return raster


@st.composite
def banks(draw: st.DrawFn) -> FilterBankEncoder:
    coefficient = st.integers(-65535, 65535) | st.sampled_from([-65535, 65535])
    rate_unit = draw(st.sampled_from([0, 1, 16]))
    return FilterBankEncoder(
        channels=4,
        coefficients=draw(
            st.lists(st.tuples(*3 * [coefficient]), min_size=1, max_size=3).map(tuple)
            | st.just(SPEECH[::8])
        ),
        floor=draw(st.integers(0, 200)),
        rate_unit=rate_unit,
        threshold=draw(st.integers(0 if rate_unit else 1, 30)),
        smooth=draw(st.integers(0, 4)),
        max_events=draw(st.integers(1, 15)),
    )


FRAMES = st.lists(
    st.lists(st.integers(-32768, 32767) | st.sampled_from([-32768, 32767]), min_size=4, max_size=4),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200)
@given(banks(), FRAMES)
def test_events_are_those_of_the_definition(
    encoder: FilterBankEncoder, frames: list[list[int]]
) -> None:
    raster = encoder.encode_windows([frames])[0]
    assert raster.tolist() == expected_events(encoder, frames)


@given(st.integers(0, (1 << 44) - 1))
def test_logarithm_is_within_a_tenth_of_an_octave(value: int) -> None:
    found = int(_log2(np.array([value]))[0])
    assert found == log2_in_sixteenths(value)
    assert 0 <= 16 * math.log2(max(value, 1)) - found < 0.1 * 16 + 1


def response(coefficients: tuple[int, int, int], frequency_hz: float) -> float:
    """Gain of the resonator at a frequency, from its transfer function."""
    gain, a1, a2 = (c / (1 << 14) for c in coefficients)
    z = np.exp(-2j * np.pi * frequency_hz / RATE_HZ)
    return float(abs(gain * (1 - z**2) / (1 + a1 * z + a2 * z**2)))


def test_a_tone_is_loudest_in_its_own_band_as_the_transfer_function_says() -> None:
    encoder = FilterBankEncoder(channels=1600, coefficients=SPEECH, floor=0)
    grid = np.arange(60.0, 3990.0, 5.0)
    centres = [grid[np.argmax([response(band, f) for f in grid])] for band in SPEECH]
    assert np.all(np.diff(centres) > 0)
    for centre in centres[::5]:
        tone = 8000 * np.sin(2 * np.pi * centre * np.arange(1600) / RATE_HZ)
        states = np.zeros((6, 1, len(SPEECH)), np.int64)
        frames = encoder.quantize(tone)[np.newaxis]
        encoder._levels(frames, states)
        levels = encoder._levels(frames, states)[0] / 16
        exact = np.log2([1600 * 2 / np.pi * 8000 * 16 * response(b, centre) for b in SPEECH])
        assert np.abs(levels - exact).max() < 0.2


@pytest.mark.parametrize("value", [32767, -32768, 1, -1])
def test_every_band_falls_silent_after_the_sound_ends(value: int) -> None:
    encoder = FilterBankEncoder(channels=200, coefficients=SPEECH, floor=0)
    states = np.zeros((6, 1, len(SPEECH)), np.int64)
    encoder._levels(np.full((1, 200), value, np.int64), states)
    for _ in range(10):
        encoder._levels(np.zeros((1, 200), np.int64), states)
    assert not states[:4].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coefficients": ()}, "coefficients must be three integers for each of one or more bands"),
        ({"coefficients": ((1, 2),)}, "coefficients must be three integers"),
        ({"coefficients": ((1, 2, 65536),)}, "coefficients must be integers in -65535..65535"),
        ({"coefficients": ((1, 2, 0.5),)}, "coefficients must be integers in -65535..65535"),
        ({"floor": -1}, "floor, rate_unit and threshold must be integers in 0..65535"),
        ({"smooth": 16}, "smooth in 0..15"),
        ({"rate_unit": 0}, "rate_unit or threshold must be above 0, else nothing is sent"),
        ({"max_events": 16}, "max_events must be in 1..15 and channels in 1..65536"),
        ({"channels": 65537}, "max_events must be in 1..15 and channels in 1..65536"),
    ],
)
def test_parameters_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    parameters = {"channels": 8, "coefficients": SPEECH} | change
    with pytest.raises(ValueError, match=message):
        FilterBankEncoder(**parameters)
