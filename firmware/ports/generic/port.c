/* Your board: fill in four functions. As it stands it compiles anywhere and does nothing. */
#include "port.h"

/* Clock and pins. The UART: 8 data bits, no parity, 1 stop bit; the host's default is 1,000,000
 * baud, and --baud tells it another rate. */
void port_start(void) {}

/* Is there a byte in the receiver? Then return it. With an interrupt or DMA: from its buffer. */
int32_t port_read(void) { return -1; }

/* Wait until the transmitter is free, then send the byte. */
void port_write(uint8_t byte) { (void)byte; }

/* A free-running counter of PORT_CLOCK_KHZ that wraps at 2^32, for SET_TIMER; or 0 for ever. */
uint32_t port_clock(void) { return 0; }

/* Optional: sleep until a byte has come. */
void port_wait(void) {}
