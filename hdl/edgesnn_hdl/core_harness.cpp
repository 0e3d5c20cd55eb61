// Drives a core that CXXRTL wrote as C++ (design.cc), for use through ctypes.
// Everything that would take a call for each clock cycle from Python is a loop in here.

#include <cstdint>
#include <vector>

#include "design.cc"

namespace {

using Design = cxxrtl_design::p_top;

struct Core {
    Design design;
    std::uint64_t cycles = 0;
    // Cycles of time steps, by population and phase; the phases are numbered from 1.
    static constexpr std::size_t PHASES = 3;
    std::vector<std::uint64_t> phases;

    void tick() {
        design.p_clk.set<bool>(false);
        design.step();
        design.p_clk.set<bool>(true);
        design.step();
        ++cycles;
    }
    void select(std::uint32_t region, std::uint32_t lane, std::uint32_t address) {
        design.p_access____region.set<std::uint32_t>(region);
        design.p_access____lane.set<std::uint32_t>(lane);
        design.p_access____address.set<std::uint32_t>(address);
    }
    bool wait_idle(std::uint64_t limit) {
        std::uint32_t before = PHASES;
        std::size_t population = 0;
        for (std::uint64_t n = 0; n < limit; ++n) {
            design.step();
            if (design.p_idle.get<bool>()) return true;
            const auto phase = design.p_phase.get<std::uint32_t>();
            if (phase != 0) {
                if (phase < before) ++population;
                if (phases.size() < PHASES * population) phases.resize(PHASES * population);
                ++phases[PHASES * (population - 1) + phase - 1];
                before = phase;
            }
            tick();
        }
        return false;
    }
};

}  // namespace

extern "C" {

void *core_new() { return new Core(); }

void core_free(void *handle) { delete static_cast<Core *>(handle); }

// Write `count` elements from `address` on.
void core_write(void *handle, std::uint32_t region, std::uint32_t lane, std::uint32_t address,
                const std::uint32_t *elements, std::uint32_t count) {
    auto &core = *static_cast<Core *>(handle);
    core.design.p_access____enable.set<bool>(true);
    core.design.p_access____write.set<bool>(true);
    for (std::uint32_t n = 0; n < count; ++n) {
        core.select(region, lane, address + n);
        core.design.p_access____write__data.set<std::uint32_t>(elements[n]);
        core.tick();
    }
    core.design.p_access____write.set<bool>(false);
    core.design.p_access____enable.set<bool>(false);
}

// Read `count` elements from `address` on, byte by byte; `latency` cycles each, pipelined.
void core_read(void *handle, std::uint32_t region, std::uint32_t lane, std::uint32_t address,
               std::uint32_t *elements, std::uint32_t count, std::uint32_t latency) {
    auto &core = *static_cast<Core *>(handle);
    core.design.p_access____enable.set<bool>(true);
    core.select(region, lane, address);
    for (core.design.step(); !core.design.p_access____settled.get<bool>(); core.design.step())
        core.tick();
    for (std::uint32_t n = 0; n < 4 * count + latency; ++n) {
        core.select(region, lane, address + n / 4);
        core.design.p_access____byte.set<std::uint32_t>(n % 4);
        core.design.step();
        if (n >= latency) {
            const std::uint32_t at = n - latency;
            const auto byte = core.design.p_access____read__data.get<std::uint32_t>();
            elements[at / 4] = (at % 4 ? elements[at / 4] : 0) | byte << 8 * (at % 4);
        }
        core.tick();
    }
    core.design.p_access____enable.set<bool>(false);
    core.tick();
}

// Offer events until all are taken; returns how many were (all, unless the core is stuck).
std::uint32_t core_push(void *handle, const std::uint16_t *events, std::uint32_t count) {
    auto &core = *static_cast<Core *>(handle);
    std::uint32_t taken = 0;
    core.design.p_events____valid.set<bool>(true);
    for (std::uint64_t n = 0; taken < count && n < 8ull * count + 64; ++n) {
        core.design.p_events____payload.set<std::uint32_t>(events[taken]);
        core.design.step();
        const bool ready = core.design.p_events____ready.get<bool>();
        core.tick();
        taken += ready;
    }
    core.design.p_events____valid.set<bool>(false);
    core.wait_idle(16);
    return taken;
}

// Pulse `start` (command 0), `reset_state` (1) or `clear_counters` (2) and wait for idle.
// Returns 0, or -1 if the core does not come to rest within `limit` cycles.
int core_command(void *handle, int command, std::uint64_t limit) {
    auto &core = *static_cast<Core *>(handle);
    core.design.p_start.set<bool>(command == 0);
    core.design.p_reset__state.set<bool>(command == 1);
    core.design.p_clear__counters.set<bool>(command == 2);
    core.tick();
    core.design.p_start.set<bool>(false);
    core.design.p_reset__state.set<bool>(false);
    core.design.p_clear__counters.set<bool>(false);
    return core.wait_idle(limit) ? 0 : -1;
}

int core_refused(void *handle) {
    auto &core = *static_cast<Core *>(handle);
    core.design.step();
    return core.design.p_refused.get<bool>();
}

// Takes the cycles of the time steps since the last call: `count` populations, three phases each.
void core_phases(void *handle, std::uint64_t *cycles, std::uint32_t count) {
    auto &core = *static_cast<Core *>(handle);
    core.phases.resize(Core::PHASES * count);
    for (std::size_t n = 0; n < core.phases.size(); ++n) cycles[n] = core.phases[n];
    core.phases.clear();
}

std::uint64_t core_cycles(void *handle) { return static_cast<Core *>(handle)->cycles; }
}
