/* What edgesnn.c and edgesnn_load.c share. */
#ifndef EDGESNN_NETWORK_H
#define EDGESNN_NETWORK_H

#include "edgesnn.h"

/* Hints to the compiler, which change no result: a function that stands apart, which saves stack
 * and code; a loop that has the registers for itself, or a function that stands where it is called,
 * unless code is to be small; a condition that seldom holds. */
#if defined(__GNUC__)
#define ESNN_APART __attribute__((__noinline__))
#define ESNN_SELDOM(condition) __builtin_expect((condition) != 0, 0)
#else
#define ESNN_APART
#define ESNN_SELDOM(condition) (condition)
#endif
#if defined(__OPTIMIZE_SIZE__)
#define ESNN_HERE ESNN_APART
#define ESNN_LOOP
#else
#define ESNN_HERE inline
#define ESNN_LOOP ESNN_APART
#endif

/* A loop whose turns share what moves its pointers, where code need not be small. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE_SIZE__)
#define ESNN_UNROLLED _Pragma("GCC unroll 4")
#else
#define ESNN_UNROLLED
#endif

/* Zeros below the lowest one of a number that is not 0, where one or two instructions count them;
 * elsewhere none are passed at once. */
#if defined(__GNUC__) && (defined(__ARM_FEATURE_CLZ) || UINTPTR_MAX > 0xFFFFFFFFu)
#define ESNN_ZEROS_BELOW(bits) ((uint32_t)__builtin_ctz(bits))
#else
#define ESNN_ZEROS_BELOW(bits) 0u
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

#if ESNN_WITH_CURRENTS
/* Width of the synaptic currents of a population, 0 if it has none. */
static inline uint32_t esnn_current_bits(const esnn_half *population) {
    return (uint32_t)population[ESNN_POPULATION_CLAMP_BITS] >> ESNN_CURRENT_BITS_SHIFT;
}

/* Synaptic decays of a lane, from a slot on; in images with ESNN_FEATURE_CURRENTS. */
static inline const esnn_half *esnn_lane_synaptic_decay(const esnn_network *n, uint32_t lane,
                                                        uint32_t slot) {
    /* Behind the decays, which are filled up to four bytes. */
    return esnn_lane_parameters(n, lane, 0).decay + ((n->slots + 1u) & ~1u) +
           ESNN_SECTION_HEADER_WORDS + slot;
}
#endif

/* Width of the membranes of a population. */
static inline uint32_t esnn_membrane_bits(const esnn_half *population) {
#if ESNN_WITH_CURRENTS
    return population[ESNN_POPULATION_CLAMP_BITS] & ((1u << ESNN_CURRENT_BITS_SHIFT) - 1u);
#else
    return population[ESNN_POPULATION_CLAMP_BITS];
#endif
}

/* 4-bit two's complement in the low bits. */
static inline int32_t esnn_weight(uint32_t code) { return (int32_t)(code << 28) >> 28; }

#endif
