/* What a port gives to the programs in this folder: a line, and a clock. A port is start-up code,
 * a linker script, these functions, and port_sizes.h. */
#ifndef EDGESNN_PORT_H
#define EDGESNN_PORT_H

#include <stdint.h>

/* Called once, first of all. */
void port_start(void);

/* The next byte from the line, or -1 if none has come; does not wait. */
int32_t port_read(void);

/* Sends a byte; waits until there is room for it. */
void port_write(uint8_t byte);

/* A clock of PORT_CLOCK_KHZ that wraps at 2^32. A port that has none returns 0: then SET_TIMER is
 * accepted and never runs a step. */
uint32_t port_clock(void);

/* Called when there is nothing to do until a byte comes: may sleep until then, and may do nothing. */
void port_wait(void);

/* Only for node.c: `sample` is called from an interrupt, every `ticks` of the clock from now on, and
 * port_wait also ends with such a call, even with one that came since the last wait; and a second
 * line, on which a byte is sent like on the first. */
void port_start_sampling(uint32_t ticks, void (*sample)(void));
void port_log(uint8_t byte);

/* Only for measure.c and node.c, which an emulator runs: something that grows in proportion to the
 * instructions executed, and the end of the emulation. */
uint32_t port_count(void);
void port_exit(uint32_t status);

#endif
