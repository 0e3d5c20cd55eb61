"""Arguments that all families hand to Yosys and nextpnr."""

from __future__ import annotations

#: For Yosys, between reading and synthesis: as edgesnn_hdl.memories.COLLISION_SCRIPT, which a
#: test compares it with. It is written here so that a list of boards needs no Amaranth.
BEFORE_SYNTHESIS = "setparam -set COLLISION_X_MASK 1 t:$memrd_v2"
#: For Yosys, after synthesis: the cells of the netlist, for whoever counts them.
AFTER_SYNTHESIS = "tee -q -o cells.json stat -json"


def nextpnr_options(clock_hz: int) -> str:
    """For nextpnr: the clock it works for. The seed is a variable of the script.

    A clock that is missed is no error here: it is found in the report.
    """
    return (
        f"--seed $EDGESNN_SEED --report report.json --timing-allow-fail --freq {clock_hz / 1e6:g}"
    )
