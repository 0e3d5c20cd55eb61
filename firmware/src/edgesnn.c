/* The loop of the runtime. It trusts the image: esnn_load has checked all of it. */
#include "edgesnn_network.h"

esnn_parameters esnn_lane_parameters(const esnn_network *n, uint32_t lane, uint32_t slot) {
    /* Sections lie one behind the other, each filled up to four bytes. */
    const esnn_half *synapses = esnn_lane_synapses(n, lane);
    const uint32_t skip = n->slots + ESNN_SECTION_HEADER_WORDS / 2;
    const esnn_half *behind = synapses + ((synapses[-2] + 1u) & ~1u) + ESNN_SECTION_HEADER_WORDS;
    esnn_parameters p;
    p.threshold = (const esnn_word *)(const void *)behind + slot;
    p.bias = p.threshold + skip;
    p.decay = (const esnn_half *)(const void *)(p.bias + skip - slot) + slot;
    return p;
}

/* What a weight code adds: its product with the scale on a microcontroller, which multiplies and
 * adds in one instruction; looked up on a processor that loads faster than it multiplies. */
#if UINTPTR_MAX > 0xFFFFFFFFu
#define ESNN_LOOKS_UP
enum { NUM_CODES = 16 };
typedef const int32_t *weight_scale;
static inline int32_t contribution(uint32_t code, weight_scale adds) { return adds[code & 15u]; }
#else
typedef int32_t weight_scale;
static inline int32_t contribution(uint32_t code, weight_scale scale) {
    return esnn_weight(code) * scale;
}
#endif

/* What one wide word adds. */
static inline void add_wide(uint32_t word, int32_t *slots, weight_scale scale) {
    slots[(word >> 4) & (ESNN_WIDE_SLOTS - 1)] += contribution(word, scale);
}

/* A row of wide words: slot, weight, and a mark on the last. Returns the synaptic operations. */
ESNN_LOOP static uint32_t walk_wide(const esnn_half *row, int32_t *slots, weight_scale scale) {
    const esnn_half *word = row;
#if defined(ESNN_LOOKS_UP)
    /* Up to the last without the mask that takes the mark away. */
    for (; *word < ESNN_WIDE_LAST; word++) {
        slots[*word >> 4] += contribution(*word, scale);
    }
#elif !defined(__OPTIMIZE_SIZE__)
    /* Two at a time while neither is the last: a fifth less instructions. */
    const uint32_t lasts = (uint32_t)ESNN_WIDE_LAST << 16 | ESNN_WIDE_LAST;
    if (((uintptr_t)word & 2u) != 0 && *word < ESNN_WIDE_LAST) {
        add_wide(*word++, slots, scale);
    }
    if (((uintptr_t)word & 2u) == 0) {
        for (;; word += 2) {
            const uint32_t pair = (uint32_t)*(const esnn_word *)(const void *)word;
            if ((pair & lasts) != 0) {
                break;
            }
            add_wide(pair, slots, scale);
            add_wide(pair >> 16, slots, scale);
        }
    }
#endif
    do {
        add_wide(*word, slots, scale);
    } while (*word++ < ESNN_WIDE_LAST);
    return (uint32_t)(word - row);
}

/* A row of packed entries: gap and weight, fillers in between, and an end. Without a weight, an
 * entry is the number of slots to pass, and the end in the high byte is 0. */
ESNN_LOOP static uint32_t walk_packed(const esnn_half *row, int32_t *membrane, weight_scale scale) {
    uint32_t sops = 0;
    for (;;) {
        const uint32_t entries = *row++;
        if (entries & 15u) {
            membrane += (entries >> 4) & 15u;
            *membrane++ += contribution(entries, scale);
            sops++;
        } else {
            membrane += entries & 0xF0u;
        }
        if (entries & 0xF00u) {
            membrane += entries >> 12;
            *membrane++ += contribution(entries >> 8, scale);
            sops++;
        } else if (entries >> 8 == ESNN_PACKED_END) {
            break;
        } else {
            membrane += entries >> 8;
        }
    }
    return sops;
}

/* Adds the row that begins at word `start` of a lane, if there is one. Returns the synaptic
 * operations. */
static ESNN_HERE uint32_t walk(const esnn_half *synapses, uint32_t start, uint32_t packed,
                            int32_t *slots, weight_scale scale) {
    if (start == 0) {
        return 0;
    }
    return packed ? walk_packed(synapses + start, slots, scale)
                  : walk_wide(synapses + start, slots, scale);
}

#if ESNN_WITH_DELAYS
/* The ring of bitmaps: one more than the steps of the longest delay. */
static uint16_t *first_bitmap(const esnn_network *n) {
    return (uint16_t *)(void *)(n->accumulators + esnn_num_accumulators(n));
}

/* The bitmap that a connection reads. Populations before this one have fired in this step already;
 * this one and those after it have not yet written over the oldest bitmap, which is where this
 * step's will be. */
static const uint16_t *bitmap_of(const esnn_network *n, const esnn_half *population,
                                 const esnn_half *connection) {
    const uint32_t late = connection[ESNN_CONNECTION_FIRST_SOURCE] >=
                          population[ESNN_POPULATION_FIRST_SPIKE_WORD];
    const uint32_t delay = (uint32_t)connection[ESNN_CONNECTION_FLAGS] >> ESNN_CONNECTION_FLAG_DELAY;
    const uint32_t back = (delay + late) * esnn_num_spike_words(n);
    const uint32_t now = (uint32_t)(n->spikes - first_bitmap(n));
    const uint32_t ring = (uint32_t)(n->events - first_bitmap(n));
    return first_bitmap(n) + (now >= back ? now : now + ring) - back;
}
#endif

/* Adds all that arrives through a connection in one lane. Returns the synaptic operations. */
ESNN_APART static uint32_t integrate(const esnn_network *n, const esnn_half *population,
                                     const esnn_half *connection, uint32_t lane) {
    const esnn_half *synapses = esnn_lane_synapses(n, lane);
    int32_t *slots = esnn_lane_state(n, lane) + population[ESNN_POPULATION_FIRST_SLOT];
    const uint32_t flags = connection[ESNN_CONNECTION_FLAGS];
    const uint32_t first = connection[ESNN_CONNECTION_FIRST_SOURCE];
    const uint32_t count = connection[ESNN_CONNECTION_END_SOURCE] - first;
    const uint32_t row_base = connection[ESNN_CONNECTION_ROW_BASE];
    const int32_t one = (int32_t)1 << ((flags >> ESNN_CONNECTION_FLAG_WEIGHT_SHIFT) & 15u);
    const uint32_t packed = (flags >> ESNN_CONNECTION_FLAG_PACKED) & 1u;
    uint32_t sops = 0;
#if defined(ESNN_LOOKS_UP)
    int32_t scale[NUM_CODES];
    uint32_t code;
    for (code = 0; code < NUM_CODES; code++) {
        scale[code] = esnn_weight(code) * one;
    }
#else
    const weight_scale scale = one;
#endif
#if ESNN_WITH_CURRENTS
    if (esnn_current_bits(population) != 0) {
        slots += (uint32_t)n->lanes * n->slots + ESNN_SPARE_STATES;
    }
#endif
    if ((flags >> ESNN_CONNECTION_FLAG_FROM_INPUT) & 1u) {
        const esnn_half *starts = synapses + ((row_base + first) & 0xFFFFu);
        const uint16_t *event = n->events;
        const uint16_t *const last = event + n->num_events;
        for (; event != last; event++) {
            const uint32_t source = *event - first;
            if (source < count) {
                sops += walk(synapses, starts[source], packed, slots, scale);
            }
        }
    } else {
        const esnn_half *starts = synapses + ((row_base + ESNN_WORD_BITS * first) & 0xFFFFu);
#if ESNN_WITH_DELAYS
        const uint16_t *word = bitmap_of(n, population, connection) + first;
#else
        /* Populations before this one have fired in this step already, the others show the spikes
         * of the step before: one bitmap holds both. */
        const uint16_t *word = n->spikes + first;
#endif
        const uint16_t *const last = word + count;
        for (; word != last; word++, starts += ESNN_WORD_BITS) {
            const esnn_half *start = starts;
            uint32_t bits = *word;
            for (; bits != 0; bits >>= 1, start++) {
                const uint32_t zeros = ESNN_ZEROS_BELOW(bits);
                bits >>= zeros;
                start += zeros;
                if (bits & 1u) {
                    sops += walk(synapses, *start, packed, slots, scale);
                }
            }
        }
    }
    return sops;
}

/* x * decay / 4096, rounded toward zero. The product of up to 18 bits fits a word; of a wider x
 * the part above 4096 is taken apart first, which is exact, too. */
static ESNN_HERE int32_t decayed(int32_t x, int32_t decay, int wide) {
    if (!wide) {
        const int32_t product = x * decay;
        const int32_t toward_zero = (int32_t)((uint32_t)(product >> 31) >> 20);
        return (product + toward_zero) >> ESNN_DECAY_FRACTION_BITS;
    }
    {
        const uint32_t size = (uint32_t)(x < 0 ? -x : x);
        const uint32_t one = 1u << ESNN_DECAY_FRACTION_BITS;
        const uint32_t high = (size >> ESNN_DECAY_FRACTION_BITS) * (uint32_t)decay;
        const uint32_t low = (size & (one - 1u)) * (uint32_t)decay;
        const int32_t result = (int32_t)(high + (low >> ESNN_DECAY_FRACTION_BITS));
        return x < 0 ? -result : result;
    }
}

#if ESNN_WITH_CURRENTS
/* Adds the synaptic currents of a population's slots in one lane to their membranes, and lets them
 * decay; docs/neuron.md section 4, phase 7 and the sum of phase 1. */
ESNN_APART static void take_currents(const esnn_network *n, const esnn_half *population,
                                     uint32_t lane) {
    const int wide = n->image[ESNN_HEADER_STATE_BITS] > ESNN_STATE_BITS_18;
    const int32_t half = (int32_t)1 << (esnn_current_bits(population) - 1u);
    const uint32_t first = population[ESNN_POPULATION_FIRST_SLOT];
    const esnn_half *decay = esnn_lane_synaptic_decay(n, lane, first);
    int32_t *membrane = esnn_lane_state(n, lane) + first;
    int32_t *const end = membrane + population[ESNN_POPULATION_NUM_SLOTS];
    int32_t *current = membrane + (uint32_t)n->lanes * n->slots + ESNN_SPARE_STATES;
    for (; membrane != end; membrane++, current++, decay++) {
        if (*current != 0) {
            const int32_t left = decayed(*current, *decay, wide);
            *membrane += *current;
            *current = left < -half ? -half : left >= half ? half - 1 : left;
        }
    }
}
#endif

/* What the neurons of a population in one lane have in common. */
typedef struct {
    uint32_t strict;
    uint32_t spiking;
    const esnn_word *threshold;
    const esnn_word *bias;
    const esnn_half *decay;
    int32_t *state;
} group;

static int fires(const group *g, int32_t value, int32_t threshold) {
    return value - (int32_t)g->strict >= threshold && g->spiking;
}

/* The read-out, from what the update is about to see. */
static void read_out(const esnn_network *n, const group *g, uint32_t lane) {
    const uint32_t rule = n->rule;
    uint32_t neuron = lane;
    uint32_t slot = 0;
    for (; neuron < esnn_num_accumulators(n); neuron += n->lanes, slot++) {
        int32_t *accumulator = n->accumulators + neuron;
        const int32_t value = g->state[slot] + g->bias[slot];
        const int spike = fires(g, value, g->threshold[slot]);
        if (rule == ESNN_READOUT_SPIKE_COUNT || rule == ESNN_READOUT_MEMBRANE_SUM) {
            const int32_t more = rule == ESNN_READOUT_SPIKE_COUNT ? spike : value;
            *accumulator = (int32_t)((uint32_t)*accumulator + (uint32_t)more);
        } else if (rule == ESNN_READOUT_MEMBRANE_LAST ||
                   (rule == ESNN_READOUT_MEMBRANE_MAX && value > *accumulator)) {
            *accumulator = value;
        } else if (rule == ESNN_READOUT_FIRST_SPIKE && spike && *accumulator == ESNN_NOTHING) {
            *accumulator = (int32_t)(0u - n->steps_since_reset);
        }
    }
}

/* The update of a population's slots in one lane; docs/neuron.md section 4. */
ESNN_APART static void update(esnn_network *n, const esnn_half *population, uint32_t lane) {
    const int wide = n->image[ESNN_HEADER_STATE_BITS] > ESNN_STATE_BITS_18;
    const uint32_t flags = population[ESNN_POPULATION_FLAGS];
    const uint32_t mode = (flags >> ESNN_POPULATION_FLAG_RESET_MODE) & 3u;
    const uint32_t after = (flags >> ESNN_POPULATION_FLAG_RESET_AFTER_DECAY) & 1u;
    const uint32_t half = 1u << (esnn_membrane_bits(population) - 1);
    const esnn_parameters of = esnn_lane_parameters(n, lane, population[ESNN_POPULATION_FIRST_SLOT]);
    int32_t *const state = esnn_lane_state(n, lane) + population[ESNN_POPULATION_FIRST_SLOT];
    int32_t *const end = state + population[ESNN_POPULATION_NUM_SLOTS];
    /* One pointer for two arrays, so that the loop has one less to move. */
    const intptr_t to_threshold = of.threshold - of.bias;
    group g;
    g.strict = (flags >> ESNN_POPULATION_FLAG_STRICT) & 1u;
    g.spiking = (flags >> ESNN_POPULATION_FLAG_SPIKING) & 1u;
    g.threshold = of.threshold;
    g.bias = of.bias;
    g.decay = of.decay;
    if ((flags >> ESNN_POPULATION_FLAG_IS_READOUT) & 1u) {
        g.state = state;
        read_out(n, &g, lane);
    }
    ESNN_UNROLLED
    for (g.state = state; g.state != end; g.state++, g.bias++, g.decay++) {
        int32_t value = *g.state + *g.bias;
        if (value == 0) {
            *g.state = 0; /* at rest: 0 never fires, and decays to 0 */
            continue;
        }
        if (ESNN_SELDOM(value >= g.bias[to_threshold]) &&
            fires(&g, value, g.bias[to_threshold])) {
            const uint32_t neuron = (uint32_t)(g.bias - of.bias) * n->lanes + lane;
            uint16_t *word = n->spikes + population[ESNN_POPULATION_FIRST_SPIKE_WORD] + (neuron >> 4);
            const int32_t off = mode == ESNN_RESET_SUBTRACT  ? g.bias[to_threshold]
                                : mode == ESNN_RESET_TO_ZERO ? value
                                                             : 0;
            *word = (uint16_t)(*word | (1u << (neuron & 15u)));
            n->counters.spikes++;
            if (after && mode == ESNN_RESET_SUBTRACT) {
                value = decayed(value, *g.decay, wide) - off;
            } else {
                value = decayed(value - off, *g.decay, wide);
            }
        } else {
            value = decayed(value, *g.decay, wide);
        }
        if (ESNN_SELDOM((uint32_t)value + half >= 2u * half)) {
            value = value < 0 ? -(int32_t)half : (int32_t)half - 1;
        }
        *g.state = value;
    }
}

static void forget_events(esnn_network *n) {
    uint32_t i;
    if (n->event_counts != 0) {
        for (i = 0; i < n->num_events; i++) {
            n->event_counts[n->events[i]] = 0;
        }
    }
    n->num_events = 0;
    n->refused = 0;
}

int32_t esnn_push_event(esnn_network *n, uint32_t source) {
    if (source < n->program[ESNN_PROLOGUE_NUM_INPUTS]) {
        const uint32_t num_events = n->num_events;
        uint8_t *counts = n->event_counts;
        if ((counts != 0 ? counts[source] : num_events) < n->limit) {
            if (counts != 0) {
                counts[source]++;
            }
            n->events[num_events] = (uint16_t)source;
            n->num_events = num_events + 1u;
            return ESNN_OK;
        }
    }
    n->counters.dropped++;
    n->refused = 1;
    return ESNN_EVENT_REFUSED;
}

int32_t esnn_step(esnn_network *n) {
    const esnn_half *word = n->program + ESNN_NUM_PROLOGUE_WORDS;
    if (n->refused) {
        n->counters.dropped += n->num_events;
        forget_events(n);
        return ESNN_STEP_REFUSED;
    }
#if ESNN_WITH_DELAYS
    n->spikes += esnn_num_spike_words(n);
    if (n->spikes == n->events) {
        n->spikes = first_bitmap(n);
    }
#endif
    while (word != n->program_end) {
        const esnn_half *population = word;
        const uint32_t size = population[ESNN_POPULATION_SIZE];
        uint32_t left, lane, i;
        word += ESNN_NUM_POPULATION_WORDS;
        for (left = population[ESNN_POPULATION_NUM_CONNECTIONS]; left != 0; left--) {
            for (lane = n->lanes; lane-- != 0;) {
                n->counters.sops += integrate(n, population, word, lane);
            }
            word += ESNN_NUM_CONNECTION_WORDS;
        }
        for (i = 0; i < size; i += ESNN_WORD_BITS) {
            n->spikes[population[ESNN_POPULATION_FIRST_SPIKE_WORD] + i / ESNN_WORD_BITS] = 0;
        }
        for (lane = n->lanes; lane-- != 0;) {
#if ESNN_WITH_CURRENTS
            if (esnn_current_bits(population) != 0) {
                take_currents(n, population, lane);
            }
#endif
            update(n, population, lane);
        }
    }
    n->counters.events += n->num_events;
    n->counters.steps++;
    n->steps_since_reset++;
    forget_events(n);
    return ESNN_OK;
}

void esnn_reset(esnn_network *n) {
    const int counts = n->rule == ESNN_READOUT_SPIKE_COUNT || n->rule == ESNN_READOUT_MEMBRANE_SUM;
    esnn_word *word = n->state;
    uint32_t i;
    while (word != (esnn_word *)(void *)n->end) {
        *word++ = 0; /* all arrays, one behind the other */
    }
    for (i = 0; !counts && i < esnn_num_accumulators(n); i++) {
        n->accumulators[i] = ESNN_NOTHING;
    }
    n->steps_since_reset = 0;
    n->num_events = 0;
    n->refused = 0;
}

int32_t esnn_decision(const esnn_network *n) {
    const int counts = n->rule == ESNN_READOUT_SPIKE_COUNT;
    int32_t decision = 0;
    uint32_t i;
    for (i = 1; i < esnn_num_accumulators(n); i++) {
        if (n->accumulators[i] > n->accumulators[decision]) {
            decision = (int32_t)i;
        }
    }
    return n->accumulators[decision] == (counts ? 0 : ESNN_NOTHING) ? -1 : decision;
}
