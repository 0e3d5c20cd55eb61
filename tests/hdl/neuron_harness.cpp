// Feeds one neuron a cycle into NeuronUpdate and collects what comes out, latencies removed.

#include <cstdint>

#include "design.cc"

extern "C" void run(std::uint32_t flags, std::uint32_t clamp_mask, std::uint32_t count,
                    std::uint32_t spike_latency, std::uint32_t stored_latency,
                    const std::uint32_t *membrane, const std::uint32_t *threshold,
                    const std::uint32_t *bias, const std::uint32_t *decay, std::uint32_t *value,
                    std::uint32_t *spike, std::uint32_t *overflow, std::uint32_t *stored) {
    cxxrtl_design::p_top design;
    design.p_flags.set<std::uint32_t>(flags);
    design.p_clamp__mask.set<std::uint32_t>(clamp_mask);
    for (std::uint32_t n = 0; n < count + stored_latency; ++n) {
        const std::uint32_t in = n < count ? n : count - 1;
        design.p_membrane.set<std::uint32_t>(membrane[in]);
        design.p_threshold.set<std::uint32_t>(threshold[in]);
        design.p_bias.set<std::uint32_t>(bias[in]);
        design.p_decay.set<std::uint32_t>(decay[in]);
        design.step();
        if (n >= spike_latency && n - spike_latency < count) {
            value[n - spike_latency] = design.p_value.get<std::uint32_t>();
            spike[n - spike_latency] = design.p_spike.get<std::uint32_t>();
            overflow[n - spike_latency] = design.p_overflow.get<std::uint32_t>();
        }
        if (n >= stored_latency) stored[n - stored_latency] = design.p_stored.get<std::uint32_t>();
        design.p_clk.set<bool>(false);
        design.step();
        design.p_clk.set<bool>(true);
        design.step();
    }
}
