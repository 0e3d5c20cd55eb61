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

/* A connection to the neurons of one lane. */
typedef struct {
    const esnn_half *synapses;
    int32_t *slots; /* of the target population */
    int32_t scale;  /* 2^weight_shift */
    uint32_t packed;
} delivery;

/* A row of wide words: slot, weight, and a mark on the last. Returns the synaptic operations. */
static inline uint32_t walk_wide(const esnn_half *row, int32_t *slots, int32_t scale) {
    const esnn_half *word = row;
    int32_t signed_word;
    do {
        /* Read with its sign, so that the mark is a comparison with 0. */
        signed_word = (int16_t)*word++;
        slots[(signed_word >> 4) & (ESNN_WIDE_SLOTS - 1)] +=
            esnn_weight((uint32_t)signed_word) * scale;
    } while (signed_word >= 0);
    return (uint32_t)(word - row);
}

/* A row of packed entries: gap and weight, fillers in between, and an end. */
static inline uint32_t walk_packed(const esnn_half *row, int32_t *slots, int32_t scale) {
    int32_t *membrane = slots - 1;
    uint32_t sops = 0;
    for (;;) {
        uint32_t word = *row++;
        membrane += ((word >> 4) & 15u) + 1u;
        if (word & 15u) {
            *membrane += esnn_weight(word) * scale;
            sops++;
        } else if ((word & 0xFFu) == ESNN_PACKED_END) {
            return sops;
        }
        membrane += (word >> 12) + 1u;
        if (word & 0xF00u) {
            *membrane += esnn_weight(word >> 8) * scale;
            sops++;
        } else if ((word >> 8) == ESNN_PACKED_END) {
            return sops;
        }
    }
}

/* Adds the row of one source. Returns the synaptic operations. */
static uint32_t deliver(const delivery *d, uint32_t row_start) {
    const uint32_t start = d->synapses[row_start & 0xFFFFu];
    const esnn_half *row = d->synapses + start;
    if (start == 0) {
        return 0;
    }
    return d->packed ? walk_packed(row, d->slots, d->scale) : walk_wide(row, d->slots, d->scale);
}

/* Adds all that arrives through a connection in one lane. Returns the synaptic operations. */
ESNN_APART static uint32_t integrate(const esnn_network *n, const esnn_half *population,
                                     const esnn_half *connection, uint32_t lane) {
    const uint32_t flags = connection[ESNN_CONNECTION_FLAGS];
    const uint32_t first = connection[ESNN_CONNECTION_FIRST_SOURCE];
    const uint32_t end = connection[ESNN_CONNECTION_END_SOURCE];
    const uint32_t row_base = connection[ESNN_CONNECTION_ROW_BASE];
    uint32_t sops = 0;
    uint32_t i;
    delivery d;
    d.synapses = esnn_lane_synapses(n, lane);
    d.slots = esnn_lane_state(n, lane) + population[ESNN_POPULATION_FIRST_SLOT];
    d.scale = (int32_t)1 << ((flags >> ESNN_CONNECTION_FLAG_WEIGHT_SHIFT) & 15u);
    d.packed = (flags >> ESNN_CONNECTION_FLAG_PACKED) & 1u;
    if ((flags >> ESNN_CONNECTION_FLAG_FROM_INPUT) & 1u) {
        for (i = 0; i < n->num_events; i++) {
            const uint32_t source = n->events[i];
            if (source >= first && source < end) {
                sops += deliver(&d, row_base + source);
            }
        }
        return sops;
    }
    /* Populations before this one have fired in this step already, the others show the spikes of
     * the step before: one bitmap holds both. */
    for (i = first; i < end; i++) {
        uint32_t bits = n->spikes[i];
        uint32_t row_start = row_base + ESNN_WORD_BITS * i;
        for (; bits != 0; bits >>= 1, row_start++) {
            if (bits & 1u) {
                sops += deliver(&d, row_start);
            }
        }
    }
    return sops;
}

/* x * decay / 4096, rounded toward zero. The product of up to 18 bits fits a word; of a wider x
 * the part above 4096 is taken apart first, which is exact, too. */
static inline int32_t decayed(int32_t x, int32_t decay, int wide) {
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

/* What the neurons of a population in one lane have in common. */
typedef struct {
    uint32_t num_slots;
    int strict;
    int spiking;
    esnn_parameters of;
    int32_t *state;
} group;

static int fires(const group *g, uint32_t slot, int32_t value) {
    return value - g->strict >= g->of.threshold[slot] && g->spiking;
}

/* The read-out, from what the update is about to see. */
static void read_out(const esnn_network *n, const group *g, uint32_t lane) {
    const uint32_t rule = n->rule;
    const uint32_t size = esnn_num_accumulators(n);
    uint32_t slot;
    int32_t *accumulator = n->accumulators + lane;
    for (slot = 0; slot * n->lanes + lane < size; slot++, accumulator += n->lanes) {
        const int32_t value = g->state[slot] + g->of.bias[slot];
        const int spike = fires(g, slot, value);
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
    const uint32_t first_slot = population[ESNN_POPULATION_FIRST_SLOT];
    const uint32_t mode = (flags >> ESNN_POPULATION_FLAG_RESET_MODE) & 3u;
    const uint32_t after = (flags >> ESNN_POPULATION_FLAG_RESET_AFTER_DECAY) & 1u;
    const uint32_t half = 1u << (population[ESNN_POPULATION_MEMBRANE_BITS] - 1);
    uint16_t *spikes = n->spikes + population[ESNN_POPULATION_FIRST_SPIKE_WORD];
    uint32_t slot;
    group g;
    g.num_slots = population[ESNN_POPULATION_NUM_SLOTS];
    g.strict = (flags >> ESNN_POPULATION_FLAG_STRICT) & 1;
    g.spiking = (flags >> ESNN_POPULATION_FLAG_SPIKING) & 1;
    g.of = esnn_lane_parameters(n, lane, first_slot);
    g.state = esnn_lane_state(n, lane) + first_slot;
    if ((flags >> ESNN_POPULATION_FLAG_IS_READOUT) & 1u) {
        read_out(n, &g, lane);
    }
    for (slot = 0; slot < g.num_slots; slot++) {
        const int32_t bias = g.of.bias[slot];
        int32_t value = g.state[slot];
        int32_t late = 0; /* what a reset takes off after the decay */
        if ((value | bias) == 0) {
            continue; /* at rest, and it stays so */
        }
        value += bias;
        if (value >= g.of.threshold[slot] && fires(&g, slot, value)) {
            const uint32_t neuron = slot * n->lanes + lane;
            spikes[neuron >> 4] = (uint16_t)(spikes[neuron >> 4] | (1u << (neuron & 15u)));
            n->counters.spikes++;
            if (mode == ESNN_RESET_TO_ZERO) {
                value = 0;
            } else if (mode == ESNN_RESET_SUBTRACT) {
                late = g.of.threshold[slot];
                if (!after) {
                    value -= late;
                    late = 0;
                }
            }
        }
        value = decayed(value, g.of.decay[slot], wide) - late;
        if ((uint32_t)value + half >= 2u * half) {
            value = value < 0 ? -(int32_t)half : (int32_t)half - 1;
        }
        g.state[slot] = value;
    }
}

static void forget_events(esnn_network *n) {
    uint32_t i;
    if (n->event_counts != 0) {
        for (i = 0; i < n->num_events; i++) {
            n->event_counts[n->events[i] >> 1] = 0;
        }
    }
    n->num_events = 0;
    n->refused = 0;
}

int32_t esnn_push_event(esnn_network *n, uint32_t source) {
    const uint32_t limit = n->limit;
    int allowed = source < n->program[ESNN_PROLOGUE_NUM_INPUTS];
    if (allowed && n->event_counts != 0) {
        const uint32_t shift = 4u * (source & 1u);
        uint8_t *count = n->event_counts + (source >> 1);
        allowed = ((uint32_t)*count >> shift & 15u) < limit;
        if (allowed) {
            *count = (uint8_t)(*count + (1u << shift));
        }
    } else if (allowed) {
        allowed = n->num_events < limit;
    }
    if (!allowed) {
        n->counters.dropped++;
        n->refused = 1;
        return ESNN_EVENT_REFUSED;
    }
    n->events[n->num_events++] = (uint16_t)source;
    return ESNN_OK;
}

int32_t esnn_step(esnn_network *n) {
    const esnn_half *word = n->program + ESNN_NUM_PROLOGUE_WORDS;
    if (n->refused) {
        n->counters.dropped += n->num_events;
        forget_events(n);
        return ESNN_STEP_REFUSED;
    }
    while (word != n->program_end) {
        const esnn_half *population = word;
        const uint32_t size = population[ESNN_POPULATION_SIZE];
        uint32_t left, lane, i;
        word += ESNN_NUM_POPULATION_WORDS;
        for (left = population[ESNN_POPULATION_NUM_CONNECTIONS]; left != 0; left--) {
            for (lane = 0; lane < n->lanes; lane++) {
                n->counters.sops += integrate(n, population, word, lane);
            }
            word += ESNN_NUM_CONNECTION_WORDS;
        }
        for (i = 0; i < size; i += ESNN_WORD_BITS) {
            n->spikes[population[ESNN_POPULATION_FIRST_SPIKE_WORD] + i / ESNN_WORD_BITS] = 0;
        }
        for (lane = 0; lane < n->lanes; lane++) {
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
    int32_t *word = n->state;
    uint32_t i;
    while (word != (int32_t *)(void *)n->end) {
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
