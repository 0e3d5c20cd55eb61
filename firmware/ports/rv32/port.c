/* QEMU's RISC-V machine virt. Addresses: hw/riscv/virt.c of QEMU; UART: National Semiconductor
 * PC16550D; timer: mtime of the SiFive CLINT, 10 MHz; the end: SiFive test device. */
#include "port.h"

#define UART(offset) (*(volatile uint8_t *)(0x10000000 + (offset)))
#define MTIME_LOW (*(volatile uint32_t *)0x0200BFF8)
#define TEST_DEVICE (*(volatile uint32_t *)0x00100000)

/* Platform-Level Interrupt Controller, interrupt 10 to hart 0 in machine mode. */
#define PLIC(offset) (*(volatile uint32_t *)(0x0C000000 + (offset)))
enum { UART_INTERRUPT = 10, PRIORITIES = 0, ENABLES = 0x2000, CLAIM = 0x200004 };

enum { DATA = 0, INTERRUPT_ENABLE = 1, LINE_CONTROL = 3, LINE_STATUS = 5 };
enum { DATA_READY = 1 << 0, TRANSMIT_EMPTY = 1 << 5, EIGHT_BITS = 3 };
enum { TEST_PASS = 0x5555, TEST_FAIL = 0x3333 };

/* GCC 12 wants to hear of Zicsr, but in -march it would lead to the 64-bit libgcc. */
#if defined(__clang__)
#define WITH_ZICSR(code) code
#else
#define WITH_ZICSR(code) ".option push\n.option arch, +zicsr\n" code "\n.option pop"
#endif

/* The FIFO rests: to enable it drops what has come since power-on, and QEMU waits anyway. */
void port_start(void) {
    UART(LINE_CONTROL) = EIGHT_BITS;
    UART(INTERRUPT_ENABLE) = DATA_READY;
    PLIC(PRIORITIES + 4 * UART_INTERRUPT) = 1;
    PLIC(ENABLES) = 1 << UART_INTERRUPT;
    /* mie.MEIE without mstatus.MIE: interrupts wake, but are never taken. */
    __asm__ volatile(WITH_ZICSR("csrw mie, %0") : : "r"(1 << 11));
}

int32_t port_read(void) {
    return UART(LINE_STATUS) & DATA_READY ? UART(DATA) : -1;
}

void port_write(uint8_t byte) {
    while (!(UART(LINE_STATUS) & TRANSMIT_EMPTY)) {
    }
    UART(DATA) = byte;
}

uint32_t port_clock(void) {
    return MTIME_LOW;
}

/* Instructions retired; exact with -icount. */
uint32_t port_count(void) {
    uint32_t count;
    __asm__ volatile(WITH_ZICSR("csrr %0, minstret") : "=r"(count));
    return count;
}

/* A byte that comes after the look at LINE_STATUS is pending, so that wfi returns at once. */
void port_wait(void) {
    const uint32_t claimed = PLIC(CLAIM);
    if (claimed) PLIC(CLAIM) = claimed; /* done with it */
    if (!(UART(LINE_STATUS) & DATA_READY)) {
        __asm__ volatile("wfi");
    }
}

void port_exit(uint32_t status) {
    TEST_DEVICE = status ? status << 16 | TEST_FAIL : TEST_PASS;
}
