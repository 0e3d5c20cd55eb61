/* Checks the image of a language model, and makes a model of it.
 *
 * An image is accepted if it is the one that edgesnn would write for the model in it (docs/egru.md,
 * "Memory image"). So whatever runs has a meaning, and the step need not look. */
#include "edgesnn_language_model.h"

/* Words of an image at least: so many are read before its length is compared with its header. */
enum { LEAST_WORDS = ESNN_LM_NUM_HEADER_WORDS + ESNN_LM_NUM_LAYER_WORDS + 1 };

/* How far an image has been followed. */
typedef struct {
    const esnn_word *image;
    uint32_t at;
    uint32_t end; /* of all but the CRC-32 */
} way;

/* What a model needs in memory. */
typedef struct {
    uint32_t num_units; /* of all layers */
    uint32_t most_rows; /* of a matrix */
    uint32_t most_arriving;
} sizes;

/* 1 if the next part has as many bytes, and 0 behind it up to a multiple of 4. Moves on. */
static int pass(way *w, uint32_t num_bytes) {
    const uint8_t *bytes = (const uint8_t *)(const void *)w->image;
    if (num_bytes > w->end - w->at) {
        return 0;
    }
    for (w->at += num_bytes; (w->at & 3u) != 0; w->at++) {
        if (bytes[w->at] != 0) {
            return 0;
        }
    }
    return 1;
}

/* Likewise of a matrix, which must begin here. */
static int pass_matrix(way *w, esnn_word offset, uint32_t num_rows, uint32_t num_sources) {
    return (uint32_t)offset == w->at && pass(w, 8u * num_rows + 4u * num_sources + 4u) &&
           pass(w, (uint32_t)w->image[w->at / 4u - 1u]);
}

static int is_count(esnn_word count) { return (uint32_t)count - 1u < ESNN_LM_MAX_COUNT; }

/* Counts are in their ranges, and parts lie one behind the other as the offsets say. */
ESNN_APART static int32_t check_layout(const esnn_word *image, uint32_t image_bytes, sizes *s) {
    uint32_t tokens, layers, layer, units, below = 0;
    way w;
    if (((uintptr_t)image & 3u) != 0) {
        return ESNN_BAD_ALIGNMENT;
    }
    if (image_bytes < 4u * LEAST_WORDS) {
        return ESNN_BAD_LENGTH;
    }
    if (image[ESNN_LM_HEADER_MAGIC] != ESNN_LM_IMAGE_MAGIC) {
        return ESNN_BAD_MAGIC;
    }
    if (image[ESNN_LM_HEADER_VERSION] != ESNN_LM_IMAGE_VERSION) {
        return ESNN_BAD_VERSION;
    }
    if (image[ESNN_LM_HEADER_KIND] != ESNN_LM_KIND_EGRU) {
        return ESNN_NO_FEATURE;
    }
    if ((image_bytes & 3u) != 0 || image_bytes > ESNN_LM_MAX_BYTES ||
        (uint32_t)image[ESNN_LM_HEADER_TOTAL_BYTES] != image_bytes) {
        return ESNN_BAD_LENGTH;
    }
    if (!is_count(image[ESNN_LM_HEADER_NUM_TOKENS]) ||
        !is_count(image[ESNN_LM_HEADER_NUM_LAYERS])) {
        return ESNN_BAD_HEADER;
    }
    tokens = (uint32_t)image[ESNN_LM_HEADER_NUM_TOKENS];
    layers = (uint32_t)image[ESNN_LM_HEADER_NUM_LAYERS];
    w.image = image;
    w.at = 4u * ESNN_LM_NUM_HEADER_WORDS;
    w.end = image_bytes - 4u;
    if (!pass(&w, 4u * ESNN_LM_NUM_LAYER_WORDS * layers) ||
        (uint32_t)image[ESNN_LM_HEADER_TABLE] != w.at) {
        return ESNN_BAD_SECTION;
    }
    s->num_units = 0;
    s->most_rows = tokens;
    s->most_arriving = 0;
    for (layer = 0; layer < layers; layer++) {
        const esnn_word *words = esnn_lm_layer_at(image, layer);
        uint32_t rows;
        if (!is_count(words[ESNN_LM_LAYER_NUM_UNITS])) {
            return ESNN_BAD_HEADER;
        }
        units = (uint32_t)words[ESNN_LM_LAYER_NUM_UNITS];
        rows = ESNN_LM_ROWS_OF_UNIT * units;
        if (layer == 0) {
            /* The table; first without four bits, so that no product is beyond 32. */
            if (words[ESNN_LM_LAYER_INPUTS] != 0 ||
                tokens * (2u * rows >> 4) > (w.end - w.at) >> 4 || !pass(&w, tokens * 2u * rows)) {
                return ESNN_BAD_SECTION;
            }
        } else {
            if (!pass_matrix(&w, words[ESNN_LM_LAYER_INPUTS], rows, below)) {
                return ESNN_BAD_SECTION;
            }
            s->most_arriving = rows > s->most_arriving ? rows : s->most_arriving;
        }
        if (!pass_matrix(&w, words[ESNN_LM_LAYER_RECURRENT], rows, units) ||
            (uint32_t)words[ESNN_LM_LAYER_THRESHOLDS] != w.at || !pass(&w, 2u * units)) {
            return ESNN_BAD_SECTION;
        }
        s->num_units += units;
        s->most_rows = rows > s->most_rows ? rows : s->most_rows;
        below = units;
    }
    if (!pass_matrix(&w, image[ESNN_LM_HEADER_SCORES], tokens, below) || w.at != w.end) {
        return ESNN_BAD_SECTION;
    }
    return ESNN_OK;
}

/* Gives every array its place in memory that begins at `at`; returns where it ends. All of it is
 * less than the image: a unit has 30 bytes there, a row and a token 8. */
static uintptr_t divide_memory(const esnn_word *image, const sizes *s, esnn_lm *m, uintptr_t at) {
    m->image = image;
    at += sizeof *m;
    m->sums = (int32_t *)at;
    at += 4u * s->most_rows;
    m->num_sent = (uint32_t *)at;
    at += 4u * (uint32_t)image[ESNN_LM_HEADER_NUM_LAYERS];
    m->h = (int16_t *)at;
    at += 2u * s->num_units;
    m->sent = (uint16_t *)at;
    at += 2u * s->num_units;
    m->arriving = (int16_t *)at;
    at += 2u * s->most_arriving;
    m->values = (uint8_t *)at;
    at = (at + s->num_units + 3u) & ~(uintptr_t)3u;
    m->end = (uint8_t *)at;
    return at;
}

/* The entries of a source: rows that there are, as the encoder writes them. Adds up the sizes of
 * weights. */
static int32_t check_entries(const uint8_t *entry, const uint8_t *end, uint32_t num_rows,
                             int32_t *sums) {
    uint32_t row = 0;
    uint32_t filler = 0;
    for (; entry != end; entry++) {
        const int32_t weight = esnn_weight(*entry);
        row += weight != 0 ? (uint32_t)*entry >> 4 : *entry;
        if (row >= num_rows || weight < -ESNN_LM_LARGEST_WEIGHT) {
            return ESNN_BAD_ROW;
        }
        if (weight != 0) {
            sums[row++] += weight < 0 ? -weight : weight;
            filler = 0;
        } else if (*entry == 0 || (filler != 0 && filler != ESNN_LM_MAX_FILLER)) {
            return ESNN_BAD_ROW;
        } else {
            filler = *entry;
        }
    }
    return filler == 0 ? ESNN_OK : ESNN_BAD_ROW;
}

/* sum * multiplier / 2^16, rounded up, of a sum below 2^27; far more if it is beyond 32 bits. */
static uint32_t scaled_up(uint32_t sum, uint32_t multiplier) {
    const uint32_t high = (sum >> 16) * (multiplier >> 16);
    const uint32_t low = (sum & 0xFFFFu) * (multiplier & 0xFFFFu);
    if (high > ESNN_LM_LARGEST_SUM >> 16) {
        return UINT32_MAX;
    }
    return (high << 16) + (sum >> 16) * (multiplier & 0xFFFFu) +
           (sum & 0xFFFFu) * (multiplier >> 16) + ((low + 0xFFFFu) >> 16);
}

/* Entries and rows of a matrix. The sum of a row is below 2^27 before its multiplier: 65,535
 * weights of 7, times 255. */
ESNN_APART static int32_t check_matrix(const esnn_lm *m, const esnn_lm_matrix *x) {
    uint32_t source, row;
    if (x->starts[0] != 0) {
        return ESNN_BAD_SECTION;
    }
    for (source = 0; source < x->num_sources; source++) {
        if ((uint32_t)x->starts[source] > (uint32_t)x->starts[source + 1u]) {
            return ESNN_BAD_SECTION;
        }
    }
    for (row = 0; row < x->num_rows; row++) {
        m->sums[row] = 0;
    }
    for (source = 0; source < x->num_sources; source++) {
        const int32_t status =
            check_entries(x->entries + (uint32_t)x->starts[source],
                          x->entries + (uint32_t)x->starts[source + 1u], x->num_rows, m->sums);
        if (status != ESNN_OK) {
            return status;
        }
    }
    for (row = 0; row < x->num_rows; row++) {
        const esnn_word *scale = x->scales + 2u * row;
        const uint32_t sum = (uint32_t)m->sums[row] * ESNN_LM_LARGEST_EVENT;
        const uint32_t bias = scale[1] < 0 ? 0u - (uint32_t)scale[1] : (uint32_t)scale[1];
        if (scale[0] < 0) {
            return ESNN_BAD_PARAMETER;
        }
        if (bias > ESNN_LM_LARGEST_SUM ||
            scaled_up(sum, (uint32_t)scale[0]) > ESNN_LM_LARGEST_SUM - bias) {
            return ESNN_CAN_OVERFLOW;
        }
    }
    return ESNN_OK;
}

static int32_t check_layer(const esnn_lm *m, uint32_t layer) {
    const esnn_half *thresholds = esnn_lm_thresholds(m, layer);
    const uint32_t units = esnn_lm_num_units(m, layer);
    int32_t status = ESNN_OK;
    uint32_t i;
    esnn_lm_matrix x;
    if (layer != 0) {
        x = esnn_lm_inputs(m, layer);
        status = check_matrix(m, &x);
    }
    if (status == ESNN_OK) {
        x = esnn_lm_recurrent(m, layer);
        status = check_matrix(m, &x);
    }
    for (i = 0; status == ESNN_OK && i < units; i++) {
        status = thresholds[i] > ESNN_LM_STATE_ONE ? ESNN_BAD_PARAMETER : ESNN_OK;
    }
    return status;
}

int32_t esnn_lm_required_bytes(const void *image, uint32_t image_bytes) {
    const esnn_word *words = (const esnn_word *)image;
    esnn_lm m;
    sizes s;
    const int32_t status = check_layout(words, image_bytes, &s);
    return status == ESNN_OK ? (int32_t)divide_memory(words, &s, &m, 0) : status;
}

int32_t esnn_lm_load(esnn_lm **model, const void *image, uint32_t image_bytes, void *memory,
                     uint32_t memory_bytes) {
    const esnn_word *words = (const esnn_word *)image;
    esnn_lm *m = (esnn_lm *)memory;
    sizes s;
    esnn_lm_matrix scores;
    uint32_t layer;
    int32_t status = check_layout(words, image_bytes, &s);
    if (status != ESNN_OK) {
        return status;
    }
    if (((uintptr_t)memory & (sizeof(void *) - 1u)) != 0) {
        return ESNN_BAD_ALIGNMENT;
    }
    if (memory_bytes < sizeof *m ||
        divide_memory(words, &s, m, (uintptr_t)memory) - (uintptr_t)memory > memory_bytes) {
        return ESNN_TOO_LITTLE_MEMORY;
    }
    if (esnn_crc32(0, image, image_bytes - 4u) != (uint32_t)words[image_bytes / 4u - 1u]) {
        return ESNN_BAD_CRC;
    }
    for (layer = 0; status == ESNN_OK && layer < esnn_lm_num_layers(m); layer++) {
        status = check_layer(m, layer);
    }
    if (status == ESNN_OK) {
        scores = esnn_lm_matrix_of_scores(m);
        status = check_matrix(m, &scores);
    }
    if (status == ESNN_OK) {
        esnn_lm_reset(m);
        *model = m;
    }
    return status;
}
