/* Raspberry Pi RP2040: UART0 on GPIO 0 and 1 at 115,200 baud, all clocks from the 12 MHz crystal.
 * Addresses and bits: RP2040 Datasheet, section in brackets. Never run on hardware. */
#include "port.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
/* Writes to the alias clear bits (2.1.2). */
#define CLEAR(address) REGISTER((address) + 0x3000)

/* [2.14] */
#define RESETS_RESET 0x4000C000
#define RESETS_DONE REGISTER(0x4000C008)
enum { IO_BANK0 = 1 << 5, PADS_BANK0 = 1 << 8, TIMER = 1 << 21, UART0 = 1 << 22 };

/* [2.16] */
#define XOSC_CONTROL REGISTER(0x40024000)
#define XOSC_STATUS REGISTER(0x40024004)
#define XOSC_STARTUP REGISTER(0x4002400C)
enum { RANGE_1_15_MHZ = 0xAA0, ENABLE = 0xFAB000, STABLE_BIT = 31, STARTUP_12_MHZ = 47 };

/* [2.15] clk_sys runs from clk_ref after reset. */
#define CLOCK_REF_CONTROL REGISTER(0x40008030)
#define CLOCK_REF_SELECTED REGISTER(0x40008038)
#define CLOCK_PERI_CONTROL REGISTER(0x40008048)
enum { REF_FROM_XOSC = 2, PERI_ENABLE = 1 << 11 };

/* [4.7.2] The tick of the timer; [4.6] the timer. */
#define WATCHDOG_TICK REGISTER(0x4005802C)
#define TIMER_RAW_LOW REGISTER(0x40054028)
enum { TICK_ENABLE = 1 << 9, CRYSTAL_MHZ = 12 };

/* [2.19.6] */
#define GPIO_CONTROL(pin) REGISTER(0x40014004 + 8 * (pin))
enum { FUNCTION_UART = 2, TRANSMIT_PIN = 0, RECEIVE_PIN = 1 };

/* [4.2.8] an Arm PL011 */
#define UART_DATA REGISTER(0x40034000)
#define UART_FLAGS REGISTER(0x40034018)
#define UART_DIVIDER REGISTER(0x40034024)
#define UART_FRACTION REGISTER(0x40034028)
#define UART_LINE REGISTER(0x4003402C)
#define UART_CONTROL REGISTER(0x40034030)
enum { RECEIVE_EMPTY = 1 << 4, TRANSMIT_FULL = 1 << 5 };
enum { EIGHT_BITS = 3 << 5, FIFO_ENABLE = 1 << 4, UART_ENABLE = 1 | 1 << 8 | 1 << 9 };
/* Clock / (16 * baud) in 64ths, rounded. */
enum { BAUD = 115200, DIVIDER_64 = (CRYSTAL_MHZ * 1000000 * 8 / BAUD + 1) / 2 };

void port_start(void) {
    const uint32_t parts = IO_BANK0 | PADS_BANK0 | TIMER | UART0;

    XOSC_STARTUP = STARTUP_12_MHZ;
    XOSC_CONTROL = RANGE_1_15_MHZ | ENABLE;
    while (!(XOSC_STATUS >> STABLE_BIT)) {
    }
    CLOCK_REF_CONTROL = REF_FROM_XOSC;
    while (!(CLOCK_REF_SELECTED >> REF_FROM_XOSC & 1)) {
    }
    CLOCK_PERI_CONTROL = PERI_ENABLE;

    CLEAR(RESETS_RESET) = parts;
    while ((RESETS_DONE & parts) != parts) {
    }
    WATCHDOG_TICK = TICK_ENABLE | CRYSTAL_MHZ;

    UART_DIVIDER = DIVIDER_64 / 64;
    UART_FRACTION = DIVIDER_64 % 64;
    UART_LINE = EIGHT_BITS | FIFO_ENABLE; /* this write also takes the divider over */
    UART_CONTROL = UART_ENABLE;
    GPIO_CONTROL(TRANSMIT_PIN) = FUNCTION_UART;
    GPIO_CONTROL(RECEIVE_PIN) = FUNCTION_UART;
}

int32_t port_read(void) {
    return UART_FLAGS & RECEIVE_EMPTY ? -1 : (int32_t)(UART_DATA & 0xFF);
}

void port_write(uint8_t byte) {
    while (UART_FLAGS & TRANSMIT_FULL) {
    }
    UART_DATA = byte;
}

/* Microseconds. */
uint32_t port_clock(void) {
    return TIMER_RAW_LOW;
}

/* Awake all the time. */
void port_wait(void) {
}
