#include "edgesnn_node.h"

enum {
    FIRST_WORD = ESNN_ARGUMENT_BYTES,
    STATUS = 0,
    RESULT = 1,
    LOADED = ESNN_REPLY_HEADER_BYTES,
    IMAGE_CRC = LOADED + 1,
    /* Loaded, CRC-32 and clock come before the sizes of the core. */
    IDENTITY_BYTES = ESNN_REPLY_HEADER_BYTES + 9 + ESNN_NUM_CONFIG_FIELDS
};

static uint32_t read16(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t word(const esnn_node *node, uint32_t i) {
    return read16(&node->payload[FIRST_WORD + 2 * i]);
}

static void set_word(esnn_node *node, uint32_t i, uint32_t value) {
    node->payload[FIRST_WORD + 2 * i] = (uint8_t)value;
    node->payload[FIRST_WORD + 2 * i + 1] = (uint8_t)(value >> 8);
}

void esnn_node_start(esnn_node *node, const esnn_node_settings *settings, uint16_t *queue,
                     uint32_t queue_words) {
    node->windows = 0;
    node->decision = ESNN_NO_DECISION;
    node->stopped = 0;
    node->status = ESNN_STATUS_OK;
    node->image_crc = 0;
    node->sent_again = 0;
    node->stray = 0;
    node->lost_steps = 0;
    node->lost_events = 0;
    node->full_steps = 0;
    node->full_events = 0;
    node->settings = settings;
    esnn_ring_start(&node->queue, queue, queue_words);
    esnn_frame_reader_start(&node->reader);
    node->steps = 0;
    node->step_events = 0;
    node->sent_at = 0;
    node->num_words = 0;
    node->wire_bytes = 0;
    /* Always executed: the device's memory of other hosts' sequence numbers ends here. */
    node->message = ESNN_MESSAGE_IDENTIFY;
    node->sequence = 0;
    node->under_way = 0;
    for (uint32_t i = 0; i < ESNN_ARGUMENT_BYTES; i++) {
        node->payload[i] = 0; /* RUN reports no spikes, READ_OUT begins at 0 */
    }
    node->wire[0] = ESNN_FRAME_DELIMITER;
}

uint32_t esnn_node_room(const esnn_node *node) {
    return esnn_ring_room(&node->queue);
}

uint32_t esnn_node_put_step(esnn_node *node, const uint16_t *events, uint32_t num_events) {
    const uint16_t advance = ESNN_ADVANCE;
    if (num_events >= esnn_node_room(node)) {
        node->full_steps = node->full_steps + 1;
        node->full_events = node->full_events + num_events;
        return 0;
    }
    /* Events may be on their way before their advance is in: the device lets them wait. */
    esnn_ring_put(&node->queue, events, num_events);
    return esnn_ring_put(&node->queue, &advance, 1);
}

/* Moves words of the queue behind those that a refused step has left in the payload, up to the end
 * of the window. Returns whether there is anything to run. */
static uint32_t fill(esnn_node *node) {
    uint32_t steps = node->steps;
    uint16_t next;
    for (uint32_t i = 0; i < node->num_words; i++) {
        steps += word(node, i) == ESNN_ADVANCE;
    }
    while (node->num_words < ESNN_MAX_WORDS && steps < node->settings->window_steps &&
           esnn_ring_take(&node->queue, &next, 1)) {
        set_word(node, node->num_words++, next);
        steps += next == ESNN_ADVANCE;
    }
    return node->num_words;
}

static uint32_t payload_bytes(const esnn_node *node) {
    switch (node->message) {
    case ESNN_MESSAGE_RUN:
        return ESNN_ARGUMENT_BYTES + 2u * node->num_words;
    case ESNN_MESSAGE_READ_OUT:
        return ESNN_ARGUMENT_BYTES;
    default:
        return 0;
    }
}

uint32_t esnn_node_poll(esnn_node *node, uint32_t now, const uint8_t **bytes) {
    *bytes = node->wire;
    if (node->stopped) {
        return 0;
    }
    if (node->under_way) {
        if (now - node->sent_at < node->settings->timeout_ticks) {
            return 0;
        }
        node->sent_again++;
    } else {
        if (node->message == ESNN_MESSAGE_RUN && !fill(node)) {
            return 0;
        }
        /* The zero ends whatever the device may have heard before. */
        node->wire_bytes =
            (uint16_t)(1 + esnn_frame_encode(node->wire + 1, node->message, ++node->sequence,
                                             node->payload, payload_bytes(node)));
        node->under_way = 1;
    }
    node->sent_at = now;
    return node->wire_bytes;
}

/* What a reply to RUN says about the words of the payload; 0 if that cannot be. A refused step was
 * dropped with its events, and what comes behind it was not executed: the payload keeps that and
 * begins with the advance, so that the step runs empty and time goes on as it was put. */
static uint32_t ran(esnn_node *node, uint32_t status, uint32_t num_steps) {
    uint32_t done = 0;
    node->steps += num_steps;
    for (; done < node->num_words; done++) {
        if (word(node, done) != ESNN_ADVANCE) {
            node->step_events++;
        } else if (num_steps) {
            num_steps--;
            node->step_events = 0;
        } else {
            break;
        }
    }
    const uint32_t all = done == node->num_words;
    if (num_steps || status != (all ? ESNN_STATUS_OK : ESNN_STATUS_EVENTS_REFUSED)) {
        return 0;
    }
    if (!all) {
        if (!node->step_events) {
            return 0; /* without events there is nothing to refuse */
        }
        node->lost_steps++;
        node->lost_events += node->step_events;
        node->step_events = 0;
    }
    for (uint32_t i = done; i < node->num_words; i++) {
        set_word(node, i - done, word(node, i));
    }
    node->num_words = (uint16_t)(node->num_words - done);
    return 1;
}

/* Acts on the reply that was awaited; returns the message to ask next, or 0 to stop. */
static uint8_t next_message(esnn_node *node, const uint8_t *reply, uint32_t reply_bytes) {
    const uint32_t result = read16(reply + RESULT);
    node->status = reply[STATUS];
    if (node->message == ESNN_MESSAGE_RUN) {
        if (!ran(node, node->status, result)) {
            return 0;
        }
        return node->steps < node->settings->window_steps ? ESNN_MESSAGE_RUN
                                                          : ESNN_MESSAGE_READ_OUT;
    }
    if (node->status != ESNN_STATUS_OK) {
        return 0;
    }
    switch (node->message) {
    case ESNN_MESSAGE_IDENTIFY:
        if (result != ESNN_PROTOCOL_VERSION || reply_bytes != IDENTITY_BYTES) {
            return 0;
        }
        if (!(reply[LOADED] >> ESNN_IDENTITY_LOADED & 1u)) {
            node->status = ESNN_STATUS_NOT_LOADED;
            return 0;
        }
        node->image_crc = read16(reply + IMAGE_CRC) | read16(reply + IMAGE_CRC + 2) << 16;
        return ESNN_MESSAGE_RESET;
    case ESNN_MESSAGE_READ_OUT:
        node->decision = (uint16_t)result;
        node->windows++;
        return ESNN_MESSAGE_RESET;
    default: /* RESET */
        node->steps = 0;
        return ESNN_MESSAGE_RUN;
    }
}

uint32_t esnn_node_take(esnn_node *node, uint8_t byte) {
    if (!esnn_frame_take(&node->reader, byte)) {
        return 0;
    }
    const uint32_t windows = node->windows;
    const uint32_t reply_bytes = esnn_frame_payload_bytes(&node->reader);
    if (!node->under_way || reply_bytes < ESNN_REPLY_HEADER_BYTES ||
        esnn_frame_type(&node->reader) != (node->message | ESNN_REPLY_BIT) ||
        esnn_frame_sequence(&node->reader) != node->sequence) {
        node->stray++;
        return 0;
    }
    node->under_way = 0;
    node->message = next_message(node, esnn_frame_payload(&node->reader), reply_bytes);
    node->stopped = !node->message;
    return node->windows - windows;
}
