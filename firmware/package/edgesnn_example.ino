// Runs one window of the network @name@ and compares the result with what edgesnn's simulator has
// computed on the host. The serial monitor (115200 baud) shows it.
#include <@name@_network.h>
#include <@name@_test.h>

static @name@_memory memory;
static esnn_network *network;

static bool isNumber(const char *what, int32_t found, int32_t expected) {
  Serial.print(what);
  Serial.print((long)found);
  if (found != expected) {
    Serial.print(", must be ");
    Serial.print((long)expected);
  }
  Serial.println("");
  return found == expected;
}

// One window: for each step its events, then the step. Returns a status.
static int32_t runWindow() {
  const uint16_t *next = @name@_test_events;
  int32_t status = ESNN_OK;
  for (uint32_t step = 0; step < @NAME@_TEST_STEPS && status == ESNN_OK; step++) {
    for (uint32_t left = *next++; left != 0 && status == ESNN_OK; left--) {
      status = esnn_push_event(network, *next++);
    }
    if (status == ESNN_OK) {
      status = esnn_step(network);
    }
  }
  return status;
}

void setup() {
  Serial.begin(115200);
  while (!Serial && millis() < 3000) {
  }
  int32_t status = @name@_load(&network, &memory);
  if (status == ESNN_OK) {
    status = runWindow();
  }
  bool ok = isNumber("status ", status, ESNN_OK);
  if (ok) {
    ok &= isNumber("decision ", esnn_decision(network), @NAME@_TEST_DECISION);
    for (uint32_t i = 0; i < @NAME@_NUM_OUTPUTS; i++) {
      ok &= isNumber("accumulator ", esnn_accumulator(network, i), @name@_test_accumulators[i]);
    }
    const esnn_counters *count = esnn_count(network);
    ok &= isNumber("steps ", (int32_t)count->steps, (int32_t)@name@_test_counters.steps);
    ok &= isNumber("events ", (int32_t)count->events, (int32_t)@name@_test_counters.events);
    ok &= isNumber("synaptic operations ", (int32_t)count->sops,
                   (int32_t)@name@_test_counters.sops);
    ok &= isNumber("spikes ", (int32_t)count->spikes, (int32_t)@name@_test_counters.spikes);
    ok &= isNumber("dropped ", (int32_t)count->dropped, (int32_t)@name@_test_counters.dropped);
  }
  Serial.println(ok ? "passed: the same as on the host" : "FAILED: not the same as on the host");
}

void loop() {
}
