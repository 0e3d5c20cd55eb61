"""The ring against a deque; and with both sides at once."""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from ctypes import POINTER, byref, c_uint16, c_uint32

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.firmware.compiled import UNDEFINED, library


class Ring(ctypes.Structure):
    _fields_ = (
        ("words", POINTER(c_uint16)),
        ("capacity", c_uint32),
        ("put", c_uint32),
        ("taken", c_uint32),
        ("dropped", c_uint32),
    )


def ring_library() -> ctypes.CDLL:
    return library(("edgesnn_ring.c",), flags=tuple(UNDEFINED))


class RingIsADequeOfLimitedLength(RuleBasedStateMachine):
    @initialize(num_words=st.integers(0, 20), begin=st.sampled_from([0, 2**32 - 3]))
    def start(self, num_words: int, begin: int) -> None:
        self.c = ring_library()
        # One more, which the ring does not know of and must leave alone.
        self.memory = (c_uint16 * (num_words + 1))(*[7] * (num_words + 1))
        self.capacity = 1 << num_words.bit_length() - 1 if num_words else 0
        self.ring = Ring(None, 99, 99, 99, 99)
        self.c.esnn_ring_start(byref(self.ring), self.memory, num_words)
        # As after a long time.
        self.ring.put = self.ring.taken = begin
        self.model: deque[int] = deque()
        self.dropped = 0

    @rule(words=st.lists(st.integers(0, 65535), max_size=24))
    def put(self, words: list[int]) -> None:
        fits = len(words) <= self.capacity - len(self.model)
        given = (c_uint16 * len(words))(*words)
        assert self.c.esnn_ring_put(byref(self.ring), given, len(words)) == fits
        if fits:
            self.model.extend(words)
        else:
            self.dropped += len(words)

    @rule(most=st.integers(0, 24))
    def take(self, most: int) -> None:
        found = (c_uint16 * most)()
        count = self.c.esnn_ring_take(byref(self.ring), found, most)
        assert found[:count] == [self.model.popleft() for _ in range(min(most, len(self.model)))]

    @invariant()
    def counts_are_right(self) -> None:
        assert self.ring.capacity == self.capacity
        assert self.ring.dropped == self.dropped
        assert self.c.esnn_ring_waiting(byref(self.ring)) == len(self.model)
        assert self.c.esnn_ring_room(byref(self.ring)) == self.capacity - len(self.model)
        assert self.memory[len(self.memory) - 1] == 7


TestRing = RingIsADequeOfLimitedLength.TestCase


#: Both sides as loops in C: the producer tries until each word is in, the consumer counts those
#: that come in order.
LOOPS = """
#include "edgesnn_ring.h"
void produce(esnn_ring *ring, uint32_t last);
void produce(esnn_ring *ring, uint32_t last) {
    for (uint32_t n = 0; n < last;) {
        uint16_t pair[2] = {(uint16_t)n, (uint16_t)(n + 1)};
        n += esnn_ring_put(ring, pair, 2) * 2;
    }
}
uint32_t consume(esnn_ring *ring, uint32_t last);
uint32_t consume(esnn_ring *ring, uint32_t last) {
    uint32_t n = 0, in_order = 0;
    while (n < last) {
        uint16_t words[5];
        uint32_t count = esnn_ring_take(ring, words, 5);
        for (uint32_t i = 0; i < count; i++, n++) {
            in_order += words[i] == (uint16_t)n;
        }
    }
    return in_order;
}
"""


@pytest.mark.parametrize("num_words", [2, 16, 256])
def test_two_threads_at_once_lose_and_repeat_nothing(num_words: int) -> None:
    c = library(("edgesnn_ring.c",), LOOPS, flags=("-O2",))
    memory = (c_uint16 * num_words)()
    ring = Ring()
    c.esnn_ring_start(byref(ring), memory, num_words)
    last = 200_000
    # ctypes lets go of the interpreter's lock, so the two really run at once.
    producer = threading.Thread(target=c.produce, args=(byref(ring), last))
    producer.start()
    in_order = c.consume(byref(ring), last)
    producer.join()
    assert in_order == last
    assert ring.dropped % 2 == 0
