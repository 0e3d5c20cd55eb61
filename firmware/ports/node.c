/* A sensor node (docs/how-to/build_a_sensor_node.md) whose sensor replays a recording: a timer's
 * interrupt puts samples into a ring, the main loop makes events of them and feeds these to the
 * device on the line. What happens is said on the second line, for a host that only watches.
 * edgesnn/sensor_node.py makes node_data.h and reads what is printed:
 *
 *     clock KHZ                         of the port; first of all
 *     decision NUMBER                   of a window, as it comes; ESNN_NO_DECISION for none
 *     sensor SAMPLES DROPPED LATE       given; of these found no room in the ring; came more than
 *                                       half a period after their time
 *     node EVENTS FULL AGAIN STRAY STEPS LOST STATUS CRC
 *                                       events put; found no room in the node; requests sent again;
 *                                       frames that answered nothing; refused steps and their
 *                                       events; why the node has stopped; of the device's network
 *     time LOW HIGH                     ticks of the clock, from the start of the sensor to here
 *     end
 *
 * Numbers are words of eight hexadecimal digits. A sample that was dropped keeps its time: its step
 * has no events, in sound it is silence. */
#include "edgesnn_encoders.h"
#include "edgesnn_node.h"
#include "node_data.h" /* NODE_..., encoder, node_recording[] */
#include "port.h"
#include "port_sizes.h"

enum {
    /* Nanoseconds to ticks, rounded. */
    PERIOD_TICKS = (uint32_t)((NODE_PERIOD_NS * PORT_CLOCK_KHZ + 500000) / 1000000),
    TIMEOUT_TICKS = (uint32_t)NODE_TIMEOUT_MS * PORT_CLOCK_KHZ,
    /* So long the device may be silent after the last sample: 2^31 ticks and more would wrap. */
    PATIENCE_TICKS = (uint32_t)NODE_PATIENCE_MS * PORT_CLOCK_KHZ,
    HEAD_WORDS = 2, /* the number of the sample, so that dropped ones are noticed */
    SAMPLE_WORDS = HEAD_WORDS + NODE_VALUES * (NODE_SOUND ? 1 : 2)
};
_Static_assert(!(NODE_QUEUE_WORDS & (NODE_QUEUE_WORDS - 1)), "a power of two");
_Static_assert(2 * SAMPLE_WORDS <= NODE_QUEUE_WORDS, "the ring must hold two samples");
_Static_assert(2 * NODE_MAX_EVENTS < NODE_QUEUE_WORDS, "the queue must hold two steps");

static const esnn_node_settings settings = {NODE_WINDOW_STEPS, TIMEOUT_TICKS};
static esnn_node node;
static uint16_t queue[NODE_QUEUE_WORDS];
static uint32_t num_events;

/* Written by the sensor alone. */
static esnn_ring ring;
static uint16_t ring_words[NODE_QUEUE_WORDS];
static volatile uint32_t num_samples, num_late;

/* In the interrupt: where a real node would read its sensor. */
static void sample(void) {
    static uint32_t place, sampled_at;
    uint16_t words[SAMPLE_WORDS];
    const uint32_t number = num_samples;
    const uint32_t now = port_clock();
    uint32_t count = HEAD_WORDS;
    if (number == NODE_SAMPLES) {
        return;
    }
    words[0] = (uint16_t)number;
    words[1] = (uint16_t)(number >> 16);
    for (uint32_t i = 0; i < NODE_VALUES; i++) {
        const uint32_t code = (uint32_t)node_recording[place + i];
        words[count++] = (uint16_t)code;
        if (!NODE_SOUND) {
            words[count++] = (uint16_t)(code >> 16);
        }
    }
    place = (place + NODE_VALUES) % NODE_RECORDING_VALUES; /* and from the start again */
    if (number && now - sampled_at > PERIOD_TICKS + PERIOD_TICKS / 2) {
        num_late = num_late + 1;
    }
    sampled_at = now;
    esnn_ring_put(&ring, words, SAMPLE_WORDS);
    num_samples = number + 1;
}

/* Makes events of a sample, or of none where one was dropped. There is room for them. */
#if NODE_SOUND
static esnn_filter_bank_state bank;
static esnn_band_state bands[NODE_BANDS];

static void encode(const uint16_t *words) {
    static uint32_t step;
    uint16_t events[NODE_MAX_EVENTS];
    if (step == 0 && bank.samples == 0) {
        esnn_filter_bank_start(&encoder, &bank, bands);
    }
    if (esnn_filter_bank_take(&encoder, &bank, (int16_t)(words ? words[HEAD_WORDS] : 0))) {
        const uint32_t count = esnn_filter_bank_events(&encoder, &bank, events);
        num_events += count;
        esnn_node_put_step(&node, events, count);
        step = (step + 1) % NODE_WINDOW_STEPS;
    }
}
#else
static esnn_channel channels[NODE_VALUES];

static void encode(const uint16_t *words) {
    static uint32_t step;
    int32_t codes[NODE_VALUES];
    uint16_t events[NODE_MAX_EVENTS];
    uint32_t count = 0;
    if (step == 0) {
        NODE_START(&encoder, channels);
    }
    if (words) {
        for (uint32_t i = 0; i < NODE_VALUES; i++) {
            const uint16_t *word = words + HEAD_WORDS + 2 * i;
            codes[i] = (int32_t)(word[0] | (uint32_t)word[1] << 16);
        }
        count = NODE_ENCODE(&encoder, channels, codes, events);
    }
    num_events += count;
    esnn_node_put_step(&node, events, count);
    step = (step + 1) % NODE_WINDOW_STEPS;
}
#endif

/* Encodes the sample whose turn it is. Returns 0 if there is none, or no room for its events: then
 * it waits in the ring, and if the ring is full the sensor drops and counts. */
static uint32_t take_sample(void) {
    static uint16_t words[SAMPLE_WORDS];
    static uint32_t turn, holds;
    const uint32_t given = num_samples;
    if (turn == given || esnn_node_room(&node) <= NODE_MAX_EVENTS) {
        return 0;
    }
    if (!holds) {
        holds = esnn_ring_take(&ring, words, SAMPLE_WORDS);
    }
    if (holds && (words[0] | (uint32_t)words[1] << 16) == turn) {
        holds = 0;
        encode(words);
    } else {
        encode(0);
    }
    turn++;
    return 1;
}

static void put_text(const char *text) {
    while (*text) {
        port_log((uint8_t)*text++);
    }
}

static void put_line(const char *name, const uint32_t *numbers, uint32_t count) {
    put_text(name);
    for (uint32_t i = 0; i < count; i++) {
        put_text(" ");
        for (int shift = 28; shift >= 0; shift -= 4) {
            port_log((uint8_t)"0123456789abcdef"[numbers[i] >> shift & 15]);
        }
    }
    put_text("\n");
}

static void put_totals(uint64_t ticks) {
    const uint32_t sensor[] = {num_samples, ring.dropped / SAMPLE_WORDS, num_late};
    const uint32_t counts[] = {num_events,      node.full_events, node.sent_again, node.stray,
                               node.lost_steps, node.lost_events, node.status,     node.image_crc};
    const uint32_t time[] = {(uint32_t)ticks, (uint32_t)(ticks >> 32)};
    put_line("sensor", sensor, 3);
    put_line("node", counts, 8);
    put_line("time", time, 2);
    put_text("end\n");
}

/* Bytes in, bytes out, a sample between them. Returns 0 if there was nothing to do. */
static uint32_t work(uint32_t now) {
    const uint8_t *bytes;
    uint32_t busy = 0;
    for (int32_t byte = port_read(); byte >= 0; byte = port_read()) {
        busy = 1;
        if (esnn_node_take(&node, (uint8_t)byte)) {
            const uint32_t decision = node.decision;
            put_line("decision", &decision, 1);
        }
    }
    busy |= take_sample();
    const uint32_t count = esnn_node_poll(&node, now, &bytes);
    for (uint32_t i = 0; i < count; i++) {
        port_write(bytes[i]);
    }
    return busy | count;
}

int main(void) {
    const uint32_t khz = PORT_CLOCK_KHZ;
    port_start();
    put_line("clock", &khz, 1);
    esnn_ring_start(&ring, ring_words, NODE_QUEUE_WORDS);
    esnn_node_start(&node, &settings, queue, NODE_QUEUE_WORDS);
    port_start_sampling(PERIOD_TICKS, sample);
    uint64_t ticks = 0;
    uint32_t before = port_clock(), silent = 0;
    while (node.windows < NODE_WINDOWS && !node.stopped && silent < PATIENCE_TICKS) {
        const uint32_t windows = node.windows;
        const uint32_t now = port_clock();
        ticks += now - before;
        silent = num_samples < NODE_SAMPLES ? 0 : silent + (now - before);
        before = now;
        if (!work(now)) {
            port_wait();
        }
        if (node.windows != windows) {
            silent = 0;
        }
    }
    put_totals(ticks);
    port_exit(0);
    for (;;) {
    }
}
