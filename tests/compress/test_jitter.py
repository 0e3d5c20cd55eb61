"""Where inputs are jittered in time against the membrane's memory, SBC is ahead of OBC.

The experiment of one layer of LIF neurons with reset to zero: channels are correlated in groups;
in the jittered task each fires with a delay of its own of 0..7 steps. The distance is that of van
Rossum, relative to the trains of the uncompressed layer.
"""

from __future__ import annotations

import pytest

from benches.compression.jitter import errors


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_jittered_inputs_prune_best_by_membranes_then_by_inputs(sparsity: float) -> None:
    found = errors(1 - 1 / 16, jittered=True, sparsity=sparsity)
    assert found["sbc"] < found["obc"] < found["plain"]


def test_jittered_inputs_round_best_by_membranes_then_by_inputs() -> None:
    found = errors(1 - 1 / 16, jittered=True, sparsity=0.0)
    assert found["sbc"] < found["obc"] < found["plain"]


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_synchronous_inputs_make_no_difference_between_the_two(sparsity: float) -> None:
    found = errors(1 - 1 / 4, jittered=False, sparsity=sparsity)
    assert found["sbc"] == pytest.approx(found["obc"], rel=0.05)
    assert found["obc"] < found["plain"]
