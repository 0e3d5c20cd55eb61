/* What harnesses share. */
#ifndef EDGESNN_HARNESS_H
#define EDGESNN_HARNESS_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "edgesnn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(int condition) {
    if (!condition) {
        abort();
    }
}

/* The bytes behind the first two as an image, no byte more, for the sanitizer; with the CRC-32 that
 * it should have if the first one is odd: so that what lies behind that check is reached. */
static inline uint8_t *image_in(const uint8_t *data, size_t size, uint32_t *image_bytes) {
    uint8_t *image = malloc(size > 2 ? size - 2 : 1u);
    *image_bytes = (uint32_t)(size - 2);
    memcpy(image, data + 2, *image_bytes);
    if ((data[0] & 1) && *image_bytes >= 4) {
        const uint32_t crc = esnn_crc32(0, image, *image_bytes - 4);
        memcpy(image + *image_bytes - 4, &crc, 4);
    }
    return image;
}

#endif
