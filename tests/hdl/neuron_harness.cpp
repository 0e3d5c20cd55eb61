// Feeds one neuron a cycle into NeuronUpdate and collects what comes out, latencies removed.

#include <cstdint>

#include "design.cc"

extern "C" void run(std::uint32_t flags, std::uint32_t clamp_mask, std::uint32_t count,
                    std::uint32_t value_latency, std::uint32_t spike_latency,
                    std::uint32_t stored_latency,
                    const std::uint32_t *membrane, const std::uint32_t *threshold,
                    const std::uint32_t *bias, const std::uint32_t *decay, std::uint32_t *value,
                    std::uint32_t *spike, std::uint32_t *overflow, std::uint32_t *stored,
                    std::uint32_t *fires) {
    cxxrtl_design::p_top design;
    design.p_flags.set<std::uint32_t>(flags);
    design.p_clamp__mask.set<std::uint32_t>(clamp_mask);
    for (std::uint32_t n = 0; n < count + stored_latency; ++n) {
        const std::uint32_t in = n < count ? n : count - 1;
        design.p_membrane.set<std::uint32_t>(membrane[in]);
        design.p_bias.set<std::uint32_t>(bias[in]);
        // Threshold and decay come a cycle later.
        const std::uint32_t before = n == 0 ? 0 : n - 1 < count ? n - 1 : count - 1;
        design.p_threshold.set<std::uint32_t>(threshold[before]);
        design.p_decay.set<std::uint32_t>(decay[before]);
        design.step();
        if (n >= value_latency && n - value_latency < count) {
            value[n - value_latency] = design.p_value.get<std::uint32_t>();
            overflow[n - value_latency] = design.p_overflow.get<std::uint32_t>();
            fires[n - value_latency] = design.p_fires.get<std::uint32_t>();
        }
        if (n >= spike_latency && n - spike_latency < count) {
            spike[n - spike_latency] = design.p_spike.get<std::uint32_t>();
        }
        if (n >= stored_latency) stored[n - stored_latency] = design.p_stored.get<std::uint32_t>();
        design.p_clk.set<bool>(false);
        design.step();
        design.p_clk.set<bool>(true);
        design.step();
    }
}
