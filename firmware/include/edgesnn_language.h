/* edgesnn: runs a language model of event-based gated recurrent units, bit for bit as docs/egru.md
 * says. C99, integers only, no allocation, no globals, no library.
 *
 *     static uint32_t memory[SIZE];            // at least esnn_lm_required_bytes() / 4 words
 *     esnn_lm *model;
 *     if (esnn_lm_load(&model, image, image_bytes, memory, sizeof memory) != ESNN_OK) ...
 *     for (;;) {
 *         esnn_lm_read(model, token);          // one step
 *         ... esnn_lm_scores(model), token = esnn_lm_best_token(model) ...
 *     }
 *
 * The image (docs/egru.md, "Memory image") stays where it is, in flash for example, and must not
 * change while the model is in use. esnn_lm_load checks all of it, so that a step can run blind: an
 * image that is damaged, of another version, or made with bad intent is refused with a status below
 * 0 and never runs. It is not the image of a spiking network, which esnn_load takes. The machine
 * must be little-endian.
 *
 * Functions that return int32_t return a status (ESNN_OK or one below 0, edgesnn_format.h) unless
 * they say otherwise. Nothing here is safe against interrupts or threads that use the same
 * model. */
#ifndef EDGESNN_LANGUAGE_H
#define EDGESNN_LANGUAGE_H

#include "edgesnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded model. It begins the memory that esnn_lm_load was given; its arrays lie behind it. To be
 * read, and only through the functions below. Arrays of units hold those of all layers, from the
 * first layer to the last. */
typedef struct {
    const esnn_word *image;
    int32_t *sums;      /* of rows while a token is read; then scores */
    uint32_t *num_sent; /* of each layer: units that sent in the last step */
    int16_t *h;         /* of each unit */
    uint16_t *sent;     /* of each layer: units that sent, from its first place on */
    int16_t *arriving;  /* at the rows of a layer, from the one below */
    uint8_t *values;    /* that they sent */
    uint8_t *end;
    uint32_t operations;
} esnn_lm;

/* Bytes of memory that esnn_lm_load needs for this image, or a status below 0. Looks at counts and
 * offsets alone; `image_bytes` is the size of all of it. */
int32_t esnn_lm_required_bytes(const void *image, uint32_t image_bytes);

/* Checks the whole image and makes a model of it that has read nothing. `memory` and `image` must
 * be aligned to 4 bytes, `memory` also as a pointer. */
int32_t esnn_lm_load(esnn_lm **model, const void *image, uint32_t image_bytes, void *memory,
                     uint32_t memory_bytes);

/* Forgets what was read; scores are 0. */
void esnn_lm_reset(esnn_lm *model);

/* Reads one token: a step of every layer, then the scores of the next token. ESNN_BAD_TOKEN if
 * there is no such token; then nothing changes. */
int32_t esnn_lm_read(esnn_lm *model, uint32_t token);

/* The token with the largest score, the lowest on a tie. */
uint32_t esnn_lm_best_token(const esnn_lm *model);

static inline uint32_t esnn_lm_num_tokens(const esnn_lm *m) {
    return (uint32_t)m->image[ESNN_LM_HEADER_NUM_TOKENS];
}
static inline uint32_t esnn_lm_num_layers(const esnn_lm *m) {
    return (uint32_t)m->image[ESNN_LM_HEADER_NUM_LAYERS];
}
static inline uint32_t esnn_lm_num_units(const esnn_lm *m, uint32_t layer) {
    return (uint32_t)m->image[ESNN_LM_NUM_HEADER_WORDS + layer * ESNN_LM_NUM_LAYER_WORDS +
                              ESNN_LM_LAYER_NUM_UNITS];
}

/* Scores of the next token, one for each token, in units of 2^-11; until the next esnn_lm_read. */
static inline const int32_t *esnn_lm_scores(const esnn_lm *m) { return m->sums; }

/* Weights that were added in the last step, those of scores too. */
static inline uint32_t esnn_lm_operations(const esnn_lm *m) { return m->operations; }

/* Units of a layer that sent in the last step. */
static inline uint32_t esnn_lm_num_sent(const esnn_lm *m, uint32_t layer) {
    return m->num_sent[layer];
}

/* Place of a layer's first unit among those of all layers. */
static inline uint32_t esnn_lm_first_unit(const esnn_lm *m, uint32_t layer) {
    uint32_t first = 0;
    while (layer != 0) {
        first += esnn_lm_num_units(m, --layer);
    }
    return first;
}

/* State of each unit of a layer, in 2^-14; which units sent, and what, in 2^-8. */
static inline const int16_t *esnn_lm_h(const esnn_lm *m, uint32_t layer) {
    return m->h + esnn_lm_first_unit(m, layer);
}
static inline const uint16_t *esnn_lm_sent(const esnn_lm *m, uint32_t layer) {
    return m->sent + esnn_lm_first_unit(m, layer);
}
static inline const uint8_t *esnn_lm_values(const esnn_lm *m, uint32_t layer) {
    return m->values + esnn_lm_first_unit(m, layer);
}

#ifdef __cplusplus
}
#endif

#endif
