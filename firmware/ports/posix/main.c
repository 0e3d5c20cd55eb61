/* A device as a process of this machine, on standard input and output or behind a pseudo-terminal.
 * It is what the tests talk to, and a pattern for other ports: bytes in, bytes out, a clock. */
#define _XOPEN_SOURCE 600

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "edgesnn_device.h"

/* Enough for the largest core there is; the options say how much of it the device has. */
static uint32_t image[1u << 20];
static uint32_t memory[1u << 20];

static esnn_device_resources resources = {
    .image = image, .memory = memory, .memory_bytes = sizeof memory, .clock_khz = 1000};
static esnn_device device;

/* Options, in the order of the protocol: sizes of the core. Those of each lane are counted over all
 * lanes, and their limits, too. */
static const struct {
    const char *name;
    unsigned long initial, lowest, highest;
    int of_lane;
} sizes[ESNN_NUM_CONFIG_FIELDS] = {
    [ESNN_CONFIG_LANES] = {"lanes", 1, 1, ESNN_MAX_LANES, 0},
    [ESNN_CONFIG_STATE_BITS] = {"state-bits", 24, ESNN_STATE_BITS_16, ESNN_STATE_BITS_24, 0},
    [ESNN_CONFIG_NEURONS] = {"neurons", 2048, 16, 4096, 1},
    [ESNN_CONFIG_SYNAPSE_WORDS] = {"synapse-words", 65536, 512, 65536, 1},
    [ESNN_CONFIG_INPUTS] = {"inputs", 4096, 16, 32768, 0},
    [ESNN_CONFIG_EVENTS] = {"events", 4096, 16, 32768, 0},
    [ESNN_CONFIG_PROGRAM_WORDS] = {"program-words", 1024, 16, 65536, 0},
    [ESNN_CONFIG_READOUT_NEURONS] = {"readout-neurons", 2048, 2, 4096, 1},
    [ESNN_CONFIG_QUEUE_EVENTS] = {"queue-events", 4, 2, 64, 0},
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void refuse(const char *option) {
    fprintf(stderr,
            "%s must be an option with a number that it allows: [--pty] [--clock-khz N]\n"
            "[--image-bytes N] [--memory-bytes N]",
            option);
    for (int i = 0; i < ESNN_NUM_CONFIG_FIELDS; i++) {
        fprintf(stderr, " [--%s %lu]", sizes[i].name, sizes[i].initial);
    }
    fprintf(stderr, "\nSizes of the core are powers of two, but for state-bits.\n");
    exit(2);
}

static uint8_t log2_of(unsigned long value) {
    uint8_t bits = 0;
    while (value > 1) {
        value /= 2;
        bits++;
    }
    return bits;
}

/* Bytes of the largest image that the core can hold. */
static uint32_t largest_image(const unsigned long core[]) {
    const unsigned long lanes = core[ESNN_CONFIG_LANES];
    const unsigned long currents = ESNN_WITH_CURRENTS != 0; /* one more section, of a word each */
    const unsigned long sections = 1 + (4 + currents) * lanes + 1; /* and the end, of four words */
    return (uint32_t)(2 * (ESNN_HEADER_WORDS + 4 * sections + core[ESNN_CONFIG_PROGRAM_WORDS] +
                           core[ESNN_CONFIG_SYNAPSE_WORDS] +
                           (5 + currents) * core[ESNN_CONFIG_NEURONS] + 2));
}

/* Sets up `resources`; returns whether a pseudo-terminal is wanted. */
static int read_options(char **option) {
    unsigned long core[ESNN_NUM_CONFIG_FIELDS];
    int pty = 0;
    for (int i = 0; i < ESNN_NUM_CONFIG_FIELDS; i++) {
        core[i] = sizes[i].initial;
    }
    for (; *option; option++) {
        const char *name = *option;
        if (!strcmp(name, "--pty")) {
            pty = 1;
            continue;
        }
        if (strncmp(name, "--", 2) != 0 || !option[1]) {
            refuse(name);
        }
        char *end;
        const unsigned long value = strtoul(*++option, &end, 10);
        int size = 0;
        while (size < ESNN_NUM_CONFIG_FIELDS && strcmp(name + 2, sizes[size].name) != 0) {
            size++;
        }
        if (*end || end == *option) {
            refuse(name);
        } else if (size < ESNN_NUM_CONFIG_FIELDS) {
            core[size] = value; /* and looked at when the number of lanes is known */
        } else if (!strcmp(name, "--clock-khz") && value && value <= 1000000) {
            resources.clock_khz = (uint32_t)value;
        } else if (!strcmp(name, "--image-bytes") && value <= sizeof image) {
            resources.image_bytes = (uint32_t)value;
        } else if (!strcmp(name, "--memory-bytes") && value <= sizeof memory) {
            resources.memory_bytes = (uint32_t)value;
        } else {
            refuse(name);
        }
    }
    for (int i = 0; i < ESNN_NUM_CONFIG_FIELDS; i++) {
        const unsigned long times = sizes[i].of_lane ? core[ESNN_CONFIG_LANES] : 1;
        if (core[i] < sizes[i].lowest * times || core[i] > sizes[i].highest * times ||
            (i != ESNN_CONFIG_STATE_BITS && core[i] & (core[i] - 1))) {
            fprintf(stderr, "--%s must be %s in %lu..%lu, not %lu\n", sizes[i].name,
                    i == ESNN_CONFIG_STATE_BITS ? "a number" : "a power of two",
                    sizes[i].lowest * times, sizes[i].highest * times, core[i]);
            exit(2);
        }
        resources.core[i] = i == ESNN_CONFIG_STATE_BITS ? (uint8_t)core[i] : log2_of(core[i]);
    }
    if (!resources.image_bytes) {
        resources.image_bytes = largest_image(core);
    }
    return pty;
}

/* The outer end of a new pseudo-terminal; the name of the inner one goes to standard output. */
static int open_pty(void) {
    const int outer = posix_openpt(O_RDWR | O_NOCTTY);
    if (outer < 0 || grantpt(outer) || unlockpt(outer)) {
        fail("pseudo-terminal");
    }
    /* The inner end stays open, or the outer one would fail until somebody opens the port. */
    const int inner = open(ptsname(outer), O_RDWR | O_NOCTTY);
    struct termios mode;
    if (inner < 0 || tcgetattr(inner, &mode)) {
        fail("pseudo-terminal");
    }
    mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    mode.c_oflag &= ~(tcflag_t)OPOST;
    mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    mode.c_cflag = (mode.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    if (tcsetattr(inner, TCSANOW, &mode)) {
        fail("pseudo-terminal");
    }
    puts(ptsname(outer));
    fflush(stdout);
    return outer;
}

/* Clock cycles since the last call. */
static uint32_t cycles_passed(void) {
    static uint64_t before, rest;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    const uint64_t passed = ns - before < 1000000000u ? ns - before : 1000000000u;
    rest += passed * resources.clock_khz;
    before = ns;
    const uint32_t cycles = (uint32_t)(rest / 1000000u);
    rest %= 1000000u;
    return cycles;
}

/* Waits for bytes or until the next step is due; whether there are bytes. */
static int wait_for_bytes(int in) {
    const uint64_t ns = device.timer_left * UINT64_C(1000000) / resources.clock_khz;
    const struct timespec due = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    fd_set lines;
    FD_ZERO(&lines);
    FD_SET(in, &lines);
    const int ready = pselect(in + 1, &lines, NULL, NULL, device.timer_period ? &due : NULL, NULL);
    if (ready < 0 && errno != EINTR) {
        fail("select");
    }
    return ready > 0;
}

static void send_all(int out, const uint8_t *bytes, size_t left) {
    while (left) {
        const ssize_t sent = write(out, bytes, left);
        if (sent >= 0) {
            bytes += sent;
            left -= (size_t)sent;
        } else if (errno != EINTR) {
            fail("write");
        }
    }
}

int main(int argc, char **argv) {
    int in = STDIN_FILENO, out = STDOUT_FILENO;
    (void)argc;
    if (read_options(argv + 1)) {
        in = out = open_pty();
    }
    esnn_device_start(&device, &resources);
    for (;;) {
        uint8_t bytes[256];
        const int ready = wait_for_bytes(in);
        esnn_device_tick(&device, cycles_passed());
        if (!ready) {
            continue;
        }
        const ssize_t got = read(in, bytes, sizeof bytes);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            fail("read");
        }
        for (ssize_t i = 0; i < got; i++) {
            send_all(out, device.reply, esnn_device_take(&device, bytes[i]));
        }
    }
}
