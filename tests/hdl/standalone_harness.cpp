// EdgesnnTop with its flash, its event pins and its serial line, cycle by cycle; for
// test_standalone.py. The flash is a model of its own and notes whatever it would not understand.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "design.cc"

namespace {

// A serial NOR flash in SPI mode 0, asleep at first, as a configured FPGA may leave it.
struct SpiFlash {
    std::vector<std::uint8_t> content;
    unsigned wake_cycles;  // from release of power-down to the first command
    unsigned min_phase;    // shortest high and low of its clock, in cycles
    std::string faults;
    unsigned reads = 0;    // READ commands that were served

    bool awake = false, selected = false, clock = false, copi = false, cipo = true;
    unsigned since_wake = 0, since_edge = 1000, since_copi = 1000, bits = 0;
    std::uint32_t shifted = 0, address = 0;
    std::uint8_t command = 0;

    void fault(const char *what) {
        if (faults.size() < 1000) faults += std::string(what) + "; ";
    }
    void tick(bool new_selected, bool new_clock, bool new_copi) {
        if (awake) ++since_wake;
        ++since_edge;
        ++since_copi;
        if (new_copi != copi) {
            if (selected && clock && since_edge < min_phase) fault("data not held");
            since_copi = 0;
        }
        copi = new_copi;
        if (new_selected != selected) {
            if (new_clock || clock) fault("selected or deselected while the clock is high");
            if (!new_selected) deselect();
            selected = new_selected;
            bits = 0;
            command = 0;
            cipo = true;
            since_edge = 0;
            clock = new_clock;
            return;
        }
        if (new_clock == clock) return;
        if (!selected) fault("clock while deselected");
        if (since_edge < min_phase) fault("clock too fast");
        since_edge = 0;
        clock = new_clock;
        if (!selected) return;
        if (clock) rise();
        else fall();
    }
    void rise() {
        if (since_copi < min_phase) fault("data not set up");
        if (bits >= 32) return;
        shifted = shifted << 1 | copi;
        ++bits;
        if (bits == 8) {
            command = shifted;
            if (command != 0xAB && command != 0x03) fault("unknown command");
            if (command == 0x03 && (!awake || since_wake < wake_cycles)) fault("read while asleep");
        }
        if (bits == 32) {
            address = shifted & 0xFFFFFF;
            ++reads;
        }
    }
    unsigned out = 0;
    void fall() {
        if (bits < 32) {
            out = 0;
            return;
        }
        const std::uint32_t at = address + out / 8;
        const std::uint8_t byte = at < content.size() ? content[at] : 0xFF;
        cipo = !awake || since_wake < wake_cycles || byte >> (7 - out % 8) & 1;
        ++out;
    }
    void deselect() {
        if (command == 0xAB && bits == 8) awake = true;
        else if (command != 0x03 || bits < 32) fault("command cut off");
    }
};

struct Edge {
    std::uint64_t cycle;
    bool strobe;
    std::uint32_t source;
};

struct Board {
    cxxrtl_design::p_top design;
    SpiFlash flash;
    unsigned clocks_per_bit;
    std::uint64_t cycle = 0, loaded_at = 0;
    std::deque<Edge> edges;
    std::deque<std::uint8_t> to_send;
    std::vector<std::uint8_t> received;
    unsigned sending = 0, bits_to_send = 0, send_wait = 0;
    unsigned byte = 0, bit = 0, receive_wait = 0;
    bool receiving = false;

    void tick() {
        drive();
        while (!edges.empty() && edges.front().cycle <= cycle) {
            design.p_event__strobe.set<bool>(edges.front().strobe);
            design.p_event__source.set<std::uint32_t>(edges.front().source);
            edges.pop_front();
        }
        design.p_flash__cipo.set<bool>(flash.cipo);
        design.prev_p_clk = cxxrtl::value<1>{0u};
        design.step();
        ++cycle;
        flash.tick(design.p_flash__cs.get<bool>(), design.p_flash__clk.get<bool>(),
                   design.p_flash__copi.get<bool>());
        if (!loaded_at && design.p_led__loaded.get<bool>()) loaded_at = cycle;
        sample();
    }
    void drive() {
        if (send_wait) {
            --send_wait;
            return;
        }
        if (!bits_to_send && !to_send.empty()) {
            sending = to_send.front() << 1 | 0x200;
            to_send.pop_front();
            bits_to_send = 10;
        }
        if (bits_to_send) {
            design.p_uart__rx.set<bool>(sending & 1);
            sending >>= 1;
            --bits_to_send;
            send_wait = clocks_per_bit - 1;
        }
    }
    void sample() {
        const bool line = design.p_uart__tx.get<bool>();
        if (!receiving) {
            if (line) return;
            receiving = true;
            bit = byte = 0;
            receive_wait = clocks_per_bit + clocks_per_bit / 2;
        }
        if (--receive_wait) return;
        receive_wait = clocks_per_bit;
        if (bit == 8) {
            receiving = false;
            received.push_back(byte);
            return;
        }
        byte |= unsigned(line) << bit++;
    }
};

}  // namespace

extern "C" {

void *board_new(const std::uint8_t *content, std::uint64_t size, std::uint32_t clocks_per_bit,
                std::uint32_t wake_cycles, std::uint32_t min_phase, std::uint32_t strobe) {
    auto *board = new Board();
    board->flash.content.assign(content, content + size);
    board->flash.wake_cycles = wake_cycles;
    board->flash.min_phase = min_phase;
    board->clocks_per_bit = clocks_per_bit;
    board->design.p_clk.set<bool>(true);
    board->design.p_uart__rx.set<bool>(true);
    board->design.p_event__strobe.set<bool>(strobe);
    return board;
}
void board_free(void *handle) { delete static_cast<Board *>(handle); }
void board_run(void *handle, std::uint64_t cycles) {
    while (cycles--) static_cast<Board *>(handle)->tick();
}
// From `cycle` on the pins have these levels; cycles must not fall.
void board_pins(void *handle, std::uint64_t cycle, std::uint32_t strobe, std::uint32_t source) {
    static_cast<Board *>(handle)->edges.push_back({cycle, strobe != 0, source});
}
void board_send(void *handle, const std::uint8_t *bytes, std::uint32_t count) {
    auto &queue = static_cast<Board *>(handle)->to_send;
    queue.insert(queue.end(), bytes, bytes + count);
}
// Takes up to `most` of the bytes that came.
std::uint32_t board_receive(void *handle, std::uint8_t *bytes, std::uint32_t most) {
    auto &received = static_cast<Board *>(handle)->received;
    const std::uint32_t count = received.size() < most ? received.size() : most;
    std::copy(received.begin(), received.begin() + count, bytes);
    received.erase(received.begin(), received.begin() + count);
    return count;
}
std::uint64_t board_cycle(void *handle) { return static_cast<Board *>(handle)->cycle; }
std::uint64_t board_loaded_at(void *handle) { return static_cast<Board *>(handle)->loaded_at; }
// Bit 0 loaded, 1 error, 2 busy, 3 room for events, 4-7 decision.
std::uint32_t board_lights(void *handle) {
    auto &d = static_cast<Board *>(handle)->design;
    return d.p_led__loaded.get<std::uint32_t>() | d.p_led__error.get<std::uint32_t>() << 1 |
           d.p_led__busy.get<std::uint32_t>() << 2 | d.p_event__ready.get<std::uint32_t>() << 3 |
           d.p_led__decision.get<std::uint32_t>() << 4;
}
std::uint32_t board_flash_reads(void *handle) { return static_cast<Board *>(handle)->flash.reads; }
const char *board_flash_faults(void *handle) {
    return static_cast<Board *>(handle)->flash.faults.c_str();
}
}
