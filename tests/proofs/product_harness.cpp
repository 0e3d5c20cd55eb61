// Feeds every operand of the multiplier of NeuronUpdate and compares the register behind it.

#include <cstdint>

#include "design.cc"

// For each decay in first..last all 2^bits membranes, one a cycle: the number of registers that do
// not hold the product. The first of them is in wrong_membrane and wrong_decay.
extern "C" std::uint64_t wrong_products(std::uint32_t bits, std::uint32_t first, std::uint32_t last,
                                        std::int32_t *wrong_membrane, std::int32_t *wrong_decay) {
    // The membrane is at the inputs in cycle 0, its decay in cycle 1, the product from cycle 3 on.
    const std::int32_t latency = 3;
    const std::int32_t half = 1 << (bits - 1);
    cxxrtl_design::p_top design;
    std::uint64_t wrong = 0;
    for (std::uint32_t decay = first; decay <= last; ++decay) {
        design.p_decay.set<std::uint32_t>(decay);
        for (std::int32_t membrane = -half; membrane < half + latency; ++membrane) {
            design.p_membrane.set<std::uint32_t>(membrane & (2 * half - 1));
            if (membrane >= latency - half) {
                const std::int32_t product = design.p_product__3.curr.sext<32>().get<std::int32_t>();
                if (product != (membrane - latency) * std::int32_t(decay) && wrong++ == 0) {
                    *wrong_membrane = membrane - latency;
                    *wrong_decay = std::int32_t(decay);
                }
            }
            design.p_clk.set<bool>(false);
            design.step();
            design.p_clk.set<bool>(true);
            design.step();
        }
    }
    return wrong;
}
