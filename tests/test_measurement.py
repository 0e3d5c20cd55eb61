"""A measurement says where it comes from, and its page lies beside its figures."""

from __future__ import annotations

import json
from pathlib import Path

from edgesnn.measurement import record, write_result


def test_figures_and_page_lie_side_by_side(tmp_path: Path) -> None:
    result = record("python -m benches.example", {"cycles": 12})
    write_result(tmp_path / "new", "example", result, "# Page\n")
    assert json.loads((tmp_path / "new" / "example.json").read_text()) == result
    assert (tmp_path / "new" / "example.md").read_text() == "# Page\n"
    assert set(result) == {"command", "commit", "machine", "figures"}
