/* Any bytes as a memory image.
 *
 * The first byte says whether the image gets the CRC-32 that it should have (odd), the second how
 * much of the memory it asks for it gets. An image that is accepted then runs a few steps, with
 * events that the last bytes name.
 *
 * Whatever they are: no access out of bounds, nothing undefined, and an end. */
#include "harness.h"

enum { NUM_STEPS = 4, MOST_MEMORY = 1 << 20 };

static void run(esnn_network *network, const uint8_t *data, size_t size) {
    for (int step = 0; step < NUM_STEPS; step++) {
        for (size_t i = size < 32 ? 0 : size - 32; i + 1 < size; i += 2) {
            const uint32_t source = data[i] | (uint32_t)data[i + 1] << 8;
            (void)esnn_push_event(network, source % (esnn_num_inputs(network) + 1u));
        }
        (void)esnn_step(network);
        (void)esnn_step(network);
        must(esnn_decision(network) < (int32_t)esnn_num_accumulators(network));
    }
    esnn_reset(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    uint32_t image_bytes;
    uint8_t *image = image_in(data, size, &image_bytes);
    const int32_t needed = esnn_required_bytes(image, image_bytes);
    if (needed >= 0 && needed <= MOST_MEMORY) {
        const uint32_t given = data[1] ? (uint32_t)needed : (uint32_t)needed / 2;
        void *memory = malloc(given ? given : 1u);
        esnn_network *network = 0;
        const int32_t status = esnn_load(&network, image, image_bytes, memory, given);
        must((status == ESNN_OK) == (network != 0));
        if (status == ESNN_OK) {
            run(network, data, size);
        }
        free(memory);
    }
    free(image);
    return 0;
}
