/* What edgesnn_language.c and edgesnn_language_load.c share. */
#ifndef EDGESNN_LANGUAGE_MODEL_H
#define EDGESNN_LANGUAGE_MODEL_H

#include "edgesnn_language.h"
#include "edgesnn_network.h"

enum {
    ESNN_LM_STATE_ONE = 1 << ESNN_LM_STATE_BITS,
    ESNN_LM_ROWS_OF_UNIT = 3 /* z, r and g */
};

/* A matrix of an image. */
typedef struct {
    const esnn_word *scales; /* multiplier and bias of each row */
    const esnn_word *starts; /* of the entries of each source, and their end */
    const uint8_t *entries;
    uint32_t num_rows;
    uint32_t num_sources;
} esnn_lm_matrix;

static inline const esnn_word *esnn_lm_at(const esnn_word *image, esnn_word offset) {
    return image + (uint32_t)offset / 4u;
}

static inline esnn_lm_matrix esnn_lm_matrix_at(const esnn_word *image, esnn_word offset,
                                               uint32_t num_rows, uint32_t num_sources) {
    esnn_lm_matrix x;
    x.scales = esnn_lm_at(image, offset);
    x.starts = x.scales + 2u * num_rows;
    x.entries = (const uint8_t *)(const void *)(x.starts + num_sources + 1u);
    x.num_rows = num_rows;
    x.num_sources = num_sources;
    return x;
}

static inline const esnn_word *esnn_lm_layer_at(const esnn_word *image, uint32_t layer) {
    return image + ESNN_LM_NUM_HEADER_WORDS + layer * ESNN_LM_NUM_LAYER_WORDS;
}

/* Of a layer that has inputs, and of any. */
static inline esnn_lm_matrix esnn_lm_inputs(const esnn_lm *m, uint32_t layer) {
    return esnn_lm_matrix_at(m->image, esnn_lm_layer_at(m->image, layer)[ESNN_LM_LAYER_INPUTS],
                             ESNN_LM_ROWS_OF_UNIT * esnn_lm_num_units(m, layer),
                             esnn_lm_num_units(m, layer - 1u));
}
static inline esnn_lm_matrix esnn_lm_recurrent(const esnn_lm *m, uint32_t layer) {
    const uint32_t units = esnn_lm_num_units(m, layer);
    return esnn_lm_matrix_at(m->image, esnn_lm_layer_at(m->image, layer)[ESNN_LM_LAYER_RECURRENT],
                             ESNN_LM_ROWS_OF_UNIT * units, units);
}
static inline const esnn_half *esnn_lm_thresholds(const esnn_lm *m, uint32_t layer) {
    return (const esnn_half *)(const void *)esnn_lm_at(
        m->image, esnn_lm_layer_at(m->image, layer)[ESNN_LM_LAYER_THRESHOLDS]);
}

static inline esnn_lm_matrix esnn_lm_matrix_of_scores(const esnn_lm *m) {
    return esnn_lm_matrix_at(m->image, m->image[ESNN_LM_HEADER_SCORES], esnn_lm_num_tokens(m),
                             esnn_lm_num_units(m, esnn_lm_num_layers(m) - 1u));
}

#endif
