/* Many tokens in one call, for hosts that load the runtime as a shared library. */
#include "read_tokens.h"

int32_t esnn_lm_read_tokens(esnn_lm *model, const uint32_t *tokens, uint32_t num_tokens,
                            int32_t *scores, int16_t *h, uint32_t *events, uint32_t *operations) {
    uint32_t step, token, layer, unit;
    for (step = 0; step < num_tokens; step++) {
        const int32_t status = esnn_lm_read(model, tokens[step]);
        if (status != ESNN_OK) {
            return status;
        }
        for (token = 0; token < esnn_lm_num_tokens(model); token++) {
            *scores++ = esnn_lm_scores(model)[token];
        }
        for (layer = 0; layer < esnn_lm_num_layers(model); layer++) {
            const int16_t *state = esnn_lm_h(model, layer);
            for (unit = 0; unit < esnn_lm_num_units(model, layer); unit++) {
                *h++ = *state++;
            }
            *events++ = esnn_lm_num_sent(model, layer);
        }
        *operations++ = esnn_lm_operations(model);
    }
    return ESNN_OK;
}

uint32_t esnn_host_lm_num_tokens(const esnn_lm *model) { return esnn_lm_num_tokens(model); }

uint32_t esnn_host_lm_num_layers(const esnn_lm *model) { return esnn_lm_num_layers(model); }

uint32_t esnn_host_lm_num_units(const esnn_lm *model, uint32_t layer) {
    return esnn_lm_num_units(model, layer);
}
