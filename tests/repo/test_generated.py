"""What is generated and committed is what the code would generate now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgesnn import model_file

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "docs/results").glob("*.json"))


def test_field_table_of_the_model_file_is_fresh() -> None:
    assert model_file.field_table().strip() in (ROOT / "docs/model_file.md").read_text()


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_say_how_they_were_measured(path: Path) -> None:
    record = json.loads(path.read_text())
    assert set(record) == {"command", "commit", "machine", "figures"}
    assert record["figures"]
    assert all(isinstance(v, int | float | str) for v in record["figures"].values())


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_have_a_page_that_says_how_to_repeat_them(path: Path) -> None:
    assert f"make results-{path.stem}" in path.with_suffix(".md").read_text()


def test_every_page_of_results_has_its_figures() -> None:
    pages = {p.stem for p in (ROOT / "docs/results").glob("*.md")}
    assert pages == {p.stem for p in RESULTS}
