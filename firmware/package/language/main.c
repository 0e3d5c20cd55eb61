/* Reads a text with the language model @name@ and compares all scores and states with what edgesnn's
 * simulator has computed on the host: a test of compiler and machine, and a pattern for an
 * application. main returns 0 only if all is as it must be; the last line says so, too. */
#include "@name@_model.h"
#include "@name@_test.h"
#include "check.h"

static @name@_memory memory;

/* Scores and states after a token, added to a CRC-32. */
static uint32_t add_numbers(uint32_t crc, const esnn_lm *model) {
    uint32_t layer;
    crc = esnn_crc32(crc, esnn_lm_scores(model), 4u * esnn_lm_num_tokens(model));
    for (layer = 0; layer < esnn_lm_num_layers(model); layer++) {
        crc = esnn_crc32(crc, esnn_lm_h(model, layer), 2u * esnn_lm_num_units(model, layer));
    }
    return crc;
}

/* Reads the text as far as all is as it must be. */
static int is_as_expected(esnn_lm *model) {
    uint32_t crc = 0, operations = 0, read = 0;
    int ok = 1;
    while (ok && read < @NAME@_TEST_TOKENS) {
        const int32_t status = esnn_lm_read(model, @name@_test_tokens[read]);
        crc = add_numbers(crc, model);
        if (status != ESNN_OK) {
            ok = is_number("status ", status, ESNN_OK);
        } else if (crc != @name@_test_crcs[read]) {
            ok = is_count("CRC-32 of scores and states ", crc, @name@_test_crcs[read]);
        } else {
            operations += esnn_lm_operations(model);
            read++;
        }
    }
    ok &= is_count("tokens read ", read, @NAME@_TEST_TOKENS);
    if (ok) {
        ok &= is_count("synaptic operations ", operations, @NAME@_TEST_OPERATIONS);
        ok &= is_count("best token ", esnn_lm_best_token(model), @NAME@_TEST_BEST_TOKEN);
    }
    return ok;
}

int main(void) {
    esnn_lm *model;
    const int32_t status = @name@_load(&model, &memory);
    const int ok = is_number("status ", status, ESNN_OK) && is_as_expected(model);
    put(ok ? "passed: the same as on the host\n" : "FAILED: not the same as on the host\n");
    return ok ? 0 : 1;
}
