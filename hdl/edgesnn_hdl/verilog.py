"""Plain Verilog of the whole gateware, for people without Amaranth."""

from __future__ import annotations

from amaranth.back import verilog

from edgesnn.core_config import CoreConfig
from edgesnn_hdl.memories import COLLISION_SCRIPT
from edgesnn_hdl.top import EdgesnnTop

_HEADER = """\
// edgesnn core with serial link, written by edgesnn; take the generator, not this file, to edit.
// {config}
// clock {clock_hz} Hz, serial line {baud} baud
// Reads of a memory never depend on a write in the same cycle. Yosys can be told:
//   {script}
"""


class GenericPlatform:
    """Hardware of no special kind: memories without the checks that simulation adds."""

    device = "generic"


def export(config: CoreConfig, clock_hz: int, baud: int) -> str:
    """Verilog of ``EdgesnnTop`` with module name ``edgesnn``; ports clk, rst, uart_rx, uart_tx,
    led_busy, led_loaded, led_error, led_alive, led_decision (4 bits).
    """
    header = _HEADER.format(
        config=", ".join(f"{name} {value}" for name, value in config.describe().items()),
        clock_hz=clock_hz,
        baud=baud,
        script=COLLISION_SCRIPT,
    )
    top = EdgesnnTop(config, clock_hz, baud)
    return header + verilog.convert(top, name="edgesnn", platform=GenericPlatform(), emit_src=False)
