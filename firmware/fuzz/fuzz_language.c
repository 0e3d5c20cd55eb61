/* Any bytes as a memory image of a language model.
 *
 * The first byte says whether the image gets the CRC-32 that it should have (odd), the second how
 * much of the memory it asks for it gets. An image that is accepted then reads a few tokens, which
 * the last bytes name.
 *
 * Whatever they are: no access out of bounds, nothing undefined, and an end. */
#include "edgesnn_language.h"
#include "harness.h"

enum { MOST_MEMORY = 1 << 20, NUM_READ = 16 };

static void read_tokens(esnn_lm *model, const uint8_t *data, size_t size) {
    const uint32_t tokens = esnn_lm_num_tokens(model);
    for (size_t i = size < NUM_READ ? 0 : size - NUM_READ; i < size; i++) {
        must(esnn_lm_read(model, data[i] % tokens) == ESNN_OK);
        must(esnn_lm_best_token(model) < tokens);
        for (uint32_t layer = 0; layer < esnn_lm_num_layers(model); layer++) {
            must(esnn_lm_num_sent(model, layer) <= esnn_lm_num_units(model, layer));
        }
    }
    must(esnn_lm_read(model, tokens) == ESNN_BAD_TOKEN);
    esnn_lm_reset(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    uint32_t image_bytes;
    uint8_t *image = image_in(data, size, &image_bytes);
    const int32_t needed = esnn_lm_required_bytes(image, image_bytes);
    if (needed >= 0 && needed <= MOST_MEMORY) {
        const uint32_t given = data[1] ? (uint32_t)needed : (uint32_t)needed / 2;
        void *memory = malloc(given ? given : 1u);
        esnn_lm *model = 0;
        const int32_t status = esnn_lm_load(&model, image, image_bytes, memory, given);
        must((status == ESNN_OK) == (model != 0));
        if (status == ESNN_OK) {
            read_tokens(model, data, size);
        }
        free(memory);
    }
    free(image);
    return 0;
}
