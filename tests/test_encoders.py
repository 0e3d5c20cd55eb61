"""Encoders: streaming and vectorised forms agree, and both do what their definition says."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.encoders import (
    AnyEncoder,
    DeltaEncoder,
    Encoder,
    EventEncoder,
    FilterBankEncoder,
    LevelCrossingEncoder,
    PopulationEncoder,
    RateEncoder,
    encoder_from_info,
    encoder_to_info,
)
from edgesnn.errors import InputError

VALUES = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def rate_encoders(draw: st.DrawFn) -> RateEncoder:
    full_scale = draw(st.integers(1, 300))
    low = draw(st.floats(-100, 100))
    return RateEncoder(
        channels=draw(st.integers(1, 4)),
        low=low,
        high=low + draw(st.floats(0.1, 100)),
        full_scale=full_scale,
        start=draw(st.integers(0, full_scale - 1)),
        steps_per_sample=draw(st.integers(1, 6)),
    )


@st.composite
def population_encoders(draw: st.DrawFn) -> PopulationEncoder:
    low = draw(st.floats(-100, 100))
    reach = draw(st.integers(1, 300))
    return PopulationEncoder(
        channels=draw(st.integers(1, 4)),
        units=draw(st.integers(2, 6)),
        low=low,
        high=low + draw(st.floats(0.1, 100)),
        spacing=draw(st.integers(1, 200)),
        reach=reach,
        start=draw(st.integers(0, reach - 1)),
        steps_per_sample=draw(st.integers(1, 6)),
    )


@st.composite
def delta_encoders(draw: st.DrawFn) -> DeltaEncoder:
    return DeltaEncoder(
        channels=draw(st.integers(1, 4)),
        resolution=draw(st.floats(0.01, 100)),
        threshold=draw(st.integers(1, 50)),
        max_events=draw(st.integers(1, 15)),
        hysteresis=draw(st.just(0) | st.integers(0, 100)),
    )


@st.composite
def level_crossing_encoders(draw: st.DrawFn) -> LevelCrossingEncoder:
    spacing = draw(st.integers(1, 50))
    return LevelCrossingEncoder(
        channels=draw(st.integers(1, 4)),
        resolution=draw(st.floats(0.01, 100)),
        spacing=spacing,
        offset=draw(st.integers(0, spacing - 1)),
        hysteresis=draw(st.just(0) | st.integers(0, 100)),
        max_events=draw(st.integers(1, 15)),
    )


@st.composite
def event_encoders(draw: st.DrawFn) -> EventEncoder:
    return EventEncoder(channels=draw(st.integers(1, 4)), max_events=draw(st.integers(1, 15)))


@st.composite
def filter_bank_encoders(draw: st.DrawFn) -> FilterBankEncoder:
    coefficients = st.integers(-65535, 65535)
    bands = st.lists(st.tuples(*3 * [coefficients]), min_size=1, max_size=3)
    rate_unit = draw(st.integers(0, 40))
    return FilterBankEncoder(
        channels=draw(st.integers(1, 5)),
        coefficients=tuple(draw(bands)),
        floor=draw(st.integers(0, 200)),
        rate_unit=rate_unit,
        threshold=draw(st.integers(0 if rate_unit else 1, 30)),
        smooth=draw(st.integers(0, 4)),
        max_events=draw(st.integers(1, 15)),
    )


ENCODERS = st.one_of(
    rate_encoders(),
    population_encoders(),
    delta_encoders(),
    level_crossing_encoders(),
    event_encoders(),
    filter_bank_encoders(),
)


def windows_for(encoder: Encoder, data: st.DataObject) -> np.ndarray:
    shape = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 6)), encoder.channels)
    count = math.prod(shape)
    return np.array(data.draw(st.lists(VALUES, min_size=count, max_size=count))).reshape(shape)


def streamed(encoder: Encoder, window: np.ndarray) -> np.ndarray:
    state = encoder.initial_state()
    parts = []
    for sample in window:
        events, state = encoder.encode(sample, state)
        assert events.num_steps == encoder.steps_per_sample
        parts.append(events.to_raster(encoder.num_sources))
    return np.concatenate(parts)


@given(ENCODERS, st.data())
def test_windows_at_once_equal_samples_one_by_one(encoder: Encoder, data: st.DataObject) -> None:
    windows = windows_for(encoder, data)
    together = encoder.encode_windows(windows)
    assert together.dtype == np.uint8
    for window, raster in zip(windows, together, strict=True):
        assert np.array_equal(streamed(encoder, window), raster)


@given(ENCODERS, st.data())
def test_no_source_sends_more_than_max_events(encoder: Encoder, data: st.DataObject) -> None:
    assert encoder.encode_windows(windows_for(encoder, data)).max() <= encoder.max_events


@given(ENCODERS)
def test_encoder_survives_json(encoder: AnyEncoder) -> None:
    info = json.loads(json.dumps({"encoder": encoder_to_info(encoder)}))
    assert encoder_from_info(info) == encoder


@given(rate_encoders(), VALUES)
def test_rate_is_the_value_on_average(encoder: RateEncoder, value: float) -> None:
    sample = np.full((1, 5, encoder.channels), value)
    raster = encoder.encode_windows(sample)[0]
    code = int(encoder.quantize([value] * encoder.channels)[0])
    exact = Fraction(encoder.start + code * len(raster), encoder.full_scale)
    assert raster.sum(axis=0).tolist() == [math.floor(exact)] * encoder.channels


def test_rate_encoder_spreads_events_evenly() -> None:
    encoder = RateEncoder(channels=1, low=0, high=4, full_scale=4, steps_per_sample=8)
    assert encoder.encode_windows([[[2.0]]])[0, :, 0].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert encoder.encode_windows([[[1.0]]])[0, :, 0].tolist() == [0, 0, 0, 1, 0, 0, 0, 1]


def test_rate_encoder_keeps_its_accumulators_between_samples() -> None:
    encoder = RateEncoder(channels=1, low=0, high=4, full_scale=4)
    window = [[[1.0], [1.0], [2.0], [4.0]]]
    assert encoder.encode_windows(window)[0, :, 0].tolist() == [0, 0, 1, 1]


@given(population_encoders(), VALUES)
def test_units_send_as_often_as_their_tuning_curves_say(
    encoder: PopulationEncoder, value: float
) -> None:
    raster = encoder.encode_windows(np.full((1, 5, encoder.channels), value))[0]
    code = int(encoder.quantize([value] * encoder.channels)[0])
    expected = []
    for unit in range(encoder.units):
        response = max(encoder.reach - abs(code - unit * encoder.spacing), 0)
        expected.append((encoder.start + response * len(raster)) // encoder.reach)
    assert raster.sum(axis=0).tolist() == expected * encoder.channels


def test_the_unit_that_prefers_a_value_sends_in_every_step_and_others_by_their_distance() -> None:
    encoder = PopulationEncoder(
        channels=1, units=3, low=0, high=4, spacing=2, reach=2, steps_per_sample=4
    )
    assert encoder.encode_windows([[[2.0]]])[0].tolist() == 4 * [[0, 1, 0]]
    assert encoder.encode_windows([[[1.0]]])[0].T.tolist() == [[0, 1, 0, 1], [0, 1, 0, 1], 4 * [0]]
    # Between units that reach as far as the next one, all together send once in a step.
    raster = encoder.encode_windows(np.linspace(0, 4, 50).reshape(1, 50, 1))
    assert raster.sum() == pytest.approx(200, abs=3)


def test_values_outside_the_range_are_clamped() -> None:
    encoder = RateEncoder(channels=2, low=-1, high=1, full_scale=10)
    assert encoder.quantize([-7.0, 7.0]).tolist() == [0, 10]
    population = PopulationEncoder(channels=2, units=3, low=-1, high=1, spacing=5)
    assert population.quantize([-7.0, 1e300]).tolist() == [0, 10]


def test_quantization_rounds_halves_up() -> None:
    rate = RateEncoder(channels=3, low=0, high=8, full_scale=4)
    assert rate.quantize([1.0, 2.9, 3.0]).tolist() == [1, 1, 2]
    delta = DeltaEncoder(channels=3, resolution=2.0)
    assert delta.quantize([-1.0, 1.0, -3.1]).tolist() == [0, 1, -2]


def test_delta_encoder_sends_one_event_for_each_threshold_crossed() -> None:
    encoder = DeltaEncoder(channels=1, threshold=3)
    raster = encoder.encode_windows([[[10], [16], [18], [9], [9]]])[0]
    assert raster.tolist() == [[0, 0], [2, 0], [0, 0], [0, 2], [0, 0]]


def test_delta_encoder_sends_later_what_max_events_holds_back() -> None:
    encoder = DeltaEncoder(channels=1, threshold=1, max_events=2)
    raster = encoder.encode_windows([[[0], [5], [5], [5], [5]]])[0]
    assert raster[:, 0].tolist() == [0, 2, 2, 1, 0]


@given(delta_encoders(), st.data())
def test_delta_events_add_up_to_the_change(encoder: DeltaEncoder, data: st.DataObject) -> None:
    window = windows_for(encoder, data)[0]
    held = np.repeat(window[-1:], 2, axis=0)
    codes = encoder.quantize(window)
    raster = streamed(encoder, np.concatenate([window, held])).astype(int)
    ups, downs = raster[:, : encoder.channels], raster[:, encoder.channels :]
    level = codes[0] + encoder.threshold * (ups - downs).sum(axis=0)
    sent_all = (raster[-1] < encoder.max_events).reshape(2, -1).all(axis=0)
    within = encoder.threshold + encoder.hysteresis
    assert (np.abs(codes[-1] - level)[sent_all] < within).all()


def test_huge_values_are_clamped_and_not_wrapped() -> None:
    encoder = DeltaEncoder(channels=2, resolution=1e-300)
    assert encoder.quantize([1e300, -1e300]).tolist() == [1 << 30, -(1 << 30)]


def test_event_encoder_passes_counts_through() -> None:
    encoder = EventEncoder(channels=3, max_events=2)
    assert encoder.encode_windows([[[0, 1, 2], [7, 0, -3]]])[0].tolist() == [[0, 1, 2], [2, 0, 0]]
    events, _ = encoder.encode([0, 1, 2], encoder.initial_state())
    assert [ids.tolist() for ids in events] == [[1, 2, 2]]


@pytest.mark.parametrize(
    "encoder",
    [
        RateEncoder(channels=2),
        DeltaEncoder(channels=2),
        LevelCrossingEncoder(channels=2),
        EventEncoder(channels=2),
        FilterBankEncoder(channels=2, coefficients=((100, 0, 0),)),
    ],
)
def test_bad_samples_are_refused(encoder: Encoder) -> None:
    state = encoder.initial_state()
    with pytest.raises(InputError, match="a sample must have 2 channels, not 3"):
        encoder.encode([1, 2, 3], state)
    with pytest.raises(InputError, match="samples must have 1 dimension"):
        encoder.encode([[1, 2]], state)
    with pytest.raises(InputError, match="must be finite numbers, without NaN or infinity"):
        encoder.encode([1, float("nan")], state)
    with pytest.raises(InputError, match="samples must be numbers"):
        encoder.encode(["a", "b"], state)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 0}, "channels must be an integer of at least 1, not 0"),
        ({"channels": 1, "low": 1.0, "high": 1.0}, "low must be below high, not 1.0 and 1.0"),
        ({"channels": 1, "start": 256}, "start must be in 0..full_scale - 1"),
        ({"channels": True}, "channels must be an integer of at least 1, not True"),
    ],
)
def test_rate_encoder_refuses_parameters_that_cannot_work(
    parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RateEncoder(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 1, "resolution": 0.0}, "resolution must be above 0, not 0.0"),
        ({"channels": 1, "threshold": 0}, "threshold must be an integer of at least 1, not 0"),
        ({"channels": 1, "max_events": 16}, "max_events must be in 1..15, not 16"),
        ({"channels": 1, "hysteresis": -1}, "hysteresis must be an integer in 0..1073741824"),
    ],
)
def test_delta_encoder_refuses_parameters_that_cannot_work(
    parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DeltaEncoder(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 0}, "channels must be an integer of at least 1, not 0"),
        ({"channels": 1, "units": 1}, "units must be an integer in 2..32768, not 1"),
        ({"channels": 1, "spacing": 0}, "spacing must be an integer in 1.."),
        ({"channels": 1, "reach": 0}, "reach must be an integer in 1.."),
        ({"channels": 1, "reach": 8, "start": 8}, "start must be an integer in 0..7, not 8"),
        ({"channels": 1, "low": 2.0}, "low must be below high, not 2.0 and 1.0"),
    ],
)
def test_population_encoder_refuses_parameters_that_cannot_work(
    parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PopulationEncoder(**parameters)


def test_event_encoder_refuses_parameters_that_cannot_work() -> None:
    with pytest.raises(ValueError, match="max_events must be in 1..15, not 16"):
        EventEncoder(channels=1, max_events=16)
    with pytest.raises(ValueError, match="channels must be an integer of at least 1, not 0"):
        EventEncoder(channels=0)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({}, "must declare an encoder in info"),
        ({"encoder": "rate"}, "must have a kind among"),
        ({"encoder": {"kind": ["x"]}}, "must have a kind among"),
        ({"encoder": {"kind": "phase"}}, "must have a kind among"),
        ({"encoder": {"kind": "rate", "chanels": 3}}, "not \\['chanels'\\]"),
        ({"encoder": {"kind": "rate"}}, "cannot be used"),
        ({"encoder": {"kind": "rate", "channels": "3"}}, "cannot be used"),
        ({"encoder": {"kind": "delta", "channels": 3, "resolution": None}}, "cannot be used"),
    ],
)
def test_a_declaration_that_cannot_work_is_an_input_error(
    info: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        encoder_from_info(info)
