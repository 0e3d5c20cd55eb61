/* A microcontroller as a device of the serial protocol: it answers what an FPGA board answers. */
#include "edgesnn_device.h"
#include "port.h"
#include "port_sizes.h"

enum {
    NEURONS = 1 << PORT_NEURONS_LOG2,
    CURRENTS = ESNN_WITH_CURRENTS != 0,
    BITMAPS = ESNN_WITH_DELAYS ? ESNN_MAX_DELAY + 1 : 1,
    SECTION_WORDS = 4, /* in front of each of the five or six sections, and at their end */
    /* The largest image for this core: threshold and bias have two words a neuron, decays one. */
    IMAGE_WORDS = ESNN_HEADER_WORDS + (6 + CURRENTS) * SECTION_WORDS +
                  (1 << PORT_PROGRAM_WORDS_LOG2) + (1 << PORT_SYNAPSE_WORDS_LOG2) +
                  (5 + CURRENTS) * NEURONS + 2,
    /* And what its network works in: membranes and currents, accumulators, two bits of spikes a
     * neuron in each bitmap, events and four bits of a count an input, and the handle. */
    MEMORY_BYTES = 256 + (4 + 4 * CURRENTS) * NEURONS + (4 << PORT_READOUT_NEURONS_LOG2) +
                   NEURONS / 4 * BITMAPS + (2 << PORT_EVENTS_LOG2) + (1 << PORT_INPUTS_LOG2) / 2
};

static uint32_t image[IMAGE_WORDS / 2];
static uint32_t memory[MEMORY_BYTES / 4];
static esnn_device device;

static const esnn_device_resources resources = {
    .image = image,
    .image_bytes = sizeof image,
    .memory = memory,
    .memory_bytes = sizeof memory,
    .clock_khz = PORT_CLOCK_KHZ,
    .core = {
        [ESNN_CONFIG_LANES] = 0,
        [ESNN_CONFIG_STATE_BITS] = ESNN_STATE_BITS_24,
        [ESNN_CONFIG_NEURONS] = PORT_NEURONS_LOG2,
        [ESNN_CONFIG_SYNAPSE_WORDS] = PORT_SYNAPSE_WORDS_LOG2,
        [ESNN_CONFIG_INPUTS] = PORT_INPUTS_LOG2,
        [ESNN_CONFIG_EVENTS] = PORT_EVENTS_LOG2,
        [ESNN_CONFIG_PROGRAM_WORDS] = PORT_PROGRAM_WORDS_LOG2,
        [ESNN_CONFIG_READOUT_NEURONS] = PORT_READOUT_NEURONS_LOG2,
        [ESNN_CONFIG_QUEUE_EVENTS] = 1,
    },
};

int main(void) {
    port_start();
    esnn_device_start(&device, &resources);
    uint32_t before = port_clock();
    for (;;) {
        const int32_t byte = port_read();
        if (byte >= 0) {
            const uint32_t count = esnn_device_take(&device, (uint8_t)byte);
            for (uint32_t i = 0; i < count; i++) {
                port_write(device.reply[i]);
            }
        } else if (device.timer_period == 0) {
            port_wait();
        }
        const uint32_t now = port_clock();
        esnn_device_tick(&device, now - before);
        before = now;
    }
}
