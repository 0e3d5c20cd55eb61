/* Counts instructions of the runtime, for a network and events that are linked in, and says them on
 * the line. edgesnn/microcontroller.py makes measure_data.h and reads what is printed:
 *
 *     calibration NOTHING LOOP          counts of nothing, and of LOOP_TURNS turns of two instructions
 *     memory BYTES                      esnn_required_bytes
 *     load COUNT STACK                  esnn_load; bytes of stack below its caller
 *     reset COUNT                       the start of a window
 *     step COUNT COUNT                  the events of a time step, the step itself
 *     window DECISION STEPS EVENTS SOPS SPIKES DROPPED ACCUMULATOR ...
 *     stack BYTES                       of everything but esnn_load
 *     end
 *
 * Numbers are words of eight hexadecimal digits. */
#include "edgesnn.h"
#include "measure_data.h" /* measure_image[], MEASURE_IMAGE_BYTES, measure_words[] */
#include "port.h"

/* Words of measure_words: events are below 0x8000. */
enum { START_WINDOW = 0x8000, END_WINDOW = 0x8001, END = 0x8002, ADVANCE = ESNN_ADVANCE };
enum { LOOP_TURNS = 100000 };

/* From the linker script: what is free between the variables and the stack is the network's. */
extern uint32_t port_bss_end[], port_stack_end[], port_stack_top[];

static void put_text(const char *text) {
    while (*text) {
        port_write((uint8_t)*text++);
    }
}

/* Hexadecimal, because a division may be a function that the runtime itself does not need. */
static void put_number(uint32_t number) {
    put_text(" ");
    for (int shift = 28; shift >= 0; shift -= 4) {
        port_write((uint8_t)"0123456789abcdef"[number >> shift & 15]);
    }
}

static void put_line(const char *name, uint32_t first) {
    put_text(name);
    put_number(first);
    put_text("\n");
}

static void put_pair(const char *name, uint32_t first, uint32_t second) {
    put_text(name);
    put_number(first);
    put_number(second);
    put_text("\n");
}

static void stop(const char *why, int32_t status) {
    put_line(why, (uint32_t)status);
    port_exit(1);
    for (;;) {
    }
}

/* A pattern from the end of the stack up to the caller, where it is found again untouched below the
 * deepest frame. */
enum { PATTERN = 0x5AC3F00D };

__attribute__((noinline)) static void paint_stack(void) {
    uint32_t *const top = __builtin_frame_address(0);
    for (volatile uint32_t *word = port_stack_end; word < top - 8; word++) {
        *word = PATTERN;
    }
}

static uint32_t stack_used(const void *top) {
    const volatile uint32_t *word = port_stack_end;
    while (*word == PATTERN) {
        word++;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)word);
}

static uint32_t count_loop(void) {
    uint32_t turns = LOOP_TURNS;
    const uint32_t before = port_count();
#if defined(__riscv)
    __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(turns));
#else
    __asm__ volatile(".syntax unified\n 1: subs %0, #1\n bne 1b" : "+l"(turns) : : "cc");
#endif
    return port_count() - before;
}

static uint32_t count_nothing(void) {
    const uint32_t before = port_count();
    return port_count() - before;
}

static void put_window(esnn_network *network) {
    esnn_counters *counters = esnn_count(network);
    put_text("window");
    put_number((uint32_t)esnn_decision(network));
    put_number(counters->steps);
    put_number(counters->events);
    put_number(counters->sops);
    put_number(counters->spikes);
    put_number(counters->dropped);
    for (uint32_t i = 0; i < esnn_num_accumulators(network); i++) {
        put_number((uint32_t)esnn_accumulator(network, i));
    }
    put_text("\n");
    *counters = (esnn_counters){0};
}

static void run(esnn_network *network) {
    for (const uint16_t *word = measure_words; *word != END; word++) {
        uint32_t before = port_count();
        if (*word == START_WINDOW) {
            esnn_reset(network);
            put_line("reset", port_count() - before);
        } else if (*word == END_WINDOW) {
            put_window(network);
        } else {
            while (*word < START_WINDOW) {
                esnn_push_event(network, *word++);
            }
            const uint32_t between = port_count();
            const int32_t status = esnn_step(network);
            const uint32_t after = port_count();
            if (status != ESNN_OK) {
                stop("refused", status);
            }
            put_pair("step", between - before, after - between);
        }
    }
}

int main(void) {
    esnn_network *network;
    port_start();
    put_pair("calibration", count_nothing(), count_loop());
    put_line("memory", (uint32_t)esnn_required_bytes(measure_image, MEASURE_IMAGE_BYTES));
    paint_stack();
    const uint32_t before = port_count();
    const int32_t status =
        esnn_load(&network, measure_image, MEASURE_IMAGE_BYTES, port_bss_end,
                  (uint32_t)((uintptr_t)port_stack_end - (uintptr_t)port_bss_end));
    const uint32_t after = port_count();
    const void *const top = __builtin_frame_address(0);
    if (status != ESNN_OK) {
        stop("refused", status);
    }
    put_pair("load", after - before, stack_used(top));
    paint_stack();
    run(network);
    put_line("stack", stack_used(top));
    put_text("end\n");
    port_exit(0);
    for (;;) {
    }
}
