/* Runs one window of the network @name@ and compares the result with what edgesnn's simulator has
 * computed on the host: a test of compiler and machine, and a pattern for an application.
 * main returns 0 only if all is as it must be; the last line says so, too. */
#include "@name@_network.h"
#include "@name@_test.h"
#include "check.h"

static @name@_memory memory;

/* One window: for each step its events, then the step. Returns a status. */
static int32_t run_window(esnn_network *network) {
    const uint16_t *next = @name@_test_events;
    int32_t status = ESNN_OK;
    uint32_t step;
    for (step = 0; step < @NAME@_TEST_STEPS && status == ESNN_OK; step++) {
        uint32_t events_left = *next++;
        for (; events_left != 0 && status == ESNN_OK; events_left--) {
            status = esnn_push_event(network, *next++);
        }
        if (status == ESNN_OK) {
            status = esnn_step(network);
        }
    }
    return status;
}

static int is_as_expected(esnn_network *network) {
    const esnn_counters *count = esnn_count(network);
    const esnn_counters *expected = &@name@_test_counters;
    int ok = is_number("decision ", esnn_decision(network), @NAME@_TEST_DECISION);
    uint32_t i;
    for (i = 0; i < @NAME@_NUM_OUTPUTS; i++) {
        ok &= is_number("accumulator ", esnn_accumulator(network, i),
                        @name@_test_accumulators[i]);
    }
    ok &= is_count("steps ", count->steps, expected->steps);
    ok &= is_count("events ", count->events, expected->events);
    ok &= is_count("synaptic operations ", count->sops, expected->sops);
    ok &= is_count("spikes ", count->spikes, expected->spikes);
    ok &= is_count("dropped ", count->dropped, expected->dropped);
    return ok;
}

int main(void) {
    esnn_network *network;
    int ok;
    int32_t status = @name@_load(&network, &memory);
    if (status == ESNN_OK) {
        status = run_window(network);
    }
    ok = is_number("status ", status, ESNN_OK) && is_as_expected(network);
    put(ok ? "passed: the same as on the host\n" : "FAILED: not the same as on the host\n");
    return ok ? 0 : 1;
}
