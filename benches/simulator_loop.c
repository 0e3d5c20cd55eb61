/* The straightforward C loop that the simulator is measured against: for each event, add each
 * word of its row (12-bit target, 4-bit weight) to a 32-bit membrane. */
#include <stdint.h>

void integrate_steps(const uint16_t *words, const int64_t *row_start, const uint16_t *source_ids,
                     const int64_t *step_start, int64_t num_steps, int32_t *membrane,
                     int32_t shift)
{
    for (int64_t t = 0; t < num_steps; t++) {
        for (int64_t e = step_start[t]; e < step_start[t + 1]; e++) {
            int64_t source = source_ids[e];
            for (int64_t k = row_start[source]; k < row_start[source + 1]; k++) {
                uint16_t word = words[k];
                membrane[word >> 4] += (int32_t)((uint32_t)(((word & 15) ^ 8) - 8) << shift);
            }
        }
    }
}
