/* A queue of 16-bit words (samples, events) from one producer to one consumer, usually a sampling
 * interrupt and the main loop. The producer never waits: what does not fit is dropped and counted.
 *
 * What this relies on:
 * - Exactly one context puts and exactly one takes. Either may interrupt the other at any point.
 * - Loads and stores of an aligned uint32_t are single accesses. True on every 32-bit machine; on 8
 *   and 16 bits, callers outside the interrupt must hold it off meanwhile.
 * - Words and indices are volatile, so the compiler keeps a word's access before that of the index
 *   which hands it over. Within one core the machine does too, as interrupts see their own core's
 *   accesses in order. Between cores, or where a DMA is the other side, define
 *   ESNN_RING_BARRIER() as the machine's barrier (__DMB() of CMSIS) when compiling edgesnn_ring.c. */
#ifndef EDGESNN_RING_H
#define EDGESNN_RING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    volatile uint16_t *words;
    uint32_t capacity;         /* a power of two, or 0 */
    volatile uint32_t put;     /* words put so far, modulo 2^32; the producer's */
    volatile uint32_t taken;   /* words taken so far, modulo 2^32; the consumer's */
    volatile uint32_t dropped; /* words that found no room, modulo 2^32; the producer's */
} esnn_ring;

/* Uses as many of `num_words` words at `words` as the largest power of two in it. */
void esnn_ring_start(esnn_ring *ring, uint16_t *words, uint32_t num_words);

/* The producer's. All of the words or none: 1 if they are in, 0 if they were dropped. The consumer
 * sees none of them before it can see all. */
uint32_t esnn_ring_put(esnn_ring *ring, const uint16_t *words, uint32_t num_words);

/* The consumer's. Takes up to `most` words, the oldest first; returns how many. */
uint32_t esnn_ring_take(esnn_ring *ring, uint16_t *words, uint32_t most);

/* Either's. Room only grows in the eyes of the producer, waiting words in those of the consumer. */
uint32_t esnn_ring_room(const esnn_ring *ring);
uint32_t esnn_ring_waiting(const esnn_ring *ring);

#ifdef __cplusplus
}
#endif

#endif
