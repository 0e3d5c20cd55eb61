"""The synthesised netlist of a board gives the simulator's bits and cycles.

What runs is what place and route gets, pads and clock circuit left out, compiled with models of
the cells; the host talks to it over its serial line as to any board. The cores are smaller than
the boards', of the same cells; ``python -m benches.netlists`` takes those of the boards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edgesnn.errors import LinkError
from edgesnn.virtual_board import VirtualBoard
from edgesnn_boards import find_board
from edgesnn_boards.board import Board
from tests.hdl.netlist import (
    cells,
    missing_program,
    netlist_board,
    verilog,
    with_core,
    with_wrong_table,
)
from tests.hdl.netlist_cases import agreement, digits_case, random_cases

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(
        missing_program() is not None, reason=f"{missing_program()} is not installed"
    ),
]

#: Smaller than the board's core, with every kind of block RAM that it has.
SIZES: dict[str, dict[str, int]] = {
    "icebreaker": {
        "lanes": 1, "neurons": 128, "synapse_words": 32768, "inputs": 64, "events": 256,
        "program_words": 64, "readout_neurons": 16,
    },
    "ulx3s-25f": {"lanes": 1},
    "tang-nano-9k": {"lanes": 1},
}  # fmt: skip
#: Cells that are neither logic nor flip-flop, which the comparison is about.
SPECIAL = {
    "icebreaker": {"SB_SPRAM256KA": 2, "SB_MAC16": 2, "SB_RAM40_4K": 16},
    "ulx3s-25f": {"DP16KD": 28, "MULT18X18D": 1, "TRELLIS_DPR16X4": 4},
    "tang-nano-9k": {
        "DPX9B": 7, "DPB": 5, "SDPX9B": 1, "SPX9": 1, "MULT18X18": 1, "RAM16SDP4": 36,
    },
}  # fmt: skip
#: One netlist is enough for every day.
BOARDS = [
    pytest.param("icebreaker", marks=pytest.mark.slow),
    pytest.param("ulx3s-25f", marks=pytest.mark.netlists),
    pytest.param("tang-nano-9k", marks=pytest.mark.netlists),
]


def small(name: str) -> Board:
    return with_core(find_board(name), **SIZES[name])


@pytest.fixture(scope="module", params=BOARDS)
def board(request: pytest.FixtureRequest) -> Iterator[tuple[str, VirtualBoard]]:
    with netlist_board(small(request.param)) as running:
        yield request.param, running


def test_random_networks_on_the_netlist_are_those_of_the_simulator(
    board: tuple[str, VirtualBoard],
) -> None:
    for case in random_cases(board[1].config, 3):
        assert agreement(board[1], case).examples == (), case.name


def test_trained_network_on_the_netlist_is_that_of_the_simulator(
    board: tuple[str, VirtualBoard],
) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra train)")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra demo)")
    case = digits_case(windows=2)
    found = agreement(board[1], case)
    assert found.examples == ()
    assert found.counters.spikes > 0


@pytest.mark.parametrize("name", BOARDS)
def test_netlist_has_the_special_cells_of_its_device(name: str) -> None:
    kinds = [cell["type"] for cell in cells(small(name)).values()]
    assert {kind: kinds.count(kind) for kind in SPECIAL[name]} == SPECIAL[name]


def _clocks(cell: dict[str, Any]) -> set[Any]:
    pins = {"CLK", "CLKA", "CLKB"} & cell["connections"].keys()
    return {bit for pin in pins for bit in cell["connections"][pin]} - {"0"}


@pytest.mark.parametrize("name", BOARDS[1:])
def test_both_ports_of_a_block_ram_have_one_clock_as_the_model_wants(name: str) -> None:
    kinds = {"DP16KD", "DPX9B", "DPB", "SDPX9B", "SPX9"}
    found = [_clocks(c) for c in cells(small(name)).values() if c["type"] in kinds]
    assert found
    assert all(len(clocks) == 1 for clocks in found)


@pytest.mark.slow
def test_one_wrong_look_up_table_is_noticed() -> None:
    board = small("icebreaker")
    wrong = with_wrong_table(verilog(board), "core.lane_0.update.after_4")
    (case,) = random_cases(board.core_config, 1)
    with netlist_board(board, wrong) as running:
        try:
            found = agreement(running, case).mismatches
        except LinkError:
            found = 1
    assert found
