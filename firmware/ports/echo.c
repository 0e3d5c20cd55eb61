/* Sends back what comes: the first program to run on a new port. */
#include "port.h"

int main(void) {
    port_start();
    for (;;) {
        const int32_t byte = port_read();
        if (byte >= 0) {
            port_write((uint8_t)byte);
        } else {
            port_wait();
        }
    }
}
