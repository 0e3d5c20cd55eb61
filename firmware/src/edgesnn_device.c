#include "edgesnn_device.h"

/* Where the data of a reply begin, and where they must end, in the frame that becomes of them. */
enum {
    DATA = ESNN_PAYLOAD_AT + ESNN_REPLY_HEADER_BYTES,
    DATA_END = ESNN_PAYLOAD_AT + ESNN_MAX_PAYLOAD,
    SECTION_HEADER_BYTES = 8,
    /* What this device is, but for what is loaded. */
    IDENTITY = 1 << ESNN_IDENTITY_NO_CYCLES |
               (ESNN_WITH_CURRENTS != 0) << ESNN_IDENTITY_CURRENTS |
               (ESNN_WITH_DELAYS != 0) << ESNN_IDENTITY_DELAYS
};

/* What the runtime says about an image, in words of the protocol. */
static const uint8_t status_of[] = {
    [-ESNN_OK] = ESNN_STATUS_OK,
    [-ESNN_BAD_ALIGNMENT] = ESNN_STATUS_IMAGE_TOO_LARGE,
    [-ESNN_BAD_LENGTH] = ESNN_STATUS_IMAGE_INCOMPLETE,
    [-ESNN_BAD_MAGIC] = ESNN_STATUS_IMAGE_HEADER,
    [-ESNN_BAD_VERSION] = ESNN_STATUS_IMAGE_HEADER,
    [-ESNN_BAD_HEADER] = ESNN_STATUS_IMAGE_HEADER,
    [-ESNN_BAD_CRC] = ESNN_STATUS_IMAGE_DAMAGED,
    [-ESNN_BAD_SECTION] = ESNN_STATUS_IMAGE_SECTION,
    [-ESNN_BAD_PROGRAM] = ESNN_STATUS_IMAGE_SECTION,
    [-ESNN_BAD_PARAMETER] = ESNN_STATUS_IMAGE_SECTION,
    [-ESNN_BAD_ROW] = ESNN_STATUS_IMAGE_SECTION,
    [-ESNN_CAN_OVERFLOW] = ESNN_STATUS_IMAGE_RULE,
    [-ESNN_TOO_LITTLE_MEMORY] = ESNN_STATUS_IMAGE_TOO_LARGE,
    [-ESNN_NO_FEATURE] = ESNN_STATUS_IMAGE_HEADER,
};

static uint32_t u16(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t u32(const uint8_t *bytes) { return u16(bytes) | u16(bytes + 2) << 16; }

static void put(esnn_device *device, uint32_t value, uint32_t num_bytes) {
    for (; num_bytes; num_bytes--, value >>= 8) {
        device->reply[device->reply_bytes++] = (uint8_t)value;
    }
}

static esnn_counters *counters_of(esnn_device *device) {
    return device->network ? esnn_count(device->network) : &device->counters;
}

static uint32_t counter(esnn_device *device, uint32_t index) {
    const esnn_counters *counters = counters_of(device);
    switch (index) {
    case ESNN_COUNTER_STEPS:
        return counters->steps;
    case ESNN_COUNTER_EVENTS:
        return counters->events;
    case ESNN_COUNTER_SOPS:
        return counters->sops;
    case ESNN_COUNTER_SPIKES:
        return counters->spikes;
    case ESNN_COUNTER_DROPPED:
        return counters->dropped;
    case ESNN_COUNTER_STEPS_SINCE_RESET:
        return device->network ? esnn_steps_since_reset(device->network) : 0;
    default: /* a checked network has no overflows; cycles are not counted */
        return 0;
    }
}

static void clear_counters(esnn_device *device) {
    esnn_counters *counters = counters_of(device);
    counters->steps = 0;
    counters->events = 0;
    counters->sops = 0;
    counters->spikes = 0;
    counters->dropped = 0;
    device->late_steps = 0;
    device->reader.bad_frames = 0;
}

/* Elements that the core has of a region, in each lane. */
static uint32_t depth(const esnn_device *device, uint32_t region) {
    const uint8_t *core = device->resources->core;
    const uint32_t lanes = core[ESNN_CONFIG_LANES];
    switch (region) {
    case ESNN_REGION_PROGRAM:
        return 1u << core[ESNN_CONFIG_PROGRAM_WORDS];
    case ESNN_REGION_SYNAPSES:
        return 1u << (core[ESNN_CONFIG_SYNAPSE_WORDS] - lanes);
    case ESNN_REGION_SPIKES: /* every population begins a word of its own */
        return (2u << core[ESNN_CONFIG_NEURONS]) / ESNN_WORD_BITS;
    case ESNN_REGION_ACCUMULATOR:
        return 1u << (core[ESNN_CONFIG_READOUT_NEURONS] - lanes);
    case ESNN_REGION_COUNTER:
        return ESNN_NUM_COUNTERS;
    default:
        return 1u << (core[ESNN_CONFIG_NEURONS] - lanes);
    }
}

/* Whether a word of the image's header is in 1..highest. */
static int32_t within(const esnn_device *device, uint32_t word, uint32_t highest) {
    return u16((const uint8_t *)device->resources->image + 2 * word) - 1u < highest;
}

/* Whether the image is for the core that the device says it is: the runtime could run others, but
 * the host would read them wrongly. */
static int32_t fits(const esnn_device *device) {
    const uint8_t *core = device->resources->core;
    const uint32_t lanes = 1u << core[ESNN_CONFIG_LANES];
    return within(device, ESNN_HEADER_LANES, lanes) &&
           !within(device, ESNN_HEADER_LANES, lanes - 1u) &&
           within(device, ESNN_HEADER_STATE_BITS, core[ESNN_CONFIG_STATE_BITS]) &&
           within(device, ESNN_HEADER_NUM_INPUTS, 1u << core[ESNN_CONFIG_INPUTS]) &&
           within(device, ESNN_HEADER_EVENTS, 1u << core[ESNN_CONFIG_EVENTS]) &&
           within(device, ESNN_HEADER_SLOTS, depth(device, ESNN_REGION_MEMBRANE)) &&
           within(device, ESNN_HEADER_SYNAPSE_WORDS_MINUS_1,
                  depth(device, ESNN_REGION_SYNAPSES) - 1u) &&
           within(device, ESNN_HEADER_PROGRAM_WORDS, depth(device, ESNN_REGION_PROGRAM)) &&
           within(device, ESNN_HEADER_SPIKE_WORDS, depth(device, ESNN_REGION_SPIKES)) &&
           within(device, ESNN_HEADER_READOUT_SLOTS, depth(device, ESNN_REGION_ACCUMULATOR));
}

static uint32_t identify(esnn_device *device) {
    const esnn_device_resources *resources = device->resources;
    const uint32_t loaded = device->network != 0;
    put(device, loaded << ESNN_IDENTITY_LOADED | IDENTITY, 1);
    put(device, loaded ? esnn_image_crc(device->network) : 0, 4);
    put(device, resources->clock_khz, 4);
    for (uint32_t i = 0; i < ESNN_NUM_CONFIG_FIELDS; i++) {
        put(device, resources->core[i], 1);
    }
    return ESNN_STATUS_OK;
}

static uint32_t load_begin(esnn_device *device, uint32_t num_words) {
    device->counters = *counters_of(device);
    device->network = 0; /* its image is about to be written over */
    device->timer_period = 0;
    device->words_expected = num_words;
    device->words_loaded = 0;
    device->loading = num_words <= device->resources->image_bytes / 2;
    return device->loading ? ESNN_STATUS_OK : ESNN_STATUS_IMAGE_TOO_LARGE;
}

static uint32_t load_data(esnn_device *device, uint32_t offset, const uint8_t *bytes,
                          uint32_t num_bytes) {
    if (!device->loading) {
        return ESNN_STATUS_NOT_LOADING;
    }
    if (offset != device->words_loaded) {
        return ESNN_STATUS_BAD_OFFSET;
    }
    if (num_bytes / 2 > device->words_expected - offset) {
        device->loading = 0;
        return ESNN_STATUS_IMAGE_SECTION;
    }
    uint8_t *to = (uint8_t *)device->resources->image + 2 * offset;
    device->words_loaded += num_bytes / 2;
    while (num_bytes--) {
        *to++ = *bytes++;
    }
    return ESNN_STATUS_OK;
}

static uint32_t load_end(esnn_device *device) {
    const esnn_device_resources *resources = device->resources;
    const uint32_t num_words = device->words_loaded;
    const uint32_t was_loading = device->loading;
    device->loading = 0;
    if (!was_loading) {
        return ESNN_STATUS_NOT_LOADING;
    }
    if (num_words != device->words_expected || num_words < ESNN_HEADER_WORDS) {
        return ESNN_STATUS_IMAGE_INCOMPLETE;
    }
    if (!fits(device)) {
        return ESNN_STATUS_IMAGE_HEADER;
    }
    const int32_t loaded = esnn_load(&device->network, resources->image, 2 * num_words,
                                     resources->memory, resources->memory_bytes);
    if (loaded == ESNN_OK) {
        *esnn_count(device->network) = device->counters;
    } else {
        device->network = 0;
    }
    if (loaded == ESNN_BAD_LENGTH &&
        u32((const uint8_t *)resources->image + 2 * ESNN_HEADER_TOTAL_WORDS_LOW) < num_words) {
        return ESNN_STATUS_IMAGE_SECTION; /* too much, not too little */
    }
    return status_of[-loaded];
}

/* The section of a region and lane in the image, or null if images have none. */
static const uint8_t *section_of(const esnn_device *device, uint32_t region, uint32_t lane) {
    const uint8_t *section = (const uint8_t *)device->resources->image + 2 * ESNN_HEADER_WORDS;
    while (section[0] != region || (section[1] != lane && region != ESNN_REGION_PROGRAM)) {
        if (section[0] == ESNN_END_OF_SECTIONS) {
            return 0;
        }
        const uint32_t num_words = u16(section + 2) * u16(section + 4);
        section += SECTION_HEADER_BYTES + 2 * ((num_words + 1u) & ~1u);
    }
    return section;
}

/* One element of a memory, 0 where the network has none. */
static uint32_t element(esnn_device *device, uint32_t region, uint32_t lane, uint32_t index,
                        const uint8_t *section) {
    const esnn_network *network = device->network;
    index &= depth(device, region) - 1u;
    switch (region) {
    case ESNN_REGION_MEMBRANE:
        return index < esnn_num_slots(network) ? (uint32_t)esnn_membrane(network, lane, index) : 0;
    case ESNN_REGION_CURRENT:
        return index < esnn_num_slots(network) ? (uint32_t)esnn_current(network, lane, index) : 0;
    case ESNN_REGION_SPIKES:
        return index < esnn_num_spike_words(network) ? esnn_spikes(network)[index] : 0;
    case ESNN_REGION_ACCUMULATOR:
        index = (index << device->resources->core[ESNN_CONFIG_LANES]) + lane;
        return index < esnn_num_accumulators(network) ? (uint32_t)esnn_accumulator(network, index)
                                                      : 0;
    case ESNN_REGION_COUNTER:
        return counter(device, index);
    default:
        if (!section || index >= u16(section + 4)) {
            return 0;
        }
        section += SECTION_HEADER_BYTES;
        return region == ESNN_REGION_THRESHOLD || region == ESNN_REGION_BIAS
                   ? u32(section + 4 * index)
                   : u16(section + 2 * index);
    }
}

static uint32_t run(esnn_device *device, uint32_t report, const uint8_t *words, uint32_t num_bytes,
                    uint32_t *num_steps) {
    const uint32_t first = report & 0xFFFFu;
    const uint32_t count = report >> 16 & 0xFFu;
    for (; num_bytes; num_bytes -= 2, words += 2) {
        const uint32_t word = u16(words);
        if (word < ESNN_FIRST_CONTROL_WORD) {
            (void)esnn_push_event(device->network, word); /* if refused, so will be the step */
        } else if (word != ESNN_ADVANCE) {
            return ESNN_STATUS_BAD_WORD;
        } else if (2 * count > DATA_END - device->reply_bytes) {
            return ESNN_STATUS_REPLY_TOO_LONG;
        } else if (esnn_step(device->network) != ESNN_OK) {
            return ESNN_STATUS_EVENTS_REFUSED;
        } else {
            ++*num_steps;
            for (uint32_t i = 0; i < count; i++) {
                put(device, element(device, ESNN_REGION_SPIKES, 0, first + i, 0), 2);
            }
        }
    }
    return ESNN_STATUS_OK;
}

static uint32_t read_out(esnn_device *device, uint32_t first, uint32_t *decision) {
    const esnn_network *network = device->network;
    const int32_t decided = esnn_decision(network);
    *decision = decided < 0 ? ESNN_NO_DECISION : (uint32_t)decided;
    for (uint32_t left = ESNN_MAX_ELEMENTS; left && first < esnn_num_accumulators(network);
         left--, first++) {
        put(device, (uint32_t)esnn_accumulator(network, first), 4);
    }
    return ESNN_STATUS_OK;
}

static uint32_t read_counters(esnn_device *device, uint32_t clear, uint32_t *errors) {
    const uint32_t bad_frames = device->reader.bad_frames;
    *errors = (uint32_t)device->late_steps << 8 |
              (bad_frames < ESNN_MAX_ERROR_COUNT ? bad_frames : ESNN_MAX_ERROR_COUNT);
    for (uint32_t i = 0; i < ESNN_NUM_COUNTERS; i++) {
        put(device, counter(device, i), 4);
    }
    if (clear) {
        clear_counters(device);
    }
    return ESNN_STATUS_OK;
}

static uint32_t read_memory(esnn_device *device, uint32_t argument) {
    const uint32_t first = argument & 0xFFFFu;
    const uint32_t count = argument >> 16 & 0xFFu;
    const uint32_t region = argument >> 24 & 0xFu;
    const uint32_t lane = argument >> 28;
    if (count - 1u >= ESNN_MAX_ELEMENTS || lane >= esnn_num_lanes(device->network)) {
        return ESNN_STATUS_BAD_ARGUMENT;
    }
    const uint8_t *section = section_of(device, region, lane);
    for (uint32_t i = 0; i < count; i++) {
        put(device, element(device, region, lane, first + i, section), 4);
    }
    return ESNN_STATUS_OK;
}

static uint32_t execute(esnn_device *device, uint32_t *result) {
    const uint32_t type = esnn_frame_type(&device->reader);
    const uint32_t kind = type < 32 ? 1u << type : 0;
    const uint8_t *payload = esnn_frame_payload(&device->reader);
    const uint32_t num_bytes = esnn_frame_payload_bytes(&device->reader);
    if (!(kind & ESNN_MESSAGES_KNOWN)) {
        return ESNN_STATUS_UNKNOWN_MESSAGE;
    }
    if (kind & ESNN_MESSAGES_WITHOUT_ARGUMENT ? num_bytes != 0
        : kind & ESNN_MESSAGES_WITH_WORDS     ? num_bytes < ESNN_ARGUMENT_BYTES || num_bytes & 1u
                                              : num_bytes != ESNN_ARGUMENT_BYTES) {
        return ESNN_STATUS_BAD_LENGTH;
    }
    if (kind & ESNN_MESSAGES_NEED_IMAGE && !device->network) {
        return ESNN_STATUS_NOT_LOADED;
    }
    const uint32_t argument = num_bytes ? u32(payload) : 0;
    const uint8_t *words = payload + ESNN_ARGUMENT_BYTES;
    switch (type) {
    case ESNN_MESSAGE_IDENTIFY:
        *result = ESNN_PROTOCOL_VERSION;
        return identify(device);
    case ESNN_MESSAGE_LOAD_BEGIN:
        return load_begin(device, argument);
    case ESNN_MESSAGE_LOAD_DATA:
        return load_data(device, argument, words, num_bytes - ESNN_ARGUMENT_BYTES);
    case ESNN_MESSAGE_LOAD_END:
        return load_end(device);
    case ESNN_MESSAGE_RESET:
        device->timer_period = 0;
        esnn_reset(device->network);
        return ESNN_STATUS_OK;
    case ESNN_MESSAGE_RUN:
        return run(device, argument, words, num_bytes - ESNN_ARGUMENT_BYTES, result);
    case ESNN_MESSAGE_READ_OUT:
        return read_out(device, argument & 0xFFFFu, result);
    case ESNN_MESSAGE_READ_COUNTERS:
        return read_counters(device, argument & 1u, result);
    case ESNN_MESSAGE_READ_MEMORY:
        return read_memory(device, argument);
    default: /* SET_TIMER */
        device->timer_period = argument;
        device->timer_left = argument;
        return ESNN_STATUS_OK;
    }
}

void esnn_device_start(esnn_device *device, const esnn_device_resources *resources) {
    esnn_frame_reader_start(&device->reader);
    device->resources = resources;
    device->network = 0;
    device->loading = 0;
    device->timer_period = 0;
    device->reply_bytes = 0;
    clear_counters(device);
}

uint32_t esnn_device_take(esnn_device *device, uint8_t byte) {
    if (!esnn_frame_take(&device->reader, byte)) {
        return 0;
    }
    const uint8_t type = esnn_frame_type(&device->reader);
    const uint8_t sequence = esnn_frame_sequence(&device->reader);
    if (device->reply_bytes && type == device->last_type && sequence == device->last_sequence &&
        type != ESNN_MESSAGE_IDENTIFY) {
        return device->reply_bytes; /* its reply was lost */
    }
    device->last_type = type;
    device->last_sequence = sequence;
    device->reply_bytes = DATA;
    uint32_t result = 0;
    const uint32_t status = execute(device, &result);
    const uint32_t payload_bytes = device->reply_bytes - ESNN_PAYLOAD_AT;
    device->reply_bytes = ESNN_PAYLOAD_AT;
    put(device, status, 1);
    put(device, result, 2);
    device->reply_bytes = esnn_frame_encode(device->reply, type | ESNN_REPLY_BIT, sequence,
                                            device->reply + ESNN_PAYLOAD_AT, payload_bytes);
    return device->reply_bytes;
}

void esnn_device_tick(esnn_device *device, uint32_t cycles) {
    const uint32_t period = device->timer_period;
    if (!period) {
        return;
    }
    if (cycles < device->timer_left) {
        device->timer_left -= cycles;
        return;
    }
    cycles -= device->timer_left;
    /* Whole periods that went by; more than can be counted are not worth their time. */
    for (uint32_t n = 0; cycles >= period && n < ESNN_MAX_ERROR_COUNT; n++) {
        cycles -= period;
        if (device->late_steps < ESNN_MAX_ERROR_COUNT) {
            device->late_steps++;
        }
    }
    device->timer_left = cycles < period ? period - cycles : period;
    (void)esnn_step(device->network); /* if refused, its events are dropped and counted */
}
