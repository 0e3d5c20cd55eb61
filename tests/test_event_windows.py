"""Many windows of events: the same as their dense counts, whatever is done to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents


@st.composite
def rasters(draw: st.DrawFn) -> np.ndarray:
    shape = tuple(draw(st.integers(low, 5)) for low in (0, 1, 1))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 4, shape) * (rng.random(shape) < 0.5)).astype(np.uint8)


@given(rasters())
def test_rasters_come_back_from_events(counts: np.ndarray) -> None:
    windows = EventWindows.from_rasters(counts)
    assert len(windows) == len(counts)
    assert windows.num_events == counts.sum()
    assert np.array_equal(windows.to_rasters(), counts)


@given(rasters(), st.data())
def test_selected_windows_hold_the_events_of_their_originals(
    counts: np.ndarray, data: st.DataObject
) -> None:
    indices = st.integers(0, len(counts) - 1)
    chosen = data.draw(st.lists(indices, max_size=6)) if len(counts) else []
    selected = EventWindows.from_rasters(counts).select(chosen)
    assert np.array_equal(selected.to_rasters(), counts[np.array(chosen, int)])


@given(rasters())
def test_streams_are_the_windows_one_by_one(counts: np.ndarray) -> None:
    windows = EventWindows.from_rasters(counts)
    found = [stream.to_raster(counts.shape[2]) for stream in windows.streams()]
    assert all(np.array_equal(a, b) for a, b in zip(found, counts, strict=True))
    if len(counts):
        again = EventWindows.from_streams(windows.streams(), counts.shape[2])
        assert np.array_equal(again.to_rasters(), counts)


def test_windows_that_do_not_fit_together_are_refused() -> None:
    ids = np.array([0, 1], np.uint16)
    with pytest.raises(InputError, match="3 starts for each window and one end, not 3 numbers"):
        EventWindows(3, 2, np.array([0, 1, 2]), ids)
    with pytest.raises(InputError, match="must rise from 0 to 2"):
        EventWindows(2, 2, np.array([0, 3, 2]), ids)
    with pytest.raises(InputError, match=r"source ids must be in 0..0, not 1"):
        EventWindows(2, 1, np.array([0, 1, 2]), ids)
    with pytest.raises(InputError, match="at least one time step"):
        EventWindows(0, 1, np.array([0]), ids[:0])
    with pytest.raises(InputError, match="integers"):
        EventWindows.from_rasters(np.zeros((1, 2, 3)))
    short, long = (EventWindows.from_rasters(np.ones((1, n, 1), int)) for n in (1, 2))
    with pytest.raises(InputError, match=r"one length in steps, not \[1, 2\]"):
        EventWindows.from_streams([short.stream(0), long.stream(0)], 1)


def test_counts_that_do_not_fit_a_byte_are_refused() -> None:
    windows = EventWindows(1, 1, np.array([0, 256]), np.zeros(256, np.uint16))
    with pytest.raises(InputError, match="at most 255 events in a step, not 256"):
        windows.to_rasters()


def labelled() -> LabelledEvents:
    counts = np.arange(12).reshape(12, 1, 1)
    return LabelledEvents(EventWindows.from_rasters(counts), np.arange(12) % 3)


def test_so_many_windows_of_each_class_are_chosen_by_the_seed() -> None:
    data = labelled()
    few = data.per_class(2, seed=1)
    assert sorted(few.labels) == [0, 0, 1, 1, 2, 2]
    counts = few.events.to_rasters().ravel()
    assert np.array_equal(counts % 3, few.labels)
    assert len(set(counts.tolist())) == 6
    assert np.array_equal(counts, data.per_class(2, seed=1).events.to_rasters().ravel())
    assert len(data.per_class(100, seed=1)) == 12


def test_labels_that_do_not_fit_are_refused() -> None:
    events = labelled().events
    with pytest.raises(InputError, match="12 integers, one for each window"):
        LabelledEvents(events, np.zeros(5, int))
    with pytest.raises(InputError, match="0 or above, not -1"):
        LabelledEvents(events, np.full(12, -1))
