/* A device of the serial protocol (docs/protocol.md): what an FPGA board answers, on a
 * microcontroller. The port gives it bytes and time, and sends what it returns. */
#ifndef EDGESNN_DEVICE_H
#define EDGESNN_DEVICE_H

#include <stdint.h>

#include "edgesnn.h"
#include "edgesnn_frames.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the port has to offer. `image` and `memory` are aligned to 4 bytes. `core` holds the sizes
 * that IDENTIFY tells, in the order of the protocol (state_bits as it is, all others as log2);
 * the host packs images for one core of that size, so the two blocks should be large enough; an
 * image that does not fit is refused as too large. */
typedef struct {
    void *image; /* where a network that comes over the line is kept */
    uint32_t image_bytes;
    void *memory; /* what a loaded network works in */
    uint32_t memory_bytes;
    uint32_t clock_khz;
    uint8_t core[ESNN_NUM_CONFIG_FIELDS];
} esnn_device_resources;

typedef struct {
    const esnn_device_resources *resources;
    esnn_network *network;   /* null while none is loaded */
    esnn_counters counters;  /* while none is loaded; they outlive a network */
    uint32_t words_expected; /* of the image that is being loaded */
    uint32_t words_loaded;
    uint32_t timer_period; /* clock cycles of a step, 0 if the timer rests */
    uint32_t timer_left;   /* of them until the next step */
    uint8_t loading;
    uint8_t late_steps;
    uint8_t last_type; /* of the request whose reply is in `reply` */
    uint8_t last_sequence;
    uint32_t reply_bytes; /* 0 if there was no request yet */
    uint8_t reply[ESNN_MAX_FRAME_BYTES];
    esnn_frame_reader reader;
} esnn_device;

void esnn_device_start(esnn_device *device, const esnn_device_resources *resources);

/* Gives the device a byte from the line. Returns the number of bytes in device->reply that must be
 * sent before the next byte is given, usually 0. Requests are executed in here, and the longest RUN
 * or LOAD_END takes its time: what comes meanwhile must wait in the port, or it is lost and the host
 * sends it again. */
uint32_t esnn_device_take(esnn_device *device, uint8_t byte);

/* Tells the device that so many clock cycles have passed since the last time; runs a time step if
 * one is due, and counts those as late that should have run besides. Only needed where SET_TIMER is
 * to work, and then about as often as a step. */
void esnn_device_tick(esnn_device *device, uint32_t cycles);

#ifdef __cplusplus
}
#endif

#endif
