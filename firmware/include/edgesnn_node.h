/* The host of the serial protocol (docs/protocol.md) on a sensor node: feeds the events of an
 * encoder to a device (an FPGA, another microcontroller) over a UART and brings its decisions back.
 * No port, no allocation, no globals, no waiting: the port gives it bytes and time, and sends what
 * it returns.
 *
 *     // sampling interrupt
 *     num_events = esnn_delta_encode(&encoder, channels, codes, events);
 *     esnn_node_put_step(&node, events, num_events);
 *     // main loop
 *     while (uart_has_byte()) {
 *         if (esnn_node_take(&node, uart_byte())) ... node.decision ...
 *     }
 *     if (uart_is_idle() && (count = esnn_node_poll(&node, ticks(), &bytes))) {
 *         uart_send(bytes, count);
 *     }
 *
 * Steps belong to windows in the order in which they are put, `window_steps` to each; whoever puts
 * them starts the encoder anew with each window. After the last step of a window the node reads the
 * decision and resets the device.
 *
 * One request is under way at a time. One that is not answered in `timeout_ticks` is sent again
 * with the same sequence number, for as long as it takes; the device executes it once. So every
 * event that was put arrives exactly once and in its step, whatever the line loses or garbles; while
 * it does, the queue fills, and esnn_node_put_step says that there is no room. */
#ifndef EDGESNN_NODE_H
#define EDGESNN_NODE_H

#include <stdint.h>

#include "edgesnn_frames.h"
#include "edgesnn_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t window_steps;  /* at least 1 */
    uint32_t timeout_ticks; /* longer than a request, its execution and its reply take */
} esnn_node_settings;

/* To be read at any time; only the functions below write it. Counts wrap at 2^32. */
typedef struct {
    uint32_t windows;     /* decided so far */
    uint16_t decision;    /* of the last one; ESNN_NO_DECISION if nothing was decided */
    uint8_t stopped;      /* 1: nothing is asked any more, for `status`; start the node again */
    uint8_t status;       /* ESNN_STATUS_... of the last reply. Of a node that has stopped: why;
                           * OK if the device speaks another version or replies what cannot be */
    uint32_t image_crc;   /* of the network that the device has, once it has answered */
    uint32_t sent_again;  /* requests */
    uint32_t stray;       /* frames that answered nothing that was asked */
    uint32_t lost_steps;  /* steps that the device refused, and ran without their events */
    uint32_t lost_events; /* events of those steps */
    /* Written by esnn_node_put_step: */
    volatile uint32_t full_steps;  /* steps that found no room */
    volatile uint32_t full_events; /* events of those steps */

    /* For the functions alone. */
    const esnn_node_settings *settings;
    esnn_ring queue;
    esnn_frame_reader reader;
    uint32_t steps;       /* of this window that the device has run */
    uint32_t step_events; /* sent for the step that comes next */
    uint32_t sent_at;
    uint16_t num_words; /* of RUN, in the payload */
    uint16_t wire_bytes;
    uint8_t message;    /* to be asked, or under way */
    uint8_t sequence;
    uint8_t under_way;
    uint8_t payload[ESNN_MAX_PAYLOAD];
    uint8_t wire[1 + ESNN_MAX_FRAME_BYTES]; /* a zero, then the frame */
} esnn_node;

/* `queue` holds steps that wait: one word for each event, and one for each step. The largest power
 * of two in `queue_words` is used; it must be more than the events of any step. */
void esnn_node_start(esnn_node *node, const esnn_node_settings *settings, uint16_t *queue,
                     uint32_t queue_words);

/* Puts a time step with its events (source ids below ESNN_FIRST_CONTROL_WORD) behind the others.
 * Returns 0, takes nothing and counts the step as one without room if it does not fit: offer it
 * again later, or go without it. A step that is left out altogether makes its window end one sample
 * later; an empty one in its place keeps the time. May interrupt the other functions. */
uint32_t esnn_node_put_step(esnn_node *node, const uint16_t *events, uint32_t num_events);

/* Words that a step may have now: its events and one more. */
uint32_t esnn_node_room(const esnn_node *node);

/* Gives the node a byte from the line. Returns 1 if a window has been decided by it, else 0. */
uint32_t esnn_node_take(esnn_node *node, uint8_t byte);

/* Asks for what is to be sent at time `now` (in ticks, wraps at 2^32). Returns the number of bytes,
 * usually 0, and where they lie; they stay there until the next call, which must wait until they
 * are on the line. */
uint32_t esnn_node_poll(esnn_node *node, uint32_t now, const uint8_t **bytes);

#ifdef __cplusplus
}
#endif

#endif
