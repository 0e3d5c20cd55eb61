/* What a machine without anything else needs to run an example: a start, text out and an exit, both
 * through the debugger or emulator (semihosting). Cortex-M and 32-bit RISC-V. */
#include <stdint.h>

int main(void);
void put_text(const char *text);
void start(void);
extern char stack_top[];

#ifdef __arm__
static void call(long operation, const void *argument) {
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

__attribute__((section(".first"), used)) static const struct {
    char *stack;
    void (*start)(void);
} vectors = {stack_top, start};
#else
static void call(long operation, const void *argument) {
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(
        ".balign 16\n.option push\n.option norvc\n"
        "slli x0, x0, 31\nebreak\nsrai x0, x0, 7\n.option pop"
        : "+r"(a0)
        : "r"(a1)
        : "memory");
}

__asm__(".section .first, \"ax\"\n.global _start\n_start: la sp, stack_top\nj start\n.text\n");
#endif

void put_text(const char *text) { call(4, text); }

void start(void) {
    const uint32_t block[2] = {0x20026, (uint32_t)main()}; /* the application has ended, and how */
    call(0x20, block);
    for (;;) {
    }
}
