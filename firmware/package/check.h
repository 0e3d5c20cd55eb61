/* Numbers for people: found, and what they must be.
 *
 * Without standard output, compile with -DEDGESNN_EXAMPLE_PUT=NAME, where NAME is a function of
 * yours, void NAME(const char *text), that sends text to a UART for example. */
#ifndef EDGESNN_CHECK_H
#define EDGESNN_CHECK_H

#include <stdint.h>

#ifdef EDGESNN_EXAMPLE_PUT
void EDGESNN_EXAMPLE_PUT(const char *text);
#define put EDGESNN_EXAMPLE_PUT
#else
#include <stdio.h>
static inline void put(const char *text) { fputs(text, stdout); }
#endif

static inline void put_number(uint32_t magnitude, int negative) {
    char digits[12];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + magnitude % 10u);
        magnitude /= 10u;
    } while (magnitude != 0);
    if (negative) {
        *--first = '-';
    }
    put(first);
}

static inline void put_signed(int32_t value) {
    put_number(value < 0 ? 0u - (uint32_t)value : (uint32_t)value, value < 0);
}

/* Prints a number and returns whether it is the one that it must be. */
static inline int is_count(const char *what, uint32_t found, uint32_t expected) {
    put(what);
    put_number(found, 0);
    if (found != expected) {
        put(", must be ");
        put_number(expected, 0);
    }
    put("\n");
    return found == expected;
}

static inline int is_number(const char *what, int32_t found, int32_t expected) {
    put(what);
    put_signed(found);
    if (found != expected) {
        put(", must be ");
        put_signed(expected);
    }
    put("\n");
    return found == expected;
}

#endif
