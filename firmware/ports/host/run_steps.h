/* What a host calls besides edgesnn.h. */
#ifndef EDGESNN_RUN_STEPS_H
#define EDGESNN_RUN_STEPS_H

#include "edgesnn.h"

/* Runs the steps whose events are source_ids[step_start[t]] .. source_ids[step_start[t + 1] - 1].
 *
 * spikes     esnn_num_spike_words() words for each step, or null
 * membranes  esnn_num_lanes() * esnn_num_slots() words for each step, lane by lane, or null
 * currents   likewise
 *
 * Returns ESNN_OK, or the status of the first step that was refused; it and those after it did
 * not run. */
int32_t esnn_run_steps(esnn_network *network, const int64_t *step_start, const uint16_t *source_ids,
                       uint32_t num_steps, uint16_t *spikes, int32_t *membranes,
                       int32_t *currents);

/* The inline functions of edgesnn.h, for callers that have no compiler. */
uint32_t esnn_host_num_accumulators(const esnn_network *network);
int32_t esnn_host_accumulator(const esnn_network *network, uint32_t index);
const esnn_counters *esnn_host_counters(const esnn_network *network);

#endif
