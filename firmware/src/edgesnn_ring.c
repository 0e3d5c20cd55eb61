#include "edgesnn_ring.h"

#ifndef ESNN_RING_BARRIER
#define ESNN_RING_BARRIER() ((void)0)
#endif

void esnn_ring_start(esnn_ring *ring, uint16_t *words, uint32_t num_words) {
    uint32_t capacity = num_words;
    /* Counts run on past the capacity, so that full and empty differ; a power of two divides 2^32. */
    while (capacity & (capacity - 1)) {
        capacity &= capacity - 1;
    }
    ring->words = words;
    ring->capacity = capacity;
    ring->put = 0;
    ring->taken = 0;
    ring->dropped = 0;
}

uint32_t esnn_ring_waiting(const esnn_ring *ring) {
    /* In two statements, since the order of two reads in one expression is the compiler's. */
    const uint32_t taken = ring->taken;
    return ring->put - taken;
}

uint32_t esnn_ring_room(const esnn_ring *ring) {
    return ring->capacity - esnn_ring_waiting(ring);
}

uint32_t esnn_ring_put(esnn_ring *ring, const uint16_t *words, uint32_t num_words) {
    const uint32_t put = ring->put;
    if (num_words > esnn_ring_room(ring)) {
        ring->dropped = ring->dropped + num_words;
        return 0;
    }
    ESNN_RING_BARRIER();
    for (uint32_t i = 0; i < num_words; i++) {
        ring->words[(put + i) & (ring->capacity - 1)] = words[i];
    }
    ESNN_RING_BARRIER();
    ring->put = put + num_words;
    return 1;
}

uint32_t esnn_ring_take(esnn_ring *ring, uint16_t *words, uint32_t most) {
    const uint32_t taken = ring->taken;
    const uint32_t waiting = esnn_ring_waiting(ring);
    const uint32_t count = waiting < most ? waiting : most;
    ESNN_RING_BARRIER();
    for (uint32_t i = 0; i < count; i++) {
        words[i] = ring->words[(taken + i) & (ring->capacity - 1)];
    }
    ESNN_RING_BARRIER();
    ring->taken = taken + count;
    return count;
}
