/* The four functions that a compiler may call though no library is linked. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* or they would call themselves */
#endif

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);

/* Words that may alias anything, as these functions must. */
typedef uint32_t __attribute__((may_alias)) word;

static int is_aligned(const void *a, const void *b) {
    return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word) - 1)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (is_aligned(to, from)) {
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)out = *(const word *)in;
            out += sizeof(word);
            in += sizeof(word);
        }
    }
    while (count--) {
        *out++ = *in++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in) {
        for (size_t i = 0; i < count; i++) {
            out[i] = in[i];
        }
    } else {
        while (count--) {
            out[count] = in[count];
        }
    }
    return to;
}

void *memset(void *to, int value, size_t count) {
    uint8_t *out = to;
    if (is_aligned(to, to)) {
        const word four = (uint8_t)value * UINT32_C(0x01010101);
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)out = four;
            out += sizeof(word);
        }
    }
    while (count--) {
        *out++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t count) {
    const uint8_t *a = left, *b = right;
    for (; count--; a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
