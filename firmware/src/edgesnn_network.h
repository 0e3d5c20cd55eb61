/* What edgesnn.c and edgesnn_load.c share. */
#ifndef EDGESNN_NETWORK_H
#define EDGESNN_NETWORK_H

#include "edgesnn.h"

/* Functions that save code and stack if the compiler does not put them where they are called. */
#if defined(__GNUC__)
#define ESNN_APART __attribute__((__noinline__))
#else
#define ESNN_APART
#endif

/* Words from the header of a section to its body. */
enum { ESNN_SECTION_HEADER_WORDS = 4 };

/* Parameters of a lane, from a slot on. */
typedef struct {
    const esnn_word *threshold;
    const esnn_word *bias;
    const esnn_half *decay;
} esnn_parameters;

esnn_parameters esnn_lane_parameters(const esnn_network *n, uint32_t lane, uint32_t slot);

static inline const esnn_half *esnn_lane_synapses(const esnn_network *n, uint32_t lane) {
    return n->image + n->lane_words[lane];
}

static inline int32_t *esnn_lane_state(const esnn_network *n, uint32_t lane) {
    return n->state + lane * n->slots;
}

/* 4-bit two's complement in the low bits. */
static inline int32_t esnn_weight(uint32_t code) { return (int32_t)(code << 28) >> 28; }

#endif
