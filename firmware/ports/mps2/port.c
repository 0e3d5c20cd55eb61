/* Arm MPS2 with the images AN385 (Cortex-M3) and AN386 (Cortex-M4), as QEMU has them. Addresses:
 * Application Note AN385, table of the APB peripherals; registers: Cortex-M System Design Kit
 * Technical Reference Manual (DDI 0479), chapters APB UART and APB timer. */
#include "port.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define UART_DATA REGISTER(0x40004000)
#define UART_STATE REGISTER(0x40004004)
#define UART_CONTROL REGISTER(0x40004008)
#define UART_INTERRUPT REGISTER(0x4000400C)
#define UART_DIVIDER REGISTER(0x40004010)

/* The second one. */
#define LOG_DATA REGISTER(0x40005000)
#define LOG_STATE REGISTER(0x40005004)
#define LOG_CONTROL REGISTER(0x40005008)
#define LOG_DIVIDER REGISTER(0x40005010)

/* A 32-bit timer that counts down; SysTick has 24 bits, too few for the load of a large image. */
#define TIMER_CONTROL REGISTER(0x40000000)
#define TIMER_VALUE REGISTER(0x40000004)
#define TIMER_RELOAD REGISTER(0x40000008)

/* Interrupt 0 is the receiver's. ARMv7-M Architecture Reference Manual, B3.4. */
#define NVIC_ENABLE REGISTER(0xE000E100)
#define NVIC_DISABLE REGISTER(0xE000E180)
#define NVIC_CLEAR_PENDING REGISTER(0xE000E280)

/* The system timer, of the same clock; B3.3. */
#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
enum { SYSTICK_BITS = 24, SYSTICK_ENABLE = 1, SYSTICK_INTERRUPT = 2, SYSTICK_CPU_CLOCK = 4 };

enum { TRANSMIT_FULL = 1, RECEIVE_FULL = 2, RECEIVE_INTERRUPT = 2 };
enum { TRANSMIT_ENABLE = 1, RECEIVE_ENABLE = 2, RECEIVE_INTERRUPT_ENABLE = 8 };
enum { CLOCK_HZ = 25000000, BAUD = 1000000 };

static void (*sample_function)(void);
static uint32_t num_parts, part; /* of a period that the system timer is too short for */
static volatile uint32_t ticked; /* since the last wait */

void port_systick(void);

void port_start(void) {
    __asm__ volatile("cpsid i"); /* interrupts wake, but are not taken */
    UART_DIVIDER = CLOCK_HZ / BAUD;
    UART_CONTROL = TRANSMIT_ENABLE | RECEIVE_ENABLE | RECEIVE_INTERRUPT_ENABLE;
    LOG_DIVIDER = CLOCK_HZ / BAUD;
    LOG_CONTROL = TRANSMIT_ENABLE;
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CONTROL = 1;
}

int32_t port_read(void) {
    return UART_STATE & RECEIVE_FULL ? (int32_t)(UART_DATA & 0xFF) : -1;
}

void port_write(uint8_t byte) {
    while (UART_STATE & TRANSMIT_FULL) {
    }
    UART_DATA = byte;
}

uint32_t port_clock(void) {
    return ~TIMER_VALUE;
}

void port_log(uint8_t byte) {
    while (LOG_STATE & TRANSMIT_FULL) {
    }
    LOG_DATA = byte;
}

void port_systick(void) {
    ticked = 1;
    if (++part == num_parts) {
        part = 0;
        sample_function();
    }
}

void port_start_sampling(uint32_t ticks, void (*sample)(void)) {
    sample_function = sample;
    num_parts = (ticks >> SYSTICK_BITS) + 1;
    SYSTICK_RELOAD = ticks / num_parts - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = SYSTICK_ENABLE | SYSTICK_INTERRUPT | SYSTICK_CPU_CLOCK;
    __asm__ volatile("cpsie i" : : : "memory");
}

/* A byte or a tick that comes after the look is pending, so that wfi returns at once; a tick is
 * taken when interrupts are let in again. The receiver's interrupt only ever wakes: outside of
 * this function it is off. */
void port_wait(void) {
    uint32_t masked;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(masked) : : "memory");
    UART_INTERRUPT = RECEIVE_INTERRUPT;
    NVIC_CLEAR_PENDING = 1;
    NVIC_ENABLE = 1;
    if (!(UART_STATE & RECEIVE_FULL) && !ticked) {
        __asm__ volatile("wfi");
    }
    ticked = 0;
    NVIC_DISABLE = 1;
    __asm__ volatile("msr primask, %0" : : "r"(masked) : "memory");
}

/* With -icount an instruction takes a fixed time of this clock. */
uint32_t port_count(void) {
    return port_clock();
}

/* SYS_EXIT_EXTENDED (Semihosting for AArch32 and AArch64), reason ADP_Stopped_ApplicationExit. */
void port_exit(uint32_t status) {
    const uint32_t block[2] = {0x20026, status};
    register uint32_t operation __asm__("r0") = 0x20;
    register const uint32_t *argument __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(operation) : "r"(argument) : "memory");
}
