// The serial line of a simulated board: bytes of a file descriptor (a pseudo-terminal or a socket)
// become bits on a pin, and back. Used through ctypes; the loop is in here.
//
// Who includes this has defined the board's pins:
//
//   struct Pins {
//       void tick();            // a cycle of the clock
//       void set_rx(bool level);
//       bool tx();              // of this cycle or of the one before
//       bool busy();            // false only if nothing happens until a byte comes
//   };

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace {

struct Board {
    Pins pins;
    unsigned clocks_per_bit;
    std::uint64_t cycles = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    // Line to the board: start bit, eight bits, stop bit, lowest first.
    unsigned sending = 0, bits_to_send = 0, send_wait = 0;
    // Line from the board.
    unsigned received = 0, bit = 0, receive_wait = 0;
    bool receiving = false;
    std::uint8_t input[4096], output[4096];
    std::size_t input_at = 0, input_end = 0, output_end = 0;
    bool closed = false;

    void tick() {
        pins.tick();
        ++cycles;
    }
    bool line_at_rest() const { return !bits_to_send && input_at == input_end && !receiving; }

    void drive() {
        if (send_wait) {
            --send_wait;
            return;
        }
        if (!bits_to_send && input_at < input_end) {
            sending = input[input_at++] << 1 | 0x200;
            bits_to_send = 10;
            ++bytes_in;
        }
        if (bits_to_send) {
            pins.set_rx(sending & 1);
            sending >>= 1;
            --bits_to_send;
            send_wait = clocks_per_bit - 1;
        }
    }
    void sample() {
        const bool line = pins.tx();
        if (!receiving) {
            if (line) return;
            receiving = true;
            bit = 0;
            received = 0;
            receive_wait = clocks_per_bit + clocks_per_bit / 2;
        }
        if (--receive_wait) return;
        receive_wait = clocks_per_bit;
        if (bit == 8) {
            receiving = false;
            if (line && output_end < sizeof output) output[output_end++] = received;
            return;
        }
        received |= unsigned(line) << bit++;
    }
    void take_input(int fd) {
        input_at = input_end = 0;
        const ssize_t count = read(fd, input, sizeof input);
        if (count > 0) input_end = count;
        // A pseudo-terminal gives EIO while nobody has opened its other end.
        else if (count == 0) closed = true;
        else if (errno != EAGAIN && errno != EINTR && errno != EIO) closed = true;
    }
    void give_output(int fd) {
        // What the other side does not take is lost, as on a real line.
        const ssize_t count = write(fd, output, output_end);
        if (count > 0) bytes_out += count;
        output_end = 0;
    }
};

}  // namespace

extern "C" {

void *board_new(std::uint32_t clocks_per_bit) {
    auto *board = new Board();
    board->clocks_per_bit = clocks_per_bit;
    board->pins.set_rx(true);
    for (int n = 0; n < 8; ++n) board->tick();
    return board;
}

void board_free(void *handle) { delete static_cast<Board *>(handle); }

// Run until a byte comes on `stop_fd` (returns 1) or the other end of `fd` is closed (returns 0).
// The clock rests while the board does: nothing on the line and nothing to do.
int board_serve(void *handle, int fd, int stop_fd) {
    auto &board = *static_cast<Board *>(handle);
    board.closed = false;
    std::uint64_t rests_after = board.cycles + 64;
    for (;;) {
        const bool at_rest = board.line_at_rest() && !board.pins.busy() &&
                             board.cycles >= rests_after;
        if (at_rest && board.output_end) board.give_output(fd);
        pollfd waiting[2] = {{fd, POLLIN, 0}, {stop_fd, POLLIN, 0}};
        if (poll(waiting, 2, at_rest ? -1 : 0) < 0 && errno != EINTR) return 1;
        if (waiting[1].revents) return 1;
        if (waiting[0].revents && board.input_at == board.input_end) board.take_input(fd);
        if (board.closed) return 0;
        // Between two looks at the file descriptor: a few bytes' worth of clock cycles.
        for (unsigned n = 0; n < 200 * board.clocks_per_bit; ++n) {
            board.drive();
            board.tick();
            board.sample();
            if (!board.line_at_rest()) rests_after = board.cycles + 32 * board.clocks_per_bit;
            else if (n > 32 * board.clocks_per_bit && !board.pins.busy()) break;
        }
        if (board.output_end) board.give_output(fd);
    }
}

std::uint64_t board_cycles(void *handle) { return static_cast<Board *>(handle)->cycles; }
}
