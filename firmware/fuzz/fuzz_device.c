/* Any bytes against the device. The first byte says how the others are meant:
 *
 *   even   they come over the line as they are
 *   odd    records, so that the fuzzer need not find CRC-32s: kind u8, length u8, so many bytes.
 *          Kinds below 0xF0 are requests of that type, whose payload the bytes are; the others are
 *          TICK, MEND and LINE below.
 *
 * Whatever they are: no access out of bounds, nothing undefined, and every reply is a frame that
 * answers its request. */
#include "edgesnn_device.h"
#include "harness.h"

enum {
    TICK = 0xF0, /* the first four bytes are clock cycles that pass */
    MEND = 0xF1, /* the image in memory gets the CRC-32 that it should have */
    LINE = 0xF2  /* the bytes come over the line as they are */
};

static uint32_t image[2048], memory[2048];
static const esnn_device_resources resources = {
    .image = image,
    .image_bytes = sizeof image,
    .memory = memory,
    .memory_bytes = sizeof memory,
    .clock_khz = 1000,
    .core = {[ESNN_CONFIG_LANES] = 1,
             [ESNN_CONFIG_STATE_BITS] = 24,
             [ESNN_CONFIG_NEURONS] = 6,
             [ESNN_CONFIG_SYNAPSE_WORDS] = 11,
             [ESNN_CONFIG_INPUTS] = 4,
             [ESNN_CONFIG_EVENTS] = 8,
             [ESNN_CONFIG_PROGRAM_WORDS] = 7,
             [ESNN_CONFIG_READOUT_NEURONS] = 5,
             [ESNN_CONFIG_QUEUE_EVENTS] = 2}};
static esnn_device device;

static void take(uint8_t byte) {
    const uint32_t size = esnn_device_take(&device, byte);
    esnn_frame_reader reader;
    esnn_frame_reader_start(&reader);
    for (uint32_t i = 0; i < size; i++) {
        must(esnn_frame_take(&reader, device.reply[i]) == (i == size - 1));
    }
    if (size) {
        const uint8_t *payload = esnn_frame_payload(&reader);
        const uint32_t payload_bytes = esnn_frame_payload_bytes(&reader);
        const uint32_t type = esnn_frame_type(&device.reader) | ESNN_REPLY_BIT;
        must(esnn_frame_type(&reader) == type);
        must(esnn_frame_sequence(&reader) == esnn_frame_sequence(&device.reader));
        must(payload_bytes >= ESNN_REPLY_HEADER_BYTES && payload[0] <= ESNN_STATUS_IMAGE_RULE);
        must(payload[0] == ESNN_STATUS_OK || payload_bytes == ESNN_REPLY_HEADER_BYTES ||
             type == (ESNN_MESSAGE_RUN | ESNN_REPLY_BIT));
    }
}

static void mend(void) {
    uint8_t *bytes = (uint8_t *)image;
    if (device.words_loaded >= 2) {
        const uint32_t end = 2 * device.words_loaded;
        const uint32_t crc = esnn_crc32(0, bytes, end - 4);
        for (uint32_t i = 0; i < 4; i++) {
            bytes[end - 4 + i] = (uint8_t)(crc >> 8 * i);
        }
    }
}

static void do_record(uint8_t kind, uint8_t sequence, const uint8_t *bytes, uint32_t size) {
    uint8_t wire[ESNN_MAX_FRAME_BYTES];
    uint32_t wire_bytes;
    switch (kind) {
    case TICK:
        if (size >= 4) {
            esnn_device_tick(&device, bytes[0] | (uint32_t)bytes[1] << 8 |
                                          (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
        }
        break;
    case MEND:
        mend();
        break;
    case LINE:
        for (uint32_t i = 0; i < size; i++) {
            take(bytes[i]);
        }
        break;
    default:
        wire_bytes = esnn_frame_encode(wire, kind, sequence, bytes, size);
        for (uint32_t i = 0; i < wire_bytes; i++) {
            take(wire[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t at = 1;
    esnn_device_start(&device, &resources);
    if (size && !(data[0] & 1)) {
        for (; at < size; at++) {
            take(data[at]);
        }
    }
    for (uint8_t sequence = 1; at + 2 <= size; sequence++) {
        const size_t left = size - at - 2;
        const uint32_t length = data[at + 1] < left ? data[at + 1] : (uint32_t)left;
        do_record(data[at], sequence, data + at + 2, length);
        at += 2 + length;
    }
    /* And after all of it the device is still there. */
    take(0);
    do_record(ESNN_MESSAGE_IDENTIFY, 0, data, 0);
    must(device.reply_bytes > 0);
    return 0;
}
