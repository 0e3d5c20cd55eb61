/* Checks an image, word by word, and makes a network of it.
 *
 * An image is accepted if it is the one that edgesnn would write for the network in it, and that
 * network obeys the design rules (docs/memory_image.md, docs/neuron.md section 6). So whatever
 * runs has a meaning, and the loop need not look. */
#include "edgesnn_network.h"

enum {
    MAX_WORD = 0xFFFF,
    /* Sums of weights are not followed beyond this: no state word has room for it. */
    FAR_TOO_MUCH = 1 << 24,
    FEATURES = (ESNN_WITH_CURRENTS != 0) << ESNN_FEATURE_CURRENTS |
               (ESNN_WITH_DELAYS != 0) << ESNN_FEATURE_DELAYS
};

#if ESNN_WITH_CURRENTS
static uint32_t has_currents(const esnn_half *image) {
    return image[ESNN_HEADER_FEATURES] >> ESNN_FEATURE_CURRENTS & 1u;
}
#endif

static uint32_t two_words(const esnn_half *low) { return low[0] | (uint32_t)low[1] << 16; }

static uint32_t divide_up(uint32_t size, uint32_t lanes) {
    uint32_t count = 0; /* no division on small cores; lanes is a power of two */
    while ((1u << count) < lanes) {
        count++;
    }
    return (size + lanes - 1u) >> count;
}

/* What can be told before anything but the header, and the prologue behind it, is read. */
static int32_t check_header(const esnn_half *image, uint32_t image_bytes) {
    uint32_t lanes, state_bits, wrong, i;
    if (((uintptr_t)image & 3u) != 0) {
        return ESNN_BAD_ALIGNMENT;
    }
    if (image_bytes < 2u * (ESNN_HEADER_WORDS + ESNN_SECTION_HEADER_WORDS +
                            ESNN_NUM_PROLOGUE_WORDS)) {
        return ESNN_BAD_LENGTH;
    }
    if (two_words(image + ESNN_HEADER_MAGIC_LOW) != ESNN_IMAGE_MAGIC) {
        return ESNN_BAD_MAGIC;
    }
    if (image[ESNN_HEADER_VERSION] != ESNN_IMAGE_VERSION) {
        return ESNN_BAD_VERSION;
    }
    if ((image[ESNN_HEADER_FEATURES] & ~FEATURES) != 0) {
        return ESNN_NO_FEATURE;
    }
    if ((image_bytes & 1u) != 0 ||
        two_words(image + ESNN_HEADER_TOTAL_WORDS_LOW) != image_bytes / 2u) {
        return ESNN_BAD_LENGTH;
    }
    lanes = image[ESNN_HEADER_LANES];
    state_bits = image[ESNN_HEADER_STATE_BITS];
    wrong = image[ESNN_HEADER_HEADER_WORDS] ^ ESNN_HEADER_WORDS;
    wrong |= image[ESNN_HEADER_SPIKES_PER_STEP] ^ 1u;
    wrong |= lanes & (lanes - 1u);
#if ESNN_WITH_DELAYS
    wrong |= image[ESNN_HEADER_MAX_DELAY] & ~(uint32_t)ESNN_MAX_DELAY;
    wrong |= (uint32_t)(image[ESNN_HEADER_MAX_DELAY] != 0) ^
             (image[ESNN_HEADER_FEATURES] >> ESNN_FEATURE_DELAYS & 1u);
    i = ESNN_NUM_HEADER_WORDS_USED;
#else
    i = ESNN_HEADER_MAX_DELAY;
#endif
    for (; i < ESNN_HEADER_WORDS; i++) {
        wrong |= image[i];
    }
    if (wrong != 0 || lanes - 1u >= ESNN_MAX_LANES || image[ESNN_HEADER_WINDOW_STEPS] == 0 ||
        image[ESNN_HEADER_NUM_INPUTS] == 0 ||
        (state_bits != ESNN_STATE_BITS_16 && state_bits != ESNN_STATE_BITS_18 &&
         state_bits != ESNN_STATE_BITS_24)) {
        return ESNN_BAD_HEADER;
    }
    return ESNN_OK;
}

/* Gives every array its place in memory that begins at `at`; returns where it ends. */
static uintptr_t divide_memory(const esnn_half *image, esnn_network *n, uintptr_t at) {
    const esnn_half *program = image + ESNN_HEADER_WORDS + ESNN_SECTION_HEADER_WORDS;
    n->image = image;
    n->program = program;
    n->lanes = image[ESNN_HEADER_LANES];
    n->slots = image[ESNN_HEADER_SLOTS];
    n->rule = program[ESNN_PROLOGUE_READOUT_RULE];
    n->limit = program[ESNN_PROLOGUE_EVENT_LIMIT_VALUE];
    at += sizeof *n;
    n->lane_words = (uint32_t *)at;
    at += 4u * (uint32_t)n->lanes;
    n->state = (int32_t *)at;
    at += 4u * ((uint32_t)n->lanes * n->slots + ESNN_SPARE_STATES);
#if ESNN_WITH_CURRENTS
    at += 4u * ((uint32_t)n->lanes * n->slots * has_currents(image));
#endif
    n->accumulators = (int32_t *)at;
    at += 4u * (uint32_t)program[ESNN_PROLOGUE_READOUT_SIZE];
    n->spikes = (uint16_t *)at;
    at += 2u * (uint32_t)image[ESNN_HEADER_SPIKE_WORDS];
#if ESNN_WITH_DELAYS
    at += 2u * (uint32_t)image[ESNN_HEADER_SPIKE_WORDS] * image[ESNN_HEADER_MAX_DELAY];
#endif
    n->events = (uint16_t *)at;
    at += 2u * (uint32_t)image[ESNN_HEADER_EVENTS];
    n->event_counts = 0;
    if (program[ESNN_PROLOGUE_EVENT_LIMIT_FORM] == ESNN_LIMIT_FULL) {
        n->event_counts = (uint8_t *)at;
        at += image[ESNN_HEADER_NUM_INPUTS];
    }
    at = (at + 3u) & ~(uintptr_t)3u;
    n->end = (uint8_t *)at;
    return at;
}

/* The section of `region` must begin at word *at. Moves on to its end. */
static int32_t check_section(const esnn_network *n, uint32_t *at, uint32_t region, uint32_t lane,
                             uint32_t last_word) {
    const esnn_half *header = n->image + *at;
    const uint32_t width = region == ESNN_END_OF_SECTIONS  ? 0
                           : region == ESNN_REGION_THRESHOLD || region == ESNN_REGION_BIAS ? 2
                                                                                           : 1;
    uint32_t num_words, wrong;
    if (*at + ESNN_SECTION_HEADER_WORDS > last_word) {
        return ESNN_BAD_SECTION;
    }
    num_words = header[2] * width;
    wrong = header[0] ^ (region | lane << 8);
    wrong |= header[1] ^ width;
    wrong |= header[3];
    if (wrong != 0 || num_words > last_word - *at - ESNN_SECTION_HEADER_WORDS) {
        return ESNN_BAD_SECTION;
    }
    *at += ESNN_SECTION_HEADER_WORDS + num_words;
    if ((num_words & 1u) != 0) {
        if (*at == last_word || n->image[*at] != 0) {
            return ESNN_BAD_SECTION;
        }
        *at += 1;
    }
    return ESNN_OK;
}

/* Sections in order, sizes as in the header, the end mark right before the CRC-32. */
static int32_t check_sections(esnn_network *n, uint32_t last_word) {
    const uint32_t slots = n->slots;
#if ESNN_WITH_CURRENTS
    const uint32_t last_region = ESNN_REGION_DECAY + has_currents(n->image);
#else
    const uint32_t last_region = ESNN_REGION_DECAY;
#endif
    uint32_t at = ESNN_HEADER_WORDS;
    uint32_t most = 0;
    uint32_t lane, region;
    if (check_section(n, &at, ESNN_REGION_PROGRAM, 0, last_word) != ESNN_OK ||
        n->program[-2] != n->image[ESNN_HEADER_PROGRAM_WORDS]) {
        return ESNN_BAD_SECTION;
    }
    n->program_end = n->program + n->program[-2];
    for (lane = 0; lane < n->lanes; lane++) {
        for (region = ESNN_REGION_SYNAPSES; region <= last_region; region++) {
            const uint32_t body = at + ESNN_SECTION_HEADER_WORDS;
            uint32_t count;
            if (check_section(n, &at, region, lane, last_word) != ESNN_OK) {
                return ESNN_BAD_SECTION;
            }
            count = n->image[body - 2];
            if (region == ESNN_REGION_SYNAPSES) {
                n->lane_words[lane] = body;
                most = count > most ? count : most;
            } else if (count != slots) {
                return ESNN_BAD_SECTION;
            }
        }
    }
    if (most - 1u != n->image[ESNN_HEADER_SYNAPSE_WORDS_MINUS_1] ||
        check_section(n, &at, ESNN_END_OF_SECTIONS, 0, last_word) != ESNN_OK || at != last_word ||
        n->image[at - 2u] != 0) {
        return ESNN_BAD_SECTION;
    }
    return ESNN_OK;
}

/* A way through the program: population by population, and within each its connections. */
typedef struct {
    const esnn_half *population;
    const esnn_half *connection;
    uint32_t connections_left; /* of the population */
    uint32_t row_start;        /* place of the connection's first row start */
    uint32_t num_sources;
} cursor;

static int from_input(const esnn_half *connection) {
    return (connection[ESNN_CONNECTION_FLAGS] >> ESNN_CONNECTION_FLAG_FROM_INPUT) & 1;
}

static const esnn_half *first_population(const esnn_network *n) {
    return n->program + ESNN_NUM_PROLOGUE_WORDS;
}

/* Words of a population's descriptor and those of its connections. */
static uint32_t descriptor_words(const esnn_half *p) {
    return ESNN_NUM_POPULATION_WORDS +
           p[ESNN_POPULATION_NUM_CONNECTIONS] * (uint32_t)ESNN_NUM_CONNECTION_WORDS;
}

/* Neurons of the population whose spikes begin at that word of the bitmap; 0 if there is none. */
static uint32_t size_at_spikes(const esnn_network *n, uint32_t first_word) {
    const esnn_half *p = first_population(n);
    for (; p != n->program_end; p += descriptor_words(p)) {
        if (p[ESNN_POPULATION_FIRST_SPIKE_WORD] == first_word) {
            return p[ESNN_POPULATION_SIZE];
        }
    }
    return 0;
}

ESNN_APART static void rewind_cursor(const esnn_network *n, cursor *c) {
    c->population = first_population(n);
    c->connection = c->population + ESNN_NUM_POPULATION_WORDS - ESNN_NUM_CONNECTION_WORDS;
    c->connections_left = c->population[ESNN_POPULATION_NUM_CONNECTIONS];
    c->row_start = 0;
    c->num_sources = 0;
}

/* 1 if there is another connection, which is then the cursor's. */
static int next_connection(const esnn_network *n, cursor *c) {
    uint32_t first;
    c->row_start += c->num_sources;
    c->num_sources = 0;
    c->connection += ESNN_NUM_CONNECTION_WORDS;
    while (c->connections_left == 0) {
        c->population += descriptor_words(c->population);
        if (c->population == n->program_end) {
            return 0;
        }
        c->connection = c->population + ESNN_NUM_POPULATION_WORDS;
        c->connections_left = c->population[ESNN_POPULATION_NUM_CONNECTIONS];
    }
    c->connections_left--;
    first = c->connection[ESNN_CONNECTION_FIRST_SOURCE];
    c->num_sources = from_input(c->connection)
                         ? c->connection[ESNN_CONNECTION_END_SOURCE] - first
                         : size_at_spikes(n, first);
    return 1;
}

static int32_t check_populations(const esnn_network *n) {
    const uint32_t flags_used = (1u << (ESNN_POPULATION_FLAG_IS_LAST + 1)) - 1u;
    uint32_t slots = 0, spike_words = 0, neurons = 0, populations = 0, connections = 0;
    uint32_t readout_size = 0;
#if ESNN_WITH_CURRENTS
    uint32_t current_based = 0;
#endif
    uint32_t wrong = 0; /* bits in which two numbers differ that should not */
    const esnn_half *p = first_population(n);
    do {
        const uint32_t left = (uint32_t)(n->program_end - p);
        uint32_t flags, size, words;
        if (left < ESNN_NUM_POPULATION_WORDS) {
            return ESNN_BAD_PROGRAM;
        }
        words = descriptor_words(p);
        if (words > left) {
            return ESNN_BAD_PROGRAM;
        }
        flags = p[ESNN_POPULATION_FLAGS];
        size = p[ESNN_POPULATION_SIZE];
        wrong |= p[ESNN_POPULATION_NUM_SLOTS] ^ divide_up(size, n->lanes);
        wrong |= p[ESNN_POPULATION_FIRST_SLOT] ^ slots;
        wrong |= p[ESNN_POPULATION_FIRST_SPIKE_WORD] ^ spike_words;
        wrong |= flags & ~flags_used;
        wrong |= ((flags >> ESNN_POPULATION_FLAG_IS_LAST) & 1u) ^ (left == words);
        if (size == 0 || ((flags >> ESNN_POPULATION_FLAG_RESET_MODE) & 3u) > ESNN_RESET_NONE ||
            esnn_membrane_bits(p) - 2u > n->image[ESNN_HEADER_STATE_BITS] - 2u) {
            return ESNN_BAD_PROGRAM;
        }
#if ESNN_WITH_CURRENTS
        if (esnn_current_bits(p) != 0) {
            current_based = 1;
            if (esnn_current_bits(p) - 2u > n->image[ESNN_HEADER_STATE_BITS] - 2u) {
                return ESNN_BAD_PROGRAM;
            }
        }
#endif
        if ((flags >> ESNN_POPULATION_FLAG_IS_READOUT) & 1u) {
            wrong |= readout_size; /* there is one */
            readout_size = size;
        }
        slots += p[ESNN_POPULATION_NUM_SLOTS];
        spike_words += divide_up(p[ESNN_POPULATION_NUM_SLOTS] * (uint32_t)n->lanes,
                                 ESNN_WORD_BITS);
        neurons += size;
        populations++;
        connections += p[ESNN_POPULATION_NUM_CONNECTIONS];
        p += words;
    } while (p != n->program_end);
#if ESNN_WITH_CURRENTS
    wrong |= current_based ^ has_currents(n->image);
#endif
    wrong |= readout_size ^ n->program[ESNN_PROLOGUE_READOUT_SIZE];
    wrong |= divide_up(readout_size, n->lanes) ^ n->image[ESNN_HEADER_READOUT_SLOTS];
    wrong |= slots ^ n->slots;
    wrong |= spike_words ^ n->image[ESNN_HEADER_SPIKE_WORDS];
    wrong |= neurons ^ two_words(n->image + ESNN_HEADER_NUM_NEURONS_LOW);
    wrong |= populations ^ n->image[ESNN_HEADER_NUM_POPULATIONS];
    wrong |= populations ^ n->program[ESNN_PROLOGUE_NUM_POPULATIONS];
    wrong |= connections ^ n->image[ESNN_HEADER_NUM_CONNECTIONS];
    return wrong == 0 && readout_size != 0 ? ESNN_OK : ESNN_BAD_PROGRAM;
}

ESNN_APART static int32_t check_prologue(const esnn_network *n) {
    const esnn_half *program = n->program;
    const uint32_t longest_sum = (uint32_t)INT32_MAX >> (n->image[ESNN_HEADER_STATE_BITS] - 1u);
    uint32_t events = n->limit;
    uint32_t wrong = program[ESNN_PROLOGUE_NUM_INPUTS] ^ n->image[ESNN_HEADER_NUM_INPUTS];
    wrong |= program[ESNN_PROLOGUE_EVENT_LIMIT_FORM] & ~(uint32_t)ESNN_LIMIT_LIMITED;
    if (n->event_counts != 0) {
        wrong |= events & ~(uint32_t)ESNN_MAX_EVENTS_PER_SOURCE;
        events *= program[ESNN_PROLOGUE_NUM_INPUTS];
    }
    wrong |= events ^ n->image[ESNN_HEADER_EVENTS];
    if (wrong != 0 || events == 0 || n->rule > ESNN_READOUT_FIRST_SPIKE ||
        program[-2] <= ESNN_NUM_PROLOGUE_WORDS) {
        return ESNN_BAD_PROGRAM;
    }
    if (n->rule == ESNN_READOUT_MEMBRANE_SUM && n->image[ESNN_HEADER_WINDOW_STEPS] > longest_sum) {
        return ESNN_CAN_OVERFLOW;
    }
    return ESNN_OK;
}

/* Ranges of inputs are the same or apart: no connection begins or ends within another's. */
static int is_cut(const esnn_network *n, uint32_t first, uint32_t end) {
    const esnn_half *p = first_population(n);
    while (p != n->program_end) {
        uint32_t left = p[ESNN_POPULATION_NUM_CONNECTIONS];
        p += ESNN_NUM_POPULATION_WORDS;
        for (; left != 0; left--, p += ESNN_NUM_CONNECTION_WORDS) {
            const uint32_t begins = p[ESNN_CONNECTION_FIRST_SOURCE];
            const uint32_t ends = p[ESNN_CONNECTION_END_SOURCE];
            if (from_input(p) &&
                ((begins > first && begins < end) || (ends > first && ends < end))) {
                return 1;
            }
        }
    }
    return 0;
}

/* Connections in order, from sources that there are. */
static int32_t check_connections(esnn_network *n) {
    const uint32_t flags_used = 1u << ESNN_CONNECTION_FLAG_FROM_INPUT |
                                1u << ESNN_CONNECTION_FLAG_PACKED |
                                15u << ESNN_CONNECTION_FLAG_WEIGHT_SHIFT;
#if ESNN_WITH_DELAYS
    const uint32_t delay_used = (uint32_t)ESNN_MAX_DELAY << ESNN_CONNECTION_FLAG_DELAY;
    uint32_t max_delay = 0;
#endif
    uint32_t before = 0; /* place of the last source in the list of populations, inputs first */
    cursor c;
    rewind_cursor(n, &c);
    while (next_connection(n, &c)) {
        const uint32_t flags = c.connection[ESNN_CONNECTION_FLAGS];
        const uint32_t first = c.connection[ESNN_CONNECTION_FIRST_SOURCE];
        const uint32_t end = c.connection[ESNN_CONNECTION_END_SOURCE];
        uint32_t number = first;
        uint32_t place = first;
        uint32_t wrong;
        if (from_input(c.connection)) {
            wrong = first >= end || end > n->image[ESNN_HEADER_NUM_INPUTS] ||
                  is_cut(n, first, end);
        } else {
            wrong = c.num_sources == 0 || end != first + divide_up(c.num_sources, ESNN_WORD_BITS);
            number = first * ESNN_WORD_BITS;
            place = first + MAX_WORD + 1u;
        }
        if (c.connections_left + 1u == c.population[ESNN_POPULATION_NUM_CONNECTIONS]) {
            before = 0; /* the first of its population */
        }
#if ESNN_WITH_DELAYS
        if (!from_input(c.connection)) {
            const uint32_t delay = flags & delay_used;
            max_delay = delay > max_delay ? delay : max_delay;
            wrong |= flags & ~(flags_used | delay_used);
        } else
#endif
        {
            wrong |= flags & ~flags_used;
        }
        wrong |= (c.connection[ESNN_CONNECTION_ROW_BASE] + number - c.row_start) & MAX_WORD;
        if (wrong != 0 || place < before || c.row_start + c.num_sources > MAX_WORD ||
            (((flags >> ESNN_CONNECTION_FLAG_PACKED) & 1u) == 0 &&
             c.population[ESNN_POPULATION_NUM_SLOTS] > ESNN_WIDE_SLOTS)) {
            return ESNN_BAD_PROGRAM;
        }
        before = place;
    }
    n->num_row_starts = c.row_start;
#if ESNN_WITH_DELAYS
    if (max_delay >> ESNN_CONNECTION_FLAG_DELAY != n->image[ESNN_HEADER_MAX_DELAY]) {
        return ESNN_BAD_PROGRAM;
    }
#endif
    return ESNN_OK;
}

/* A row, synapse by synapse. */
typedef struct {
    const esnn_half *word;
    const esnn_half *end; /* of the section */
    uint32_t next_slot;
    int32_t weight; /* of the synapse at next_slot - 1 */
    uint8_t packed;
    uint8_t high; /* the low entry of *word was taken */
    uint8_t done;
} row;

static row row_at(const esnn_half *synapses, uint32_t start, uint32_t flags) {
    row r;
    r.word = synapses + start;
    r.end = synapses + synapses[-2];
    r.next_slot = 0;
    r.weight = 0;
    r.packed = (flags >> ESNN_CONNECTION_FLAG_PACKED) & 1u;
    r.high = 0;
    r.done = 0;
    return r;
}

/* 1 for a synapse, 0 at the end of the row, ESNN_BAD_ROW for anything that no packer writes. */
static int32_t next_synapse(row *r) {
    uint32_t filler = 0;
    if (r->done) {
        return 0;
    }
    for (;;) {
        uint32_t entry;
        if (r->word >= r->end) {
            return ESNN_BAD_ROW;
        }
        if (!r->packed) {
            const uint32_t word = *r->word++;
            const uint32_t slot = (word >> 4) & (ESNN_WIDE_SLOTS - 1);
            if (slot < r->next_slot || (word & 15u) == 0) {
                return ESNN_BAD_ROW;
            }
            r->next_slot = slot + 1u;
            r->weight = esnn_weight(word);
            r->done = (uint8_t)(word >> 15);
            return 1;
        }
        entry = r->high ? *r->word >> 8 : *r->word & 0xFFu;
        r->word += r->high;
        r->high = !r->high;
        r->weight = esnn_weight(entry);
        if (r->weight != 0) {
            r->next_slot += (entry >> 4) + 1u;
            return 1;
        }
        if (entry == ESNN_PACKED_END) {
            if (!r->high) {
                r->done = 1;
                return filler ? ESNN_BAD_ROW : 0;
            }
            if (r->next_slot) { /* only the first byte of a row may be nothing */
                return ESNN_BAD_ROW;
            }
        } else if (filler && filler != ESNN_PACKED_FULL_FILLER) {
            return ESNN_BAD_ROW;
        }
        filler = entry;
        r->next_slot += entry;
    }
}

/* What can arrive at a slot in one step, each for weights above and below 0 (docs/neuron.md,
 * section 6). */
enum { SUM = 0, WORST_INPUT = 2, THIS_INPUT = 4, THIS_CONNECTION = 6, NUM_SUMS = 8 };

ESNN_APART static void add_up(int32_t *sum, uint32_t amount) {
    const uint32_t total = (uint32_t)*sum + amount;
    *sum = (int32_t)(total > FAR_TOO_MUCH ? FAR_TOO_MUCH : total);
}

/* Over the first two of each NUM_SUMS words. */
ESNN_APART static uint32_t next_sign(uint32_t i) { return i + ((i & 1u) ? NUM_SUMS - 1u : 1u); }

/* The rows of a connection are done; unless there are more from the same input, keep the worst. */
static void end_connection(int32_t *sums, uint32_t count, int input_goes_on) {
    uint32_t i;
    for (i = 0; i < count * NUM_SUMS; i = next_sign(i)) {
        int32_t *at = sums + i;
        add_up(at + THIS_INPUT, (uint32_t)at[THIS_CONNECTION]);
        at[THIS_CONNECTION] = 0;
        if (!input_goes_on) {
            if (at[THIS_INPUT] > at[WORST_INPUT]) {
                at[WORST_INPUT] = at[THIS_INPUT];
            }
            at[THIS_INPUT] = 0;
        }
    }
}

/* Whether what arrives with one sign leaves the state word: the sum, and limit times the worst
 * input, without a product of two words. */
ESNN_APART static int within(const int32_t *sums, uint32_t limit, int32_t room) {
    const uint32_t worst = (uint32_t)sums[WORST_INPUT];
    const uint32_t high = limit * (worst >> 12);
    if (high > FAR_TOO_MUCH >> 12) {
        return 0;
    }
    return sums[SUM] + (int32_t)((high << 12) + limit * (worst & 0xFFFu)) <= room;
}

/* All rows of a lane lie one after the other and point to neurons that there are. What they can
 * bring in one step to the slots first .. first + count - 1 is added up in the states, which hold
 * nothing yet. */
static int32_t check_rows(const esnn_network *n, uint32_t lane, uint32_t first, uint32_t count) {
    const uint32_t lanes = n->lanes;
    const esnn_half *synapses = esnn_lane_synapses(n, lane);
    const int counted = n->event_counts != 0;
    uint32_t next_word = n->num_row_starts;
    uint32_t i;
    cursor c;
    for (i = 0; i < count * NUM_SUMS; i++) {
        n->state[i] = 0;
    }
    for (; next_word < ESNN_FIRST_ROW_WORD && next_word < synapses[-2]; next_word++) {
        if (synapses[next_word] != 0) {
            return ESNN_BAD_ROW;
        }
    }
    if (next_word < ESNN_FIRST_ROW_WORD || next_word > synapses[-2]) {
        return ESNN_BAD_ROW;
    }
    rewind_cursor(n, &c);
    while (next_connection(n, &c)) {
        const uint32_t flags = c.connection[ESNN_CONNECTION_FLAGS];
        const uint32_t shift = (flags >> ESNN_CONNECTION_FLAG_WEIGHT_SHIFT) & 15u;
        const int limited = from_input(c.connection) && !counted;
        const uint32_t times = from_input(c.connection) && counted
                                   ? n->limit
                                   : 1u;
        for (i = 0; i < c.num_sources; i++) {
            const uint32_t start = synapses[c.row_start + i];
            row r;
            int32_t found;
            if (start == 0) {
                continue;
            }
            if (start != next_word) {
                return ESNN_BAD_ROW;
            }
            r = row_at(synapses, start, flags);
            while ((found = next_synapse(&r)) > 0) {
                const uint32_t slot =
                    c.population[ESNN_POPULATION_FIRST_SLOT] + r.next_slot - 1u - first;
                if ((r.next_slot - 1u) * lanes + lane >= c.population[ESNN_POPULATION_SIZE]) {
                    return ESNN_BAD_ROW;
                }
                if (slot < count) {
                    const uint32_t sign = r.weight < 0;
                    const uint32_t amount = (uint32_t)(sign ? -r.weight : r.weight) << shift;
                    int32_t *sums = n->state + slot * NUM_SUMS + sign;
                    if (!limited) {
                        add_up(sums + SUM, amount * times);
                    } else if ((int32_t)amount > sums[THIS_CONNECTION]) {
                        sums[THIS_CONNECTION] = (int32_t)amount;
                    }
                }
            }
            if (found != 0 || r.next_slot == 0) {
                return ESNN_BAD_ROW;
            }
            next_word = (uint32_t)(r.word - synapses);
        }
        end_connection(n->state, count,
                       c.connections_left != 0 &&
                           c.connection[ESNN_CONNECTION_FIRST_SOURCE] ==
                               c.connection[ESNN_NUM_CONNECTION_WORDS +
                                            ESNN_CONNECTION_FIRST_SOURCE]);
    }
    return next_word == synapses[-2] ? ESNN_OK : ESNN_BAD_ROW;
}

/* The parameters of those slots, and the overflow rule. */
static int32_t check_slots(const esnn_network *n, uint32_t lane, uint32_t first, uint32_t count) {
    const uint32_t lanes = n->lanes;
    const int32_t room = (int32_t)1 << (n->image[ESNN_HEADER_STATE_BITS] - 1u);
    const uint32_t limit = n->limit;
    const esnn_parameters of = esnn_lane_parameters(n, lane, 0);
    const int32_t *sums = n->state;
    const esnn_half *p = first_population(n);
    uint32_t slot;
    for (slot = first; slot < first + count; slot++, sums += NUM_SUMS) {
        const int32_t threshold = of.threshold[slot];
        const int32_t bias = of.bias[slot];
        const uint32_t decay = of.decay[slot];
        uint32_t flags, in_population;
        int32_t strict, left, above;
        while (slot - p[ESNN_POPULATION_FIRST_SLOT] >= p[ESNN_POPULATION_NUM_SLOTS]) {
            p += descriptor_words(p);
        }
        flags = p[ESNN_POPULATION_FLAGS];
        strict = (flags >> ESNN_POPULATION_FLAG_STRICT) & 1;
        in_population = slot - p[ESNN_POPULATION_FIRST_SLOT];
#if ESNN_WITH_CURRENTS
        if (has_currents(n->image)) {
            const uint32_t here = esnn_current_bits(p) != 0 &&
                                  in_population * lanes + lane < p[ESNN_POPULATION_SIZE];
            const uint32_t most = here << ESNN_DECAY_FRACTION_BITS; /* 0 where there is none */
            if (*esnn_lane_synaptic_decay(n, lane, slot) > most) {
                return ESNN_BAD_PARAMETER;
            }
        }
#endif
        if (in_population * lanes + lane >= p[ESNN_POPULATION_SIZE]) {
            if (threshold != room - 1 || bias != 0 || decay != 0) {
                return ESNN_BAD_PARAMETER; /* a slot without a neuron keeps still */
            }
            continue;
        }
        if ((((flags >> ESNN_POPULATION_FLAG_SPIKING) & 1u) &&
             (threshold < 1 - strict || threshold > room - 1 - strict)) ||
            bias < -room || bias >= room || decay > 1u << ESNN_DECAY_FRACTION_BITS) {
            return ESNN_BAD_PARAMETER;
        }
        left = room - ((int32_t)1 << (esnn_membrane_bits(p) - 1));
        above = left;
#if ESNN_WITH_CURRENTS
        if (esnn_current_bits(p) != 0) {
            const int32_t bound = (int32_t)1 << (esnn_current_bits(p) - 1u);
            left -= bound;
            above -= bound - 1;
        }
#endif
        if (!within(sums, limit, bias > 0 ? above - bias : above) ||
            !within(sums + 1, limit, bias < 0 ? left + bias : left)) {
            return ESNN_CAN_OVERFLOW;
        }
    }
    return ESNN_OK;
}

static int32_t check_lane(const esnn_network *n, uint32_t lane) {
    const uint32_t at_once = (uint32_t)n->slots * n->lanes / NUM_SUMS + 1u;
    int32_t status = ESNN_OK;
    uint32_t first;
    for (first = 0; status == ESNN_OK && first < n->slots; first += at_once) {
        const uint32_t left = n->slots - first;
        const uint32_t count = left < at_once ? left : at_once;
        status = check_rows(n, lane, first, count);
        if (status == ESNN_OK) {
            status = check_slots(n, lane, first, count);
        }
    }
    return status;
}

/* Everything behind the header, each part before what relies on it. */
static int32_t check_body(esnn_network *n, uint32_t last_word) {
    int32_t status = check_sections(n, last_word);
    uint32_t lane;
    if (status == ESNN_OK) {
        status = check_prologue(n);
    }
    if (status == ESNN_OK) {
        status = check_populations(n);
    }
    if (status == ESNN_OK) {
        status = check_connections(n);
    }
    for (lane = 0; status == ESNN_OK && lane < n->lanes; lane++) {
        status = check_lane(n, lane);
    }
    return status;
}

int32_t esnn_required_bytes(const void *image, uint32_t image_bytes) {
    const esnn_half *words = (const esnn_half *)image;
    const int32_t status = check_header(words, image_bytes);
    esnn_network n;
    return status == ESNN_OK ? (int32_t)divide_memory(words, &n, 0) : status;
}

int32_t esnn_load(esnn_network **network, const void *image, uint32_t image_bytes, void *memory,
                  uint32_t memory_bytes) {
    const esnn_half *words = (const esnn_half *)image;
    const uint32_t last_word = image_bytes / 2u - 2u;
    esnn_network *n = (esnn_network *)memory;
    int32_t status = check_header(words, image_bytes);
    if (status != ESNN_OK) {
        return status;
    }
    if (((uintptr_t)memory & (sizeof(void *) - 1u)) != 0) {
        return ESNN_BAD_ALIGNMENT;
    }
    if (memory_bytes < sizeof *n ||
        divide_memory(words, n, (uintptr_t)memory) - (uintptr_t)memory > memory_bytes) {
        return ESNN_TOO_LITTLE_MEMORY;
    }
    if (esnn_crc32(0, image, 2u * last_word) != two_words(words + last_word)) {
        return ESNN_BAD_CRC;
    }
    status = check_body(n, last_word);
    if (status == ESNN_OK) {
        esnn_reset(n);
        n->counters.steps = 0;
        n->counters.events = 0;
        n->counters.sops = 0;
        n->counters.spikes = 0;
        n->counters.dropped = 0;
        *network = n;
    }
    return status;
}
