"""The encoders in C against those in Python, event by event."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, byref, c_int16, c_int32, c_uint8, c_uint16, c_uint32, c_uint64
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgesnn.encoders import (
    DeltaEncoder,
    EventEncoder,
    FilterBankEncoder,
    LevelCrossingEncoder,
    encoder_to_c,
)
from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.recipes import fsdd, imu_digits
from tests.firmware.compiled import library

MAX_CODE = 1 << 30
UNTOUCHED = 0xA55A


class Channel(ctypes.Structure):
    _fields_ = (("level", c_int32), ("last", c_uint8))


class Delta(ctypes.Structure):
    _fields_ = (
        ("threshold", c_uint32),
        ("hysteresis", c_uint32),
        ("channels", c_uint16),
        ("max_events", c_uint8),
    )


class LevelCrossing(ctypes.Structure):
    _fields_ = (
        ("spacing", c_uint32),
        ("offset", c_uint32),
        ("hysteresis", c_uint32),
        ("channels", c_uint16),
        ("max_events", c_uint8),
    )


class Band(ctypes.Structure):
    _fields_ = (("gain", c_int32), ("a1", c_int32), ("a2", c_int32))


class FilterBank(ctypes.Structure):
    _fields_ = (
        ("bands", POINTER(Band)),
        ("frame_samples", c_uint32),
        ("num_bands", c_uint16),
        ("floor", c_uint16),
        ("rate_unit", c_uint16),
        ("threshold", c_uint16),
        ("smooth", c_uint8),
        ("max_events", c_uint8),
    )


class BandState(ctypes.Structure):
    _fields_ = (
        ("y1", c_int32),
        ("y2", c_int32),
        ("sum", c_uint64),
        ("level", c_uint16),
        ("smoothed", c_uint16),
        ("sent", c_uint16),
        ("rest", c_uint16),
    )


class FilterBankState(ctypes.Structure):
    _fields_ = (
        ("bands", POINTER(BandState)),
        ("x1", c_int16),
        ("x2", c_int16),
        ("samples", c_uint32),
    )


STRUCTS = {
    "esnn_channel": Channel,
    "esnn_delta": Delta,
    "esnn_level_crossing": LevelCrossing,
    "esnn_filter_bank": FilterBank,
    "esnn_band_state": BandState,
    "esnn_filter_bank_state": FilterBankState,
}
HARNESS = '#include "edgesnn_encoders.h"\n' + "".join(
    f"uint32_t size_of_{name}(void);\n"
    f"uint32_t size_of_{name}(void) {{ return (uint32_t)sizeof({name}); }}\n"
    for name in STRUCTS
)


@pytest.fixture(scope="module")
def c() -> ctypes.CDLL:
    return library(("edgesnn_encoders.c",), HARNESS)


def test_structures_are_those_of_the_compiler(c: ctypes.CDLL) -> None:
    for name, struct in STRUCTS.items():
        assert getattr(c, f"size_of_{name}")() == ctypes.sizeof(struct)


class Events:
    """Room for as many events as the documentation says, and a word that must stay as it is."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.words = (c_uint16 * (most + 1))(*[UNTOUCHED] * (most + 1))

    def first(self, count: int) -> list[int]:
        assert count <= self.most
        assert self.words[self.most] == UNTOUCHED
        return self.words[:count]


def expected(encoder: Any, window: np.ndarray) -> list[list[int]]:
    raster = encoder.encode_windows(window[np.newaxis])[0]
    return [ids.tolist() for ids in EventStream.from_raster(raster)]


def c_levels(
    c: ctypes.CDLL, encoder: DeltaEncoder | LevelCrossingEncoder, codes: np.ndarray
) -> list[list[int]]:
    """Events of each step of a window of codes [sample, channel]."""
    state = (Channel * encoder.channels)(*[Channel(77, 3)] * encoder.channels)
    parameters: ctypes.Structure
    if isinstance(encoder, DeltaEncoder):
        threshold = min(encoder.threshold, (1 << 32) - 1)
        parameters = Delta(threshold, encoder.hysteresis, encoder.channels, encoder.max_events)
        start, encode = c.esnn_delta_start, c.esnn_delta_encode
    else:
        parameters = LevelCrossing(
            encoder.spacing,
            encoder.offset,
            encoder.hysteresis,
            encoder.channels,
            encoder.max_events,
        )
        start, encode = c.esnn_level_crossing_start, c.esnn_level_crossing_encode
    start(byref(parameters), state)
    events = Events(encoder.channels * encoder.max_events)
    samples = [(c_int32 * encoder.channels)(*sample) for sample in codes.tolist()]
    return [
        events.first(encode(byref(parameters), state, sample, events.words)) for sample in samples
    ]


class CBank:
    """The filter bank of C in the place of the Python one."""

    def __init__(self, c: ctypes.CDLL, encoder: FilterBankEncoder) -> None:
        self.c, self.encoder = c, encoder
        self.bands = (Band * encoder.num_bands)(*encoder.coefficients)
        self.parameters = FilterBank(
            self.bands,
            encoder.channels,
            encoder.num_bands,
            encoder.floor,
            encoder.rate_unit,
            encoder.threshold,
            encoder.smooth,
            encoder.max_events,
        )
        self.band_states = (BandState * encoder.num_bands)(*[BandState(1, 2, 3, 4, 5, 6, 7)])
        self.state = FilterBankState()
        kinds = bool(encoder.rate_unit) + bool(encoder.threshold)
        self.room = Events(kinds * encoder.num_bands * encoder.max_events)
        c.esnn_filter_bank_start(byref(self.parameters), byref(self.state), self.band_states)

    def take(self, sample: int) -> bool:
        take = self.c.esnn_filter_bank_take
        return bool(take(byref(self.parameters), byref(self.state), c_int16(sample)))

    def events(self) -> list[int]:
        collect = self.c.esnn_filter_bank_events
        return self.room.first(collect(byref(self.parameters), byref(self.state), self.room.words))

    def steps(self, frames: np.ndarray) -> Iterator[list[int]]:
        for frame in frames.tolist():
            assert [self.take(sample) for sample in frame] == [False] * (len(frame) - 1) + [True]
            yield self.events()


@st.composite
def moving(draw: st.DrawFn) -> DeltaEncoder | LevelCrossingEncoder:
    channels, max_events = draw(st.integers(1, 4)), draw(st.integers(1, 15))
    hysteresis = draw(st.integers(0, 12) | st.sampled_from([1 << 29, MAX_CODE]))
    spacing = draw(st.integers(1, 12) | st.integers(1, MAX_CODE))
    if draw(st.booleans()):
        spacing = draw(st.just(spacing) | st.sampled_from([(1 << 31) - 1, 1 << 31, 1 << 40]))
        return DeltaEncoder(channels, 1.0, spacing, max_events, hysteresis)
    offset = draw(st.integers(0, spacing - 1))
    return LevelCrossingEncoder(channels, 1.0, spacing, offset, hysteresis, max_events)


#: Near one another, all of int32, and its ends.
CODES = (
    st.integers(-40, 40)
    | st.integers(-(1 << 31), (1 << 31) - 1)
    | st.sampled_from([-(1 << 31), -MAX_CODE - 1, -MAX_CODE, MAX_CODE, (1 << 31) - 1])
)


@settings(max_examples=400)
@given(moving(), st.data())
def test_delta_and_level_crossing_send_what_python_sends(
    encoder: DeltaEncoder | LevelCrossingEncoder, data: st.DataObject
) -> None:
    row = st.lists(CODES, min_size=encoder.channels, max_size=encoder.channels)
    codes = np.array(data.draw(st.lists(row, min_size=1, max_size=10)))
    c = library(("edgesnn_encoders.c",), HARNESS)
    assert c_levels(c, encoder, codes) == expected(encoder, codes)


COEFFICIENTS = st.integers(-65535, 65535) | st.sampled_from([-65535, 65535])
SAMPLES = st.integers(-32768, 32767) | st.sampled_from([-32768, 32767])


@st.composite
def banks(draw: st.DrawFn) -> FilterBankEncoder:
    rate_unit = draw(st.sampled_from([0, 1, 16, 65535]))
    bands = st.lists(st.tuples(*3 * [COEFFICIENTS]), min_size=1, max_size=3)
    return FilterBankEncoder(
        channels=4,
        coefficients=tuple(draw(bands | st.just(fsdd.ENCODER.coefficients[::8]))),
        floor=draw(st.integers(0, 200) | st.just(65535)),
        rate_unit=rate_unit,
        threshold=draw(st.integers(0 if rate_unit else 1, 30) | st.just(65535)),
        smooth=draw(st.integers(0, 15)),
        max_events=draw(st.integers(1, 15)),
    )


@settings(max_examples=300)
@given(banks(), st.lists(st.lists(SAMPLES, min_size=4, max_size=4), min_size=1, max_size=8))
@example(
    FilterBankEncoder(4, ((65535, -65535, -65535),), floor=0, rate_unit=1, max_events=15),
    [[32767, 32767, -32768, -32768]] * 4,
)
# Doubles with each sample until it is 2^27, one more than a filter holds.
@example(FilterBankEncoder(1, ((16384, -32768, 0),), 430, 0, 1), [[1024], [0]] * 8)
def test_filter_bank_sends_what_python_sends(
    encoder: FilterBankEncoder, frames: list[list[int]]
) -> None:
    window = np.array(frames)
    bank = CBank(library(("edgesnn_encoders.c",), HARNESS), encoder)
    assert list(bank.steps(window)) == expected(encoder, window)


def test_the_quietest_sound_is_rounded_as_in_python(c: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    encoder = FilterBankEncoder(80, fsdd.ENCODER.coefficients, floor=0, rate_unit=97, max_events=15)
    window = rng.integers(-2, 3, (40, 80))
    assert list(CBank(c, encoder).steps(window)) == expected(encoder, window)


def test_the_longest_frame_at_its_loudest_does_not_overflow(c: ctypes.CDLL) -> None:
    encoder = FilterBankEncoder(
        1 << 16, ((65535, -65535, -65535),), floor=0, rate_unit=64, max_events=15
    )
    window = np.tile([32767, 32767, -32768, -32768], 1 << 14)[np.newaxis]
    assert list(CBank(c, encoder).steps(window)) == expected(encoder, window)


def test_events_of_a_frame_may_be_fetched_while_the_next_one_comes_in(c: ctypes.CDLL) -> None:
    rng = np.random.default_rng(1)
    window = rng.integers(-20000, 20000, (6, fsdd.FRAME_SAMPLES))
    samples = window.reshape(-1).tolist()
    bank, steps = CBank(c, fsdd.ENCODER), []
    for n, sample in enumerate(samples):
        bank.take(sample)
        if n >= fsdd.FRAME_SAMPLES and n % fsdd.FRAME_SAMPLES == 100:
            steps.append(bank.events())
    steps.append(bank.events())
    assert steps == expected(fsdd.ENCODER, window)


def test_a_new_window_knows_nothing_of_the_one_before(c: ctypes.CDLL) -> None:
    rng = np.random.default_rng(2)
    window = rng.integers(-20000, 20000, (4, fsdd.FRAME_SAMPLES))
    bank = CBank(c, fsdd.ENCODER)
    first = list(bank.steps(window))
    bank.take(1234)
    c.esnn_filter_bank_start(byref(bank.parameters), byref(bank.state), bank.band_states)
    assert list(bank.steps(window)) == first


ENCODERS_AS_C = (
    (DeltaEncoder(3, 0.125, 1 << 40, 7, hysteresis=1 << 30), Delta),
    (DeltaEncoder(300, 1.0, 5, 15, hysteresis=2), Delta),
    (LevelCrossingEncoder(9, 2.0, 1 << 30, 77, 3, 4), LevelCrossing),
    (FilterBankEncoder(160, ((1, -2, 3), (-65535, 65535, 0)), 9, 8, 7, 6, 5), FilterBank),
)


@pytest.mark.parametrize(("encoder", "struct"), ENCODERS_AS_C)
def test_parameters_written_as_c_are_those_of_the_encoder(
    encoder: Any, struct: type[ctypes.Structure]
) -> None:
    harness = '#include "edgesnn_encoders.h"\n' + encoder_to_c(encoder, "written")
    get = f"const esnn_{encoder.kind} *get(void)"
    compiled = library(("edgesnn_encoders.c",), f"{harness}{get};\n{get} {{ return &written; }}\n")
    compiled.get.restype = POINTER(struct)
    written = compiled.get().contents
    fields = {name for name, _ in struct._fields_} & set(vars(encoder))
    assert {"max_events"} < fields
    if isinstance(encoder, FilterBankEncoder):
        bands = written.bands[: written.num_bands]
        assert tuple((band.gain, band.a1, band.a2) for band in bands) == encoder.coefficients
        assert written.frame_samples == encoder.channels
    for name in fields:
        assert getattr(written, name) == min(getattr(encoder, name), (1 << 32) - 1)


def test_an_encoder_that_the_firmware_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="must be delta, level_crossing or filter_bank"):
        encoder_to_c(EventEncoder(channels=1))
    with pytest.raises(InputError, match="must have at most 32768 sources for the firmware"):
        encoder_to_c(DeltaEncoder(channels=1 << 15))


def test_spoken_digits_give_the_events_that_the_network_was_trained_on(c: ctypes.CDLL) -> None:
    try:
        windows = fsdd.spoken_samples().windows[::10]
    except InputError:
        pytest.skip("the data set fsdd is not on this machine (edgesnn data fsdd)")
    codes = fsdd.ENCODER.quantize(windows)
    assert codes.any()
    for window in codes:
        assert list(CBank(c, fsdd.ENCODER).steps(window)) == expected(fsdd.ENCODER, window)


def test_gestures_give_the_events_that_the_network_was_trained_on(c: ctypes.CDLL) -> None:
    try:
        samples = imu_digits.gesture_samples()
    except InputError:
        pytest.skip("the data set imu_digits is not on this machine (edgesnn data imu_digits)")
    delta = imu_digits.CHOSEN[0].encoder
    codes = delta.quantize(samples.windows)
    others = (
        DeltaEncoder(delta.channels, 1.0, 4, 15, hysteresis=2),
        LevelCrossingEncoder(delta.channels, 1.0, 4, offset=1, hysteresis=1),
    )
    for window, values in zip(codes, samples.windows, strict=True):
        assert c_levels(c, delta, window) == expected(delta, values)
        for encoder in others:
            assert c_levels(c, encoder, window) == expected(encoder, window)
