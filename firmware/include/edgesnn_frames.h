/* Frames of the serial protocol (docs/protocol.md): COBS, length, sequence number, CRC-32.
 * No port, no allocation, no globals. */
#ifndef EDGESNN_FRAMES_H
#define EDGESNN_FRAMES_H

#include <stdint.h>

#include "edgesnn_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most bytes of a frame on the line, delimiter included. */
#define ESNN_MAX_FRAME_BYTES (ESNN_MAX_CONTENT + 2)
/* Where a payload begins in an encoded frame: COBS adds one byte in front. */
#define ESNN_PAYLOAD_AT (1 + ESNN_FRAME_HEADER_BYTES)

/* Takes a stream apart, byte by byte. After esnn_frame_take has returned 1 the frame lies in
 * `content`, until the next byte is given. */
typedef struct {
    uint8_t content[ESNN_MAX_CONTENT];
    uint16_t length;     /* bytes of content so far */
    uint8_t left;        /* bytes until the next code byte */
    uint8_t flags;       /* of edgesnn_frames.c */
    uint32_t bad_frames; /* stretches between two zeros that were no frame */
} esnn_frame_reader;

void esnn_frame_reader_start(esnn_frame_reader *reader);

/* 1 if the byte ends a frame that is whole, else 0. */
int32_t esnn_frame_take(esnn_frame_reader *reader, uint8_t byte);

uint8_t esnn_frame_type(const esnn_frame_reader *reader);
uint8_t esnn_frame_sequence(const esnn_frame_reader *reader);
uint32_t esnn_frame_payload_bytes(const esnn_frame_reader *reader);
const uint8_t *esnn_frame_payload(const esnn_frame_reader *reader);

/* Writes a frame to `wire` (room for ESNN_MAX_FRAME_BYTES) and returns its bytes; 0 if the payload
 * is longer than ESNN_MAX_PAYLOAD. The payload may lie elsewhere or, to be encoded in place, at
 * wire + ESNN_PAYLOAD_AT. */
uint32_t esnn_frame_encode(uint8_t *wire, uint8_t type, uint8_t sequence, const uint8_t *payload,
                           uint32_t payload_bytes);

#ifdef __cplusplus
}
#endif

#endif
