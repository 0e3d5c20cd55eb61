/* Start of a Cortex-M: vector table and reset (ARMv6-M Architecture Reference Manual, B1.5.3). */
#include <stdint.h>

/* From the linker script. */
extern uint32_t port_data_load[], port_data_start[], port_data_end[];
extern uint32_t port_bss_start[], port_bss_end[], port_stack_top[];

int main(void);
void port_reset(void);

void port_reset(void) {
    const uint32_t *from = port_data_load;
    for (uint32_t *to = port_data_start; to < port_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = port_bss_start; to < port_bss_end;) {
        *to++ = 0;
    }
    main();
    for (;;) {
    }
}

/* A fault stops here, where a debugger finds it. */
static void fault(void) {
    for (;;) {
    }
}

/* A port that starts the system timer has one of its own; no other interrupt is ever taken. */
void port_systick(void);
__attribute__((weak)) void port_systick(void) {
    fault();
}

static const struct {
    uint32_t *stack_top;
    void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {
    port_stack_top,
    {port_reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, port_systick},
};
