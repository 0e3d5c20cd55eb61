#include "edgesnn_encoders.h"

enum { NOTHING_YET, BEGUN, UP, DOWN };

/* A level follows its code by `spacing` with each event. An event needs a distance of `first`, and
 * `hysteresis` more if the one before went the other way; those behind it need only their spacing.
 * Returns the number of events. Repeated subtraction, since there are few and a small machine has
 * no divider. */
static uint32_t events_for(uint32_t distance, uint32_t first, uint32_t hysteresis,
                           uint32_t spacing, uint32_t max_events) {
    if (distance < first || distance - first < hysteresis) {
        return 0;
    }
    uint32_t count = 1;
    for (distance -= first; count < max_events && distance >= spacing; distance -= spacing) {
        count++;
    }
    return count;
}

/* Distances between codes have up to 32 bits; unsigned arithmetic has them all. */
static uint32_t distance_to(int32_t code, int32_t level, uint32_t direction) {
    if (direction == UP) {
        return code > level ? (uint32_t)code - (uint32_t)level : 0;
    }
    return level > code ? (uint32_t)level - (uint32_t)code : 0;
}

/* The result always fits, though the change alone may not. */
static int32_t moved(int32_t level, uint32_t change, uint32_t direction) {
    return (int32_t)(direction == UP ? (int64_t)level + change : (int64_t)level - change);
}

static uint32_t append(uint16_t *events, uint32_t num_events, uint32_t source, uint32_t count) {
    while (count--) {
        events[num_events++] = (uint16_t)source;
    }
    return num_events;
}

static int32_t clamped(int32_t code) {
    if (code > ESNN_MAX_CODE) {
        return ESNN_MAX_CODE;
    }
    return code < -ESNN_MAX_CODE ? -ESNN_MAX_CODE : code;
}

static void start(esnn_channel *state, uint32_t channels) {
    while (channels--) {
        state[channels].level = 0;
        state[channels].last = NOTHING_YET;
    }
}

/* What delta and level crossing have in common; they differ in the distance that an event needs.
 * All ups before all downs: sources ascend. A channel never sends both in one step. */
static uint32_t encode(uint32_t spacing, uint32_t first_down, uint32_t hysteresis,
                       uint32_t channels, uint32_t max_events, esnn_channel *state,
                       const int32_t *codes, uint16_t *events) {
    uint32_t num_events = 0;
    for (uint32_t direction = UP; direction <= DOWN; direction++) {
        const uint32_t first = direction == UP ? spacing : first_down;
        const uint32_t first_source = direction == UP ? 0 : channels;
        const uint8_t turn = direction == UP ? DOWN : UP;
        for (uint32_t c = 0; c < channels; c++) {
            const uint32_t count = events_for(
                distance_to(clamped(codes[c]), state[c].level, direction), first,
                state[c].last == turn ? hysteresis : 0, spacing, max_events);
            if (count) {
                state[c].level = moved(state[c].level, count * spacing, direction);
                state[c].last = (uint8_t)direction;
                num_events = append(events, num_events, first_source + c, count);
            }
        }
    }
    return num_events;
}

void esnn_delta_start(const esnn_delta *delta, esnn_channel *state) {
    start(state, delta->channels);
}

uint32_t esnn_delta_encode(const esnn_delta *delta, esnn_channel *state, const int32_t *codes,
                           uint16_t *events) {
    for (uint32_t c = 0; c < delta->channels; c++) {
        if (state[c].last == NOTHING_YET) {
            state[c].level = clamped(codes[c]);
            state[c].last = BEGUN;
        }
    }
    return encode(delta->threshold, delta->threshold, delta->hysteresis, delta->channels,
                  delta->max_events, state, codes, events);
}

void esnn_level_crossing_start(const esnn_level_crossing *crossing, esnn_channel *state) {
    start(state, crossing->channels);
}

uint32_t esnn_level_crossing_encode(const esnn_level_crossing *crossing, esnn_channel *state,
                                    const int32_t *codes, uint16_t *events) {
    const int32_t spacing = (int32_t)crossing->spacing;
    for (uint32_t c = 0; c < crossing->channels; c++) {
        if (state[c].last == NOTHING_YET) {
            const int32_t above = (clamped(codes[c]) - (int32_t)crossing->offset) % spacing;
            state[c].level = clamped(codes[c]) - (above < 0 ? above + spacing : above);
            state[c].last = BEGUN;
        }
    }
    /* A level lies between two codes: at it a channel is above it, one code less is below. */
    return encode(crossing->spacing, 1, crossing->hysteresis, crossing->channels,
                  crossing->max_events, state, codes, events);
}

/* value / 2^bits, rounded toward zero, without a division. */
static int64_t toward_zero(int64_t value, uint32_t bits) {
    return value < 0 ? -(-value >> bits) : value >> bits;
}

/* Base-2 logarithm in units of 1 / 2^ESNN_LOG_BITS, straight between powers of two; 0 of 0. */
static uint32_t log2_of(uint64_t value) {
    const uint32_t one = 1u << ESNN_LOG_BITS;
    uint32_t position = ESNN_LOG_BITS;
    for (value += !value; value >= 2 * one; value >>= 1) {
        position++;
    }
    for (; value < one; value <<= 1) {
        position--;
    }
    return position * one + (uint32_t)value - one;
}

void esnn_filter_bank_start(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                            esnn_band_state *bands) {
    state->bands = bands;
    state->x1 = 0;
    state->x2 = 0;
    state->samples = 0;
    for (uint32_t b = 0; b < bank->num_bands; b++) {
        bands[b].y1 = 0;
        bands[b].y2 = 0;
        bands[b].sum = 0;
        bands[b].level = 0;
        bands[b].smoothed = 0;
        bands[b].sent = 0;
        bands[b].rest = 0;
    }
}

uint32_t esnn_filter_bank_take(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                               int16_t sample) {
    const int32_t limit = (int32_t)1 << (ESNN_FILTER_BITS - 1);
    const int32_t change = ((int32_t)sample - state->x2) * (1 << ESNN_GUARD_BITS);
    const uint32_t whole = ++state->samples == bank->frame_samples;
    for (uint32_t b = 0; b < bank->num_bands; b++) {
        const esnn_band *band = &bank->bands[b];
        esnn_band_state *s = &state->bands[b];
        int64_t y = toward_zero((int64_t)band->gain * change - (int64_t)band->a1 * s->y1 -
                                    (int64_t)band->a2 * s->y2,
                                ESNN_COEFFICIENT_BITS);
        if (y > limit - 1) {
            y = limit - 1;
        } else if (y < -limit) {
            y = -limit;
        }
        s->y2 = s->y1;
        s->y1 = (int32_t)y;
        s->sum += (uint64_t)(y < 0 ? -y : y);
        if (whole) {
            const uint32_t level = log2_of(s->sum);
            s->level = (uint16_t)(level > bank->floor ? level - bank->floor : 0);
            s->sum = 0;
        }
    }
    state->x2 = state->x1;
    state->x1 = sample;
    if (whole) {
        state->samples = 0;
    }
    return whole;
}

static uint32_t smoothed_level(const esnn_filter_bank *bank, esnn_band_state *band) {
    if (bank->smooth) {
        const int32_t away = (int32_t)band->level * (1 << ESNN_SMOOTH_BITS) - band->smoothed;
        band->smoothed = (uint16_t)(band->smoothed + toward_zero(away, bank->smooth));
        return (uint32_t)band->smoothed >> ESNN_SMOOTH_BITS;
    }
    return band->level;
}

uint32_t esnn_filter_bank_events(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                                 uint16_t *events) {
    uint32_t num_events = 0;
    uint32_t first_source = 0;
    for (uint32_t b = 0; b < bank->num_bands; b++) {
        esnn_band_state *band = &state->bands[b];
        band->level = (uint16_t)smoothed_level(bank, band);
        if (bank->rate_unit) {
            const uint32_t wanted = (uint32_t)band->rest + band->level;
            const uint32_t count = wanted / bank->rate_unit;
            band->rest = (uint16_t)(wanted % bank->rate_unit);
            num_events = append(events, num_events, b,
                                count < bank->max_events ? count : bank->max_events);
        }
    }
    if (bank->rate_unit) {
        first_source = bank->num_bands;
    }
    if (bank->threshold) {
        for (uint32_t direction = UP; direction <= DOWN; direction++) {
            for (uint32_t b = 0; b < bank->num_bands; b++) {
                esnn_band_state *band = &state->bands[b];
                const uint32_t count =
                    events_for(distance_to(band->level, band->sent, direction), bank->threshold,
                               0, bank->threshold, bank->max_events);
                band->sent = (uint16_t)moved(band->sent, count * bank->threshold, direction);
                num_events = append(events, num_events, first_source + b, count);
            }
            first_source += bank->num_bands;
        }
    }
    return num_events;
}
