/* Many time steps in one call, for hosts that load the runtime as a shared library. */
#include "run_steps.h"

int32_t esnn_run_steps(esnn_network *network, const int64_t *step_start, const uint16_t *source_ids,
                       uint32_t num_steps, uint16_t *spikes, int32_t *membranes,
                       int32_t *currents) {
    const uint32_t num_words = esnn_num_spike_words(network);
    uint32_t t, i, lane, slot;
    for (t = 0; t < num_steps; t++) {
        int64_t event;
        int32_t status;
        for (event = step_start[t]; event < step_start[t + 1]; event++) {
            (void)esnn_push_event(network, source_ids[event]);
        }
        status = esnn_step(network);
        if (status != ESNN_OK) {
            return status;
        }
        for (i = 0; spikes != 0 && i < num_words; i++) {
            *spikes++ = esnn_spikes(network)[i];
        }
        for (lane = 0; membranes != 0 && lane < esnn_num_lanes(network); lane++) {
            for (slot = 0; slot < esnn_num_slots(network); slot++) {
                *membranes++ = esnn_membrane(network, lane, slot);
            }
        }
        for (lane = 0; currents != 0 && lane < esnn_num_lanes(network); lane++) {
            for (slot = 0; slot < esnn_num_slots(network); slot++) {
                *currents++ = esnn_current(network, lane, slot);
            }
        }
    }
    return ESNN_OK;
}

uint32_t esnn_host_num_accumulators(const esnn_network *network) {
    return esnn_num_accumulators(network);
}

int32_t esnn_host_accumulator(const esnn_network *network, uint32_t index) {
    return esnn_accumulator(network, index);
}

const esnn_counters *esnn_host_counters(const esnn_network *network) { return &network->counters; }
