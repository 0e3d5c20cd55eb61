"""What is generated and committed is what the code would generate now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgesnn import codegen, model_file

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "docs/results").glob("*.json"))


def test_field_table_of_the_model_file_is_fresh() -> None:
    assert model_file.field_table().strip() in (ROOT / "docs/model_file.md").read_text()


def test_headers_of_the_firmware_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert codegen.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_header_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(codegen, "firmware_dir", lambda: tmp_path)
    assert codegen.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "edgesnn_format.h is stale: run python -m edgesnn.codegen" in said
    assert "edgesnn_language_tables.h is stale: run python -m edgesnn.codegen" in said
    for folder in ("include", "src"):
        (tmp_path / folder).mkdir()
    assert codegen.main([]) == codegen.main(["--check"]) == 0


def test_every_status_of_the_firmware_is_in_its_readme() -> None:
    assert codegen.status_table() in (ROOT / "firmware/README.md").read_text()


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_say_how_they_were_measured(path: Path) -> None:
    record = json.loads(path.read_text())
    # Pages that are measured in parts keep these, too, each with its own commit and machine.
    assert set(record) - {"parts"} == {"command", "commit", "machine", "figures"}
    assert all(set(p) >= {"commit", "machine"} for p in record.get("parts", {}).values())
    assert record["figures"]
    assert all(isinstance(v, int | float | str) for v in record["figures"].values())


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_have_a_page_that_says_how_to_repeat_them(path: Path) -> None:
    assert f"make results-{path.stem}" in path.with_suffix(".md").read_text()


def test_every_page_of_results_has_its_figures() -> None:
    pages = {p.stem for p in (ROOT / "docs/results").glob("*.md")}
    assert pages == {p.stem for p in RESULTS}
