/* How sensor samples become events, bit for bit as edgesnn/encoders does it in Python. C99,
 * integers only, no allocation, no globals, no library (64-bit products and 32-bit quotients may
 * call the compiler's own helpers on machines that lack them).
 *
 * Parameters stay in a const struct, in flash for example; what an encoder remembers lives in
 * memory of the caller. A window (one decision) begins with ..._start. Parameters are those of the
 * Python class of the same name and within its limits; nothing is checked here. Values become
 * codes on the side of the caller: code = floor(value / resolution + 1/2).
 *
 * The events of a time step are source ids in ascending order, repeated where a source sends more
 * than once. `events` must have room for as many as the function says. */
#ifndef EDGESNN_ENCODERS_H
#define EDGESNN_ENCODERS_H

#include <stdint.h>

#include "edgesnn_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What delta and level crossing remember of a channel. */
typedef struct {
    int32_t level;
    uint8_t last; /* nothing, begun, up, down */
} esnn_channel;

/* DeltaEncoder: a channel sends when its code has moved by a threshold. A threshold of 2^31 and
 * more never sends, so larger ones of Python may be given as 2^32 - 1. */
typedef struct {
    uint32_t threshold;
    uint32_t hysteresis;
    uint16_t channels;
    uint8_t max_events;
} esnn_delta;

/* `state` has one element for each channel. */
void esnn_delta_start(const esnn_delta *delta, esnn_channel *state);

/* One sample, one time step; returns the number of events, at most channels * max_events. Codes
 * beyond +-2^30 count as +-2^30. */
uint32_t esnn_delta_encode(const esnn_delta *delta, esnn_channel *state, const int32_t *codes,
                           uint16_t *events);

/* LevelCrossingEncoder: a channel sends when its code crosses a level at offset + k * spacing. */
typedef struct {
    uint32_t spacing;
    uint32_t offset;
    uint32_t hysteresis;
    uint16_t channels;
    uint8_t max_events;
} esnn_level_crossing;

/* As for delta. */
void esnn_level_crossing_start(const esnn_level_crossing *crossing, esnn_channel *state);
uint32_t esnn_level_crossing_encode(const esnn_level_crossing *crossing, esnn_channel *state,
                                    const int32_t *codes, uint16_t *events);

/* Coefficients of a band in 1 / 2^14, at most 17 bits with sign. */
typedef struct {
    int32_t gain;
    int32_t a1;
    int32_t a2;
} esnn_band;

/* FilterBankEncoder: a frame of sound becomes the events of one time step. */
typedef struct {
    const esnn_band *bands;
    uint32_t frame_samples; /* `channels` of Python, 1..65536 */
    uint16_t num_bands;
    uint16_t floor;
    uint16_t rate_unit; /* 0: no rates */
    uint16_t threshold; /* 0: no changes */
    uint8_t smooth;
    uint8_t max_events;
} esnn_filter_bank;

typedef struct {
    int32_t y1;
    int32_t y2;
    uint64_t sum;     /* of abs(y) in this frame */
    uint16_t level;   /* of the last whole frame */
    uint16_t smoothed;
    uint16_t sent;    /* level that up and down events have told */
    uint16_t rest;    /* of the rate */
} esnn_band_state;

typedef struct {
    esnn_band_state *bands;
    int16_t x1;
    int16_t x2;
    uint32_t samples; /* of this frame */
} esnn_filter_bank_state;

/* `bands` has one element for each band, and stays with the state. */
void esnn_filter_bank_start(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                            esnn_band_state *bands);

/* Takes a sample, in the sampling interrupt for example; returns 1 if it ends a frame. */
uint32_t esnn_filter_bank_take(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                               int16_t sample);

/* The events of the frame that has ended; to be called once for each frame, at any time before the
 * next one ends, also while samples of that one come in. Returns their number, at most
 * num_bands * max_events for rates and as many for changes. */
uint32_t esnn_filter_bank_events(const esnn_filter_bank *bank, esnn_filter_bank_state *state,
                                 uint16_t *events);

#ifdef __cplusplus
}
#endif

#endif
