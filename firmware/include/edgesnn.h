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

/* What a build may leave out, to save code: 0 for networks without current-based neurons, and
 * without delays. Then an image that needs it is refused with ESNN_NO_FEATURE. */
#ifndef ESNN_WITH_CURRENTS
#define ESNN_WITH_CURRENTS 1
#endif
#ifndef ESNN_WITH_DELAYS
#define ESNN_WITH_DELAYS 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What happened since esnn_load; all wrap at 2^32. May be cleared between calls. */
typedef struct {
    uint32_t steps;
    uint32_t events;  /* input events taken */
    uint32_t sops;    /* synaptic operations: one stored weight added once */
    uint32_t spikes;
    uint32_t dropped; /* input events refused or discarded */
} esnn_counters;

/* The words of an image are read here as they are, whoever has written them, and how. */
#if defined(__GNUC__)
typedef int32_t __attribute__((__may_alias__)) esnn_word;
typedef uint16_t __attribute__((__may_alias__)) esnn_half;
#else
typedef int32_t esnn_word;
typedef uint16_t esnn_half;
#endif

/* A loaded network. It begins the memory that esnn_load was given; its arrays lie behind it. To be
 * read, and only through the functions below where there is one. */
typedef struct {
    const esnn_half *image;
    uint16_t lanes;
    uint16_t slots; /* of each lane */
    uint16_t rule;  /* of the read-out */
    uint16_t limit; /* of the input events */
    const esnn_half *program;
    const esnn_half *program_end;
    uint32_t *lane_words;  /* for each lane: where its synapses begin in the image */
    int32_t *state;        /* membrane of each slot, lane by lane; behind them, the currents */
    int32_t *accumulators; /* of the read-out population, in the order of its neurons */
    uint16_t *spikes;      /* bitmap of the last step, in a ring of them if there are delays */
    uint16_t *events;      /* of the next time step, as they came */
    uint8_t *event_counts; /* limit FULL: events of each input so far */
    uint8_t *end;
    uint32_t num_row_starts;
    uint32_t num_events;
    uint32_t steps_since_reset;
    esnn_counters counters;
    uint32_t refused; /* an event of the next time step was refused */
} esnn_network;

/* Words from the last membrane to the first synaptic current: the check of an image adds up there,
 * so that it has room for a slot. */
enum { ESNN_SPARE_STATES = 8 };

/* Bytes of memory that esnn_load needs for this image, or a status below 0. Reads its first 42 words
 * alone; `image_bytes` is the size of all of it. */
int32_t esnn_required_bytes(const void *image, uint32_t image_bytes);

/* Checks the whole image and makes a network of it, in its state after reset. `memory` and `image`
 * must be aligned to 4 bytes, `memory` also as a pointer. */
int32_t esnn_load(esnn_network **network, const void *image, uint32_t image_bytes, void *memory,
                  uint32_t memory_bytes);

/* Membranes and currents to 0, no spikes under way and no events waiting, empty accumulators.
 * Counters stay. */
void esnn_reset(esnn_network *network);

/* One event of input `source` for the next time step. ESNN_EVENT_REFUSED if no such input exists or
 * the network does not allow one more; then the next esnn_step is refused. */
int32_t esnn_push_event(esnn_network *network, uint32_t source);

/* One time step. ESNN_STEP_REFUSED if an event of it was refused: then its events are dropped and
 * counted, and nothing else changes. */
int32_t esnn_step(esnn_network *network);

/* Spikes of the last step as a bitmap, esnn_num_spike_words() words: neuron j of a population is
 * bit j mod 16 of word j / 16, counted from the population's first word (docs/memory_image.md). */
static inline const uint16_t *esnn_spikes(const esnn_network *n) { return n->spikes; }
static inline uint32_t esnn_num_spike_words(const esnn_network *n) {
    return n->image[ESNN_HEADER_SPIKE_WORDS];
}

/* The read-out: index of the largest accumulator, the lowest on a tie, -1 if nothing is decided. */
int32_t esnn_decision(const esnn_network *network);
static inline uint32_t esnn_num_accumulators(const esnn_network *n) {
    return n->program[ESNN_PROLOGUE_READOUT_SIZE];
}
static inline int32_t esnn_accumulator(const esnn_network *n, uint32_t index) {
    return n->accumulators[index];
}

/* Stored membrane of a slot of a lane, for tests and tools. */
static inline int32_t esnn_membrane(const esnn_network *n, uint32_t lane, uint32_t slot) {
    return n->state[lane * n->slots + slot];
}
/* Stored synaptic current of a slot of a lane; 0 where there is none. */
static inline int32_t esnn_current(const esnn_network *n, uint32_t lane, uint32_t slot) {
    const uint32_t has_currents = n->image[ESNN_HEADER_FEATURES] >> ESNN_FEATURE_CURRENTS & 1u;
    return has_currents ? n->state[(n->lanes + lane) * n->slots + ESNN_SPARE_STATES + slot] : 0;
}
static inline uint32_t esnn_num_slots(const esnn_network *n) { return n->slots; }
static inline uint32_t esnn_num_lanes(const esnn_network *n) { return n->lanes; }
static inline uint32_t esnn_num_inputs(const esnn_network *n) {
    return n->image[ESNN_HEADER_NUM_INPUTS];
}
/* Time steps of one decision. */
static inline uint32_t esnn_window_steps(const esnn_network *n) {
    return n->image[ESNN_HEADER_WINDOW_STEPS];
}
static inline uint32_t esnn_steps_since_reset(const esnn_network *n) {
    return n->steps_since_reset;
}

/* The image that is loaded, and its CRC-32. */
static inline const void *esnn_image(const esnn_network *n) { return n->image; }
static inline uint32_t esnn_image_crc(const esnn_network *n) {
    const uint32_t words = n->image[ESNN_HEADER_TOTAL_WORDS_LOW] |
                           (uint32_t)n->image[ESNN_HEADER_TOTAL_WORDS_HIGH] << 16;
    return n->image[words - 2u] | (uint32_t)n->image[words - 1u] << 16;
}

static inline esnn_counters *esnn_count(esnn_network *n) { return &n->counters; }

/* CRC-32 as of zlib; `crc` is 0 at first, then the result so far. */
uint32_t esnn_crc32(uint32_t crc, const void *bytes, uint32_t num_bytes);

#ifdef __cplusplus
}
#endif

#endif
