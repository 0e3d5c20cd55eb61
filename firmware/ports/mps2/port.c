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

/* A 32-bit timer that counts down; SysTick has 24 bits, too few for the load of a large image. */
#define TIMER_CONTROL REGISTER(0x40000000)
#define TIMER_VALUE REGISTER(0x40000004)
#define TIMER_RELOAD REGISTER(0x40000008)

/* Interrupt 0 is the receiver's. ARMv7-M Architecture Reference Manual, B3.4. */
#define NVIC_ENABLE REGISTER(0xE000E100)
#define NVIC_CLEAR_PENDING REGISTER(0xE000E280)

enum { TRANSMIT_FULL = 1, RECEIVE_FULL = 2, RECEIVE_INTERRUPT = 2 };
enum { TRANSMIT_ENABLE = 1, RECEIVE_ENABLE = 2, RECEIVE_INTERRUPT_ENABLE = 8 };
enum { CLOCK_HZ = 25000000, BAUD = 1000000 };

void port_start(void) {
    __asm__ volatile("cpsid i"); /* interrupts wake, but are never taken */
    UART_DIVIDER = CLOCK_HZ / BAUD;
    UART_CONTROL = TRANSMIT_ENABLE | RECEIVE_ENABLE | RECEIVE_INTERRUPT_ENABLE;
    NVIC_ENABLE = 1;
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

/* A byte that comes after the look at UART_STATE is pending, so that wfi returns at once. */
void port_wait(void) {
    UART_INTERRUPT = RECEIVE_INTERRUPT;
    NVIC_CLEAR_PENDING = 1;
    if (!(UART_STATE & RECEIVE_FULL)) {
        __asm__ volatile("wfi");
    }
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
