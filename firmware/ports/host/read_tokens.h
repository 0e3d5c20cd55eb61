/* What a host calls besides edgesnn_language.h. */
#ifndef EDGESNN_READ_TOKENS_H
#define EDGESNN_READ_TOKENS_H

#include "edgesnn_language.h"

/* Reads tokens, one after the other. Filled, for each of them:
 *
 * scores      esnn_lm_num_tokens() numbers
 * h           of each unit of all layers, from the first layer to the last
 * events      of each layer, how many units sent
 * operations  one number
 *
 * Returns ESNN_OK, or the status of the first token that was refused; it and those after it were
 * not read. */
int32_t esnn_lm_read_tokens(esnn_lm *model, const uint32_t *tokens, uint32_t num_tokens,
                            int32_t *scores, int16_t *h, uint32_t *events, uint32_t *operations);

/* The inline functions of edgesnn_language.h, for callers that have no compiler. */
uint32_t esnn_host_lm_num_tokens(const esnn_lm *model);
uint32_t esnn_host_lm_num_layers(const esnn_lm *model);
uint32_t esnn_host_lm_num_units(const esnn_lm *model, uint32_t layer);

#endif
