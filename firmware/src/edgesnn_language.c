/* The step of a language model. It trusts the image: esnn_lm_load has checked all of it. Products
 * have 32 bits, so that a small machine needs no library for them. */
#include "edgesnn_language_model.h"
#include "edgesnn_language_tables.h"

enum { EVENT_SHIFT = ESNN_LM_STATE_BITS - ESNN_LM_EVENT_BITS };

/* int16 of an image, read as they are. */
#if defined(__GNUC__)
typedef int16_t __attribute__((__may_alias__)) signed_half;
#else
typedef int16_t signed_half;
#endif

void esnn_lm_reset(esnn_lm *m) {
    esnn_word *word = m->sums;
    while (word != (esnn_word *)(void *)m->end) {
        *word++ = 0; /* all arrays, one behind the other */
    }
    m->operations = 0;
}

/* Adds the weights of a source, times a value, to their rows. Returns how many there are. */
ESNN_LOOP static uint32_t add_source(const uint8_t *entry, const uint8_t *end, int32_t *row,
                                     int32_t value) {
    uint32_t added = (uint32_t)(end - entry);
    while (entry != end) {
        const uint32_t code = *entry++;
        if ((code & 15u) != 0) {
            row += code >> 4;
            *row++ += esnn_weight(code) * value;
        } else {
            row += code;
            added--;
        }
    }
    return added;
}

/* The sums of a matrix over what a layer sent last. */
ESNN_APART static void sum_rows(esnn_lm *m, const esnn_lm_matrix *x, uint32_t layer,
                                uint32_t first_unit) {
    const uint16_t *unit = m->sent + first_unit;
    const uint16_t *const last = unit + m->num_sent[layer];
    const uint8_t *value = m->values + first_unit;
    int32_t *row = m->sums;
    int32_t *const end = row + x->num_rows;
    while (row != end) {
        *row++ = 0;
    }
    for (; unit != last; unit++, value++) {
        const esnn_word *starts = x->starts + *unit;
        m->operations += add_source(x->entries + (uint32_t)starts[0],
                                    x->entries + (uint32_t)starts[1], m->sums, *value);
    }
}

/* bias + round_shift(sum * multiplier, 16), in products of 32 bits: the multiplier and the sum are
 * taken apart into their halves. */
static ESNN_HERE int32_t scaled(int32_t sum, const esnn_word *scale) {
    const int32_t high = scale[0] >> 16;
    const int32_t low = scale[0] & 0xFFFF;
    const uint32_t rest = ((uint32_t)sum & 0xFFFFu) * (uint32_t)low + 0x8000u;
    return scale[1] + sum * high + (sum >> 16) * low + (int32_t)(rest >> 16);
}

/* The entry of an argument, the last one if it is beyond the table; `both` less the entry of
 * -1 - a, if a is below 0. */
static ESNN_HERE int32_t looked_up(const int16_t *table, uint32_t shift, int32_t both, int32_t a) {
    const uint32_t cell = (uint32_t)(a < 0 ? -1 - a : a) >> shift;
    const int32_t entry = table[cell < ESNN_LM_HALF_TABLE ? cell : ESNN_LM_HALF_TABLE - 1];
    return a < 0 ? both - entry : entry;
}

static ESNN_HERE int32_t sigmoid(int32_t a) {
    return looked_up(esnn_sigmoid_table, ESNN_LM_SIGMOID_SHIFT, ESNN_LM_STATE_ONE, a);
}

static ESNN_HERE int32_t tanh_of(int32_t a) {
    return looked_up(esnn_tanh_table, ESNN_LM_TANH_SHIFT, 0, a);
}

/* The step of a layer's units, after the sums of its recurrent matrix; docs/egru.md.
 *
 * arriving    at each row
 * thresholds  of each unit */
ESNN_APART static void step_units(esnn_lm *m, const esnn_lm_matrix *recurrent,
                                  const signed_half *arriving, const esnn_half *thresholds,
                                  uint32_t layer, uint32_t first_unit) {
    const int32_t half = ESNN_LM_STATE_ONE / 2;
    const uint32_t units = recurrent->num_sources;
    const uint32_t to_g = 2u * units;
    const esnn_word *scale = recurrent->scales;
    const int32_t *sums = m->sums;
    int16_t *h = m->h + first_unit;
    uint16_t *const sent = m->sent + first_unit;
    uint8_t *const values = m->values + first_unit;
    uint32_t num_sent = 0, i;
    for (i = 0; i < units; i++, scale += 2) {
        const int32_t z = sigmoid(arriving[i] + scaled(sums[i], scale));
        const int32_t r =
            sigmoid(arriving[units + i] + scaled(sums[units + i], scale + 2u * units));
        const int32_t back = scaled(sums[to_g + i], scale + 2u * to_g);
        /* round_shift(r * back, 14), in two products */
        const int32_t heard = r * (back >> ESNN_LM_STATE_BITS) +
                              ((r * (back & (ESNN_LM_STATE_ONE - 1)) + half) >> ESNN_LM_STATE_BITS);
        const int32_t g = tanh_of(arriving[to_g + i] + heard);
        int32_t c = (z * h[i] + (ESNN_LM_STATE_ONE - z) * g + half) >> ESNN_LM_STATE_BITS;
        if (c > thresholds[i]) {
            const int32_t value = (c + (1 << (EVENT_SHIFT - 1))) >> EVENT_SHIFT;
            sent[num_sent] = (uint16_t)i;
            values[num_sent++] = (uint8_t)(value < 1                       ? 1
                                           : value > ESNN_LM_LARGEST_EVENT ? ESNN_LM_LARGEST_EVENT
                                                                           : value);
            c -= thresholds[i];
        }
        h[i] = (int16_t)c;
    }
    m->num_sent[layer] = num_sent;
}

/* What the layer below sends, as it arrives at the rows of a layer.
 *
 * first_unit  of the layer below */
static void take_inputs(esnn_lm *m, uint32_t layer, uint32_t first_unit) {
    const esnn_lm_matrix inputs = esnn_lm_inputs(m, layer);
    uint32_t row;
    sum_rows(m, &inputs, layer - 1u, first_unit);
    for (row = 0; row < inputs.num_rows; row++) {
        const int32_t a = scaled(m->sums[row], inputs.scales + 2u * row);
        m->arriving[row] = (int16_t)(a > INT16_MAX ? INT16_MAX : a < INT16_MIN ? INT16_MIN : a);
    }
}

/* The row of a token in the table, which arrives at the first layer. */
static const signed_half *table_row(const esnn_lm *m, uint32_t token) {
    const esnn_word *table = esnn_lm_at(m->image, m->image[ESNN_LM_HEADER_TABLE]);
    return (const signed_half *)(const void *)table +
           token * ESNN_LM_ROWS_OF_UNIT * esnn_lm_num_units(m, 0);
}

int32_t esnn_lm_read(esnn_lm *m, uint32_t token) {
    const uint32_t layers = esnn_lm_num_layers(m);
    uint32_t first_unit = 0, layer, row;
    esnn_lm_matrix x;
    if (token >= esnn_lm_num_tokens(m)) {
        return ESNN_BAD_TOKEN;
    }
    m->operations = 0;
    for (layer = 0; layer < layers; layer++) {
        const signed_half *arriving = table_row(m, token);
        if (layer != 0) {
            take_inputs(m, layer, first_unit);
            arriving = (const signed_half *)m->arriving;
            first_unit += esnn_lm_num_units(m, layer - 1u);
        }
        x = esnn_lm_recurrent(m, layer);
        sum_rows(m, &x, layer, first_unit);
        step_units(m, &x, arriving, esnn_lm_thresholds(m, layer), layer, first_unit);
    }
    x = esnn_lm_matrix_of_scores(m);
    sum_rows(m, &x, layers - 1u, first_unit);
    for (row = 0; row < x.num_rows; row++) {
        m->sums[row] = scaled(m->sums[row], x.scales + 2u * row);
    }
    return ESNN_OK;
}

uint32_t esnn_lm_best_token(const esnn_lm *m) {
    const uint32_t tokens = esnn_lm_num_tokens(m);
    uint32_t best = 0, token;
    for (token = 1; token < tokens; token++) {
        if (m->sums[token] > m->sums[best]) {
            best = token;
        }
    }
    return best;
}
