"""The mutants of ``make mutants`` still fit the code and the tests that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benches.mutants import MUTANTS, PLANTED
from benches.planted_errors import Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{Path(m.path).stem}: {m.name}")
def test_error_has_one_place_and_a_test_to_notice_it(mutant: Mutant) -> None:
    assert (ROOT / mutant.path).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    for name in mutant.tests:
        path, _, function = name.partition("::")
        text = (ROOT / path).read_text()
        if function:
            plain = re.sub(r"\[.*", "", function)
            assert f"def {plain}(" in text


def test_no_decision_is_planted_twice() -> None:
    assert len({(m.path, m.old, m.new) for m in MUTANTS}) == len(MUTANTS)
    assert len({(m.path, m.name) for m in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(
    ("title", "folder"),
    [
        ("In the simulator", "edgesnn/"),
        ("In the gates", "hdl/edgesnn_hdl/"),
        ("In the gates of a board without a host", "hdl/edgesnn_hdl/"),
        ("In the firmware", "firmware/src/"),
        ("In the firmware of language models", "firmware/src/edgesnn_language"),
    ],
)
def test_every_executor_has_its_share(title: str, folder: str) -> None:
    assert len(PLANTED[title]) >= 12
    assert all(mutant.path.startswith(folder) for mutant in PLANTED[title])
