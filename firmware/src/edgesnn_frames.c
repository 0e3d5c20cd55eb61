#include "edgesnn_frames.h"

#include "edgesnn.h"

/* Flags of the reader, since the last zero. */
enum { BEGUN = 1, TOO_LONG = 2 };

/* CRC-32 of anything that is followed by its own CRC-32. */
#define CRC_OF_WHOLE 0x2144DF1Cu

/* COBS in front of the content and the zero behind it. */
enum { COBS_BYTES = 1, SHORTEST = ESNN_FRAME_HEADER_BYTES + ESNN_FRAME_CRC_BYTES };

static void begin(esnn_frame_reader *reader) {
    reader->length = 0;
    reader->left = 0;
    reader->flags = 0;
}

void esnn_frame_reader_start(esnn_frame_reader *reader) {
    begin(reader);
    reader->bad_frames = 0;
}

static void keep(esnn_frame_reader *reader, uint8_t byte) {
    if (reader->length < ESNN_MAX_CONTENT) {
        reader->content[reader->length++] = byte;
    } else {
        reader->flags |= TOO_LONG;
    }
}

static int32_t is_whole(const esnn_frame_reader *reader) {
    return !(reader->flags & TOO_LONG) && reader->left == 0 && reader->length >= SHORTEST &&
           esnn_frame_payload_bytes(reader) == (uint32_t)reader->length - SHORTEST &&
           esnn_crc32(0, reader->content, reader->length) == CRC_OF_WHOLE;
}

int32_t esnn_frame_take(esnn_frame_reader *reader, uint8_t byte) {
    int32_t whole = 0;
    if (byte == ESNN_FRAME_DELIMITER) {
        if (reader->flags & BEGUN) {
            whole = is_whole(reader);
            reader->bad_frames += !whole;
        }
        begin(reader);
    } else if (reader->left) {
        reader->left--;
        keep(reader, byte);
    } else {
        /* A code: the bytes up to the next one, which stands for a zero. The code that would not
         * (0xFF) is longer than any frame. */
        if (reader->flags & BEGUN) {
            keep(reader, 0);
        }
        reader->flags |= BEGUN;
        reader->left = (uint8_t)(byte - 1);
    }
    return whole;
}

uint8_t esnn_frame_type(const esnn_frame_reader *reader) { return reader->content[0]; }

uint8_t esnn_frame_sequence(const esnn_frame_reader *reader) { return reader->content[1]; }

uint32_t esnn_frame_payload_bytes(const esnn_frame_reader *reader) {
    return reader->content[2] | (uint32_t)reader->content[3] << 8;
}

const uint8_t *esnn_frame_payload(const esnn_frame_reader *reader) {
    return reader->content + ESNN_FRAME_HEADER_BYTES;
}

uint32_t esnn_frame_encode(uint8_t *wire, uint8_t type, uint8_t sequence, const uint8_t *payload,
                           uint32_t payload_bytes) {
    uint8_t *const content = wire + COBS_BYTES;
    uint8_t *end = content;
    if (payload_bytes > ESNN_MAX_PAYLOAD) {
        return 0;
    }
    *end++ = type;
    *end++ = sequence;
    *end++ = (uint8_t)payload_bytes;
    *end++ = 0; /* no payload has more than 255 bytes */
    for (uint32_t i = 0; i < payload_bytes; i++) {
        *end++ = payload[i];
    }
    uint32_t crc = esnn_crc32(0, content, payload_bytes + ESNN_FRAME_HEADER_BYTES);
    for (uint32_t i = 0; i < ESNN_FRAME_CRC_BYTES; i++, crc >>= 8) {
        *end++ = (uint8_t)crc;
    }
    *end = ESNN_FRAME_DELIMITER;
    /* COBS: each zero becomes the distance to the next one, and so does the byte in front. */
    uint8_t *code = wire;
    for (uint8_t *at = content; at <= end; at++) {
        if (*at == 0) {
            *code = (uint8_t)(at - code);
            code = at;
        }
    }
    return (uint32_t)(end - wire) + 1u;
}
