// A whole board: its netlist and the models of its cells as Verilator wrote them (Vboard), and what
// is on its serial line.

#include "Vboard.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

struct Pins {
    VerilatedContext context;
    Vboard *board;

    // What the models leave open when they begin is random: contents of single-port RAM, for one.
    Pins() {
        context.randReset(2);
        context.randSeed(1);
        board = new Vboard(&context);
        // A board is in reset for a while after configuration; nobody listens then.
        set_rx(true);
        for (int n = 0; n < 2048; ++n) tick();
    }
    ~Pins() { delete board; }
    void tick() {
        board->clk = 1;
        board->eval();
        board->clk = 0;
        board->eval();
    }
    void set_rx(bool level) { board->rx = level; }
    bool tx() const { return board->tx; }
    bool busy() const { return board->busy; }
};

}  // namespace

#include "serial_board.hpp"
