"""Input events: making them, and refusing what a network does not take."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgesnn.errors import EventLimitError, InputError
from edgesnn.events import EventStream, check_events
from edgesnn.network import EventLimit, EventLimitForm

RASTERS = arrays.arrays(
    np.int64, st.tuples(st.integers(0, 6), st.integers(1, 5)), elements=st.integers(0, 4)
)


@given(RASTERS)
def test_raster_comes_back(raster):
    stream = EventStream.from_raster(raster)
    assert np.array_equal(stream.to_raster(raster.shape[1]), raster)
    assert (stream.num_steps, stream.num_events) == (len(raster), raster.sum())


@given(st.lists(st.lists(st.integers(0, 65535), max_size=5), max_size=5))
def test_steps_come_back_in_order_of_arrival(steps):
    stream = EventStream.from_steps(steps)
    assert [step.tolist() for step in stream] == steps
    assert stream.source_ids.dtype == np.uint16


def test_boolean_raster_is_one_event_for_each_true():
    assert [s.tolist() for s in EventStream.from_raster([[True, False, True]])] == [[0, 2]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EventStream.from_steps([[65536]]), "source ids must be in 0..65535"),
        (lambda: EventStream.from_steps([[-1]]), "source ids must be in 0..65535"),
        (lambda: EventStream.from_raster([1, 2]), "a raster must be a matrix of integers"),
        (lambda: EventStream.from_raster([[0.5]]), "not float64 with 2 dimensions"),
        (lambda: EventStream.from_raster([[-1]]), "a raster must not hold negative counts"),
        (
            lambda: EventStream.from_raster(np.zeros((0, 65537), int)),
            "a raster must have at most 65536 sources, not 65537",
        ),
    ],
)
def test_events_that_cannot_be_are_refused(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_unknown_source_is_refused(small_network):
    with pytest.raises(InputError) as caught:
        check_events(small_network, EventStream.from_steps([[0], [3]]))
    assert str(caught.value) == "source ids must be in 0..2, not 3"


def test_too_many_events_of_one_source_are_refused(small_network):
    check_events(small_network, EventStream.from_steps([[0, 1, 0, 2, 0], [0, 0, 0]]))
    with pytest.raises(EventLimitError) as caught:
        check_events(small_network, EventStream.from_steps([[1], [2, 0, 2, 2, 2]]))
    assert str(caught.value) == (
        "source 2 must send at most 3 events in a time step, not 4 in step 1"
    )


def test_too_many_events_of_a_step_are_refused(small_network):
    network = replace(small_network, event_limit=EventLimit(EventLimitForm.LIMITED, 4))
    check_events(network, EventStream.from_steps([[0, 0, 0, 0]]))
    with pytest.raises(EventLimitError) as caught:
        check_events(network, EventStream.from_steps([[], [0, 1, 2, 0, 1], [0]]))
    assert str(caught.value) == "time step 1 must carry at most 4 events, not 5"


def test_no_steps_are_allowed(small_network):
    check_events(small_network, EventStream.from_steps([]))
    limited = replace(small_network, event_limit=EventLimit(EventLimitForm.LIMITED, 4))
    check_events(limited, EventStream.from_steps([]))
