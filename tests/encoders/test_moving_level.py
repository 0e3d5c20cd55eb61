"""Send on delta with hysteresis and level crossing against their definitions, event by event."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.encoders import DeltaEncoder, LevelCrossingEncoder, encoder_from_info, encoder_to_info

#: Near the levels, where a step too far shows, and at the ends of the range.
CODES = st.lists(
    st.integers(-40, 40)
    | st.integers(-(1 << 30), 1 << 30)
    | st.sampled_from([-(1 << 30), 1 << 30]),
    min_size=1,
    max_size=12,
)


@st.composite
def delta_encoders(draw: st.DrawFn) -> DeltaEncoder:
    return DeltaEncoder(
        channels=1,
        threshold=draw(st.integers(1, 12) | st.sampled_from([1 << 29, 1 << 31, 1 << 40])),
        hysteresis=draw(st.integers(0, 12) | st.just(1 << 30)),
        max_events=draw(st.integers(1, 15)),
    )


@st.composite
def level_crossing_encoders(draw: st.DrawFn) -> LevelCrossingEncoder:
    spacing = draw(st.integers(1, 12) | st.sampled_from([1 << 29, 1 << 30]))
    return LevelCrossingEncoder(
        channels=1,
        spacing=spacing,
        offset=draw(st.integers(0, spacing - 1)),
        hysteresis=draw(st.integers(0, 12) | st.just(1 << 30)),
        max_events=draw(st.integers(1, 15)),
    )


def expected_delta(encoder: DeltaEncoder, codes: list[int]) -> list[list[int]]:
    """Sent so far, times the threshold, is where the receiver thinks that the code is."""
    ups = downs = 0
    rising = falling = False
    raster = [[0, 0]]
    for code in codes[1:]:
        counts = [0, 0]
        while sum(counts) < encoder.max_events:
            believed = codes[0] + encoder.threshold * (ups - downs)
            if code >= believed + encoder.threshold + (encoder.hysteresis if falling else 0):
                ups, rising, falling = ups + 1, True, False
                counts[0] += 1
            elif code <= believed - encoder.threshold - (encoder.hysteresis if rising else 0):
                downs, rising, falling = downs + 1, False, True
                counts[1] += 1
            else:
                break
        raster.append(counts)
    return raster


def expected_crossings(encoder: LevelCrossingEncoder, codes: list[int]) -> list[list[int]]:
    """In numbers of levels: a channel in place p is above level p and below level p + 1."""
    place = (codes[0] - encoder.offset) // encoder.spacing
    crossed_last = None
    raster = [[0, 0]]
    for code in codes[1:]:
        counts = [0, 0]
        while sum(counts) < encoder.max_events:
            below, above = (encoder.offset + p * encoder.spacing for p in (place, place + 1))
            again_up = encoder.hysteresis if crossed_last == place + 1 else 0
            again_down = encoder.hysteresis if crossed_last == place else 0
            if code >= above + again_up:
                place = crossed_last = place + 1
                counts[0] += 1
            elif code < below - again_down:
                place, crossed_last = place - 1, place
                counts[1] += 1
            else:
                break
        raster.append(counts)
    return raster


@settings(max_examples=300)
@given(delta_encoders(), CODES)
def test_delta_events_are_those_of_the_definition(encoder: DeltaEncoder, codes: list[int]) -> None:
    raster = encoder.encode_windows(np.array(codes).reshape(1, -1, 1))[0]
    assert raster.tolist() == expected_delta(encoder, codes)


@settings(max_examples=300)
@given(level_crossing_encoders(), CODES)
def test_crossings_are_those_of_the_definition(
    encoder: LevelCrossingEncoder, codes: list[int]
) -> None:
    raster = encoder.encode_windows(np.array(codes).reshape(1, -1, 1))[0]
    assert raster.tolist() == expected_crossings(encoder, codes)


def test_one_sample_sends_ups_of_all_channels_before_downs() -> None:
    encoder = DeltaEncoder(channels=3)
    _, state = encoder.encode([0, 0, 0], encoder.initial_state())
    events, _ = encoder.encode([-1, 2, 1], state)
    assert events.source_ids.tolist() == [1, 1, 2, 3]


def test_a_turn_needs_the_hysteresis_and_what_follows_it_does_not() -> None:
    encoder = DeltaEncoder(channels=1, threshold=4, hysteresis=3)
    window = [[[0], [4], [-2], [-3], [-4], [2], [3]]]
    ups, downs = encoder.encode_windows(window)[0].T.tolist()
    assert ups == [0, 1, 0, 0, 0, 0, 1]
    assert downs == [0, 0, 0, 1, 1, 0, 0]


def test_noise_within_the_hysteresis_sends_nothing() -> None:
    noisy = np.array([0, 8, 7, 8, 7, 8, 7, 8]).reshape(1, -1, 1)
    for hysteresis, events in ((0, 7), (1, 1)):
        encoder = LevelCrossingEncoder(channels=1, spacing=8, hysteresis=hysteresis)
        assert encoder.encode_windows(noisy).sum() == events


def test_levels_are_where_they_are_wherever_a_window_begins() -> None:
    encoder = LevelCrossingEncoder(channels=1, spacing=10, offset=3)
    for first in (3, 7, 12):
        window = [[[first], [12], [13], [12], [3], [2]]]
        ups, downs = encoder.encode_windows(window)[0].T.tolist()
        assert (ups, downs) == ([0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 1])


def test_crossings_held_back_are_sent_later() -> None:
    encoder = LevelCrossingEncoder(channels=1, spacing=2, max_events=2)
    raster = encoder.encode_windows([[[0], [10], [10], [10], [10]]])[0]
    assert raster[:, 0].tolist() == [0, 2, 2, 1, 0]


def test_a_delta_encoder_of_an_older_file_has_no_hysteresis() -> None:
    info = {"kind": "delta", "channels": 3, "resolution": 0.5, "threshold": 2, "max_events": 4}
    encoder = encoder_from_info({"encoder": json.loads(json.dumps(info))})
    assert encoder == DeltaEncoder(3, 0.5, 2, 4, hysteresis=0)
    assert encoder_to_info(encoder) == {**info, "hysteresis": 0}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"spacing": 0}, "spacing must be an integer in 1..1073741824, not 0"),
        ({"spacing": 4, "offset": 4}, "offset must be an integer in 0..3, not 4"),
        ({"hysteresis": True}, "hysteresis must be an integer in 0..1073741824, not True"),
        ({"resolution": -1.0}, "resolution must be above 0, not -1.0"),
        ({"max_events": 16}, "max_events must be in 1..15, not 16"),
    ],
)
def test_level_crossing_refuses_parameters_that_cannot_work(
    parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LevelCrossingEncoder(channels=1, **parameters)
