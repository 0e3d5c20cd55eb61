// A whole board: EdgesnnTop as CXXRTL wrote it (design.cc), and what is on its serial line.

#include "design.cc"

namespace {

struct Pins {
    cxxrtl_design::p_top design;

    Pins() { design.p_clk.set<bool>(true); }
    // Only rising edges matter: one evaluation a cycle. Outputs show the cycle before.
    void tick() {
        design.prev_p_clk = cxxrtl::value<1>{0u};
        design.step();
    }
    void set_rx(bool level) { design.p_uart__rx.set<bool>(level); }
    bool tx() const { return design.p_uart__tx.get<bool>(); }
    bool busy() const { return design.p_led__busy.get<bool>(); }
};

}  // namespace

#include "serial_board.hpp"
