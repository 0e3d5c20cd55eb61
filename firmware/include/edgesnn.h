/* edgesnn: runs a spiking neural network of 4-bit weights, bit for bit as edgesnn's simulator and
 * its FPGA core do. C99, integers only, no allocation, no globals, no library.
 *
 *     static uint32_t memory[SIZE];            // at least esnn_required_bytes() / 4 words
 *     esnn_network *network;
 *     if (esnn_load(&network, image, image_bytes, memory, sizeof memory) != ESNN_OK) ...
 *     for (;;) {
 *         esnn_push_event(network, source);    // any number of times
 *         esnn_step(network);                  // one time step
 *         ... esnn_spikes(network), esnn_decision(network) ...
 *     }
 *
 * The image (docs/memory_image.md) stays where it is, in flash for example, and must not change
 * while the network is in use. esnn_load checks all of it, so that the loop can run blind: an image
 * that is damaged, of another version, or made with bad intent is refused with a status below 0
 * and never runs. The machine must be little-endian.
 *
 * Every function that returns int32_t returns a status (ESNN_OK or one below 0, edgesnn_format.h)
 * unless it says otherwise. Nothing here is safe against interrupts or threads that use the same
 * network. */
#ifndef EDGESNN_H
#define EDGESNN_H

#include <stdint.h>

#include "edgesnn_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded network: it lives in the memory that esnn_load was given. */
typedef struct esnn_network esnn_network;

/* What happened since esnn_load; all wrap at 2^32. */
typedef struct {
    uint32_t steps;
    uint32_t events;  /* input events taken */
    uint32_t sops;    /* synaptic operations: one stored weight added once */
    uint32_t spikes;
    uint32_t dropped; /* input events refused or discarded */
} esnn_counters;

/* Bytes of memory that esnn_load needs for this image, or a status below 0. Reads the header
 * alone. */
int32_t esnn_required_bytes(const void *image, uint32_t image_bytes);

/* Checks the whole image and makes a network of it, in its state after reset. `memory` and `image`
 * must be aligned to 4 bytes. */
int32_t esnn_load(esnn_network **network, const void *image, uint32_t image_bytes, void *memory,
                  uint32_t memory_bytes);

/* Membranes to 0, no spikes and no events waiting, empty accumulators. Counters stay. */
void esnn_reset(esnn_network *network);

/* One event of input `source` for the next time step. ESNN_EVENT_REFUSED if no such input exists or
 * the network does not allow one more; then the next esnn_step is refused. */
int32_t esnn_push_event(esnn_network *network, uint32_t source);

/* One time step. ESNN_STEP_REFUSED if an event of it was refused: then its events are dropped and
 * counted, and nothing else changes. */
int32_t esnn_step(esnn_network *network);

/* Spikes of the last step as a bitmap, esnn_num_spike_words() words: neuron j of a population is
 * bit j mod 16 of word j / 16, counted from the population's first word (docs/memory_image.md). */
const uint16_t *esnn_spikes(const esnn_network *network);
uint32_t esnn_num_spike_words(const esnn_network *network);

/* The read-out: index of the largest accumulator, the lowest on a tie, -1 if nothing is decided. */
int32_t esnn_decision(const esnn_network *network);
uint32_t esnn_num_accumulators(const esnn_network *network);
int32_t esnn_accumulator(const esnn_network *network, uint32_t index);

/* Stored membrane of a slot of a lane, for tests and tools. */
int32_t esnn_membrane(const esnn_network *network, uint32_t lane, uint32_t slot);
uint32_t esnn_num_slots(const esnn_network *network);
uint32_t esnn_num_lanes(const esnn_network *network);
uint32_t esnn_num_inputs(const esnn_network *network);
uint32_t esnn_window_steps(const esnn_network *network);
uint32_t esnn_steps_since_reset(const esnn_network *network);

/* The image that is loaded. */
const void *esnn_image(const esnn_network *network);
uint32_t esnn_image_crc(const esnn_network *network);

/* May be read and cleared at any time between calls. */
esnn_counters *esnn_count(esnn_network *network);

/* CRC-32 as of zlib; `crc` is 0 at first, then the result so far. */
uint32_t esnn_crc32(uint32_t crc, const void *bytes, uint32_t num_bytes);

#ifdef __cplusplus
}
#endif

#endif
