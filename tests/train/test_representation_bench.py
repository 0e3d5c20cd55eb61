"""The page of the bench of representations, from made-up measurements; and its checks, for real."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the page needs the extra 'report'")

from benches.representation import parts
from benches.representation.__main__ import NEEDS, measure, parts_of, written
from benches.representation.page import (
    Measured,
    claims,
    fall_with_depth,
    figures,
    grid,
    page,
    rise_at_skips,
)
from edgesnn.analysis.cka import LayerCka
from edgesnn.train.residual import ResidualSettings, layers_of, seeded

RESULT = {"machine": "a machine", "commit": "a commit"}


def names(depth: int) -> tuple[str, ...]:
    return tuple(layers_of(seeded(ResidualSettings(depth=depth, width=1), 0)))


def pair(residual: bool, seed: int, twins: float, depth: int = 8) -> parts.Pair:
    """Every layer is as like its twin as ``twins`` says, block outputs more by 0.2."""
    rows = names(depth)
    values = np.full((len(rows), len(rows)), 0.3)
    for i, name in enumerate(rows):
        values[i, i] = twins + 0.2 * bool(re.fullmatch(r"blocks\.\d", name))
    return parts.Pair(residual, depth, 8, seed, 80.0, 85.0, LayerCka(rows, rows, values))


@pytest.fixture
def measured() -> Measured:
    pairs = [pair(r, s, 0.6 if r else 0.5) for r in (True, False) for s in (0, 1)]
    twins = {"spikes": {"hidden": 0.9}, "traces": {"hidden": 0.95}, "v": {"hidden": 0.97}}
    return Measured(
        seeds=(0, 1),
        checks=parts.Checks(1.0, -0.0003, 2e-16),
        pairs=pairs,
        controls=[parts.Control(True, False, (0.7,)), parts.Control(True, True, (0.66,))],
        depths=[pair(r, 0, 0.6, depth) for r in (True, False) for depth in (8, 14)],
        widths=[pair(True, 0, 0.6)],
        events=[pair(True, 0, 0.4)],
        steps=[parts.Steps(r, {"fire1": np.eye(4), "fire": np.eye(4)}) for r in (True, False)],
        attacks=[parts.Attacked(True, s, 0.01, 80.0, 40.0, 0.9, 0.8) for s in (True, False)],
        compressed=[parts.Compressed(0.9, 0.25, twins)],
        skipped={},
    )


def test_figures_are_means_over_seeds(measured: Measured) -> None:
    found = figures(measured)
    blocks = 0.2 * 3 / len(names(8))
    assert found["mean_cka_snn_ann_residual"] == pytest.approx(0.6 + blocks, abs=1e-4)
    assert found["mean_cka_snn_ann_plain"] == pytest.approx(0.5 + blocks, abs=1e-4)
    assert (found["cka_identity"], found["seeds"]) == (1.0, 2)
    assert found["cka_reference_difference"] == 2e-16
    for name in ("cka_independent", "accuracy_snn_residual"):
        assert name in found


def test_shapes_of_the_curve_are_told_from_the_map() -> None:
    jagged = pair(True, 0, 0.6)
    assert rise_at_skips(jagged) == pytest.approx(0.2)
    assert grid(jagged) == pytest.approx(0)
    rows = jagged.similarity.rows
    fires = np.array(["fire" in name for name in rows])
    board = np.where(fires[:, None] == fires, 0.8, 0.2)
    chequered = replace(jagged, similarity=LayerCka(rows, rows, board))
    assert grid(chequered) == pytest.approx(0.6)
    falling = np.diag(np.linspace(1, 0, len(rows)))
    assert fall_with_depth(replace(jagged, similarity=LayerCka(rows, rows, falling))) > 0.5


def test_a_silent_layer_is_left_out_of_means_and_counted(measured: Measured) -> None:
    silent = measured.pairs[0]
    silent.similarity.values[3] = np.nan
    assert np.isfinite(silent.mean)
    text = page(RESULT, measured)
    assert "| 1 |" in text
    assert "nan" not in text


def test_page_tells_every_part_and_claim(measured: Measured, tmp_path: Path) -> None:
    written(tmp_path, {**RESULT, "figures": figures(measured)}, measured)
    text = (tmp_path / "representation.md").read_text()
    for title in ("Time", "Attacks", "Events", "Depth", "Width", "Compressed networks"):
        assert f"## {title}" in text
    assert all(claim in text for claim, _, _ in claims(measured))
    pictures = re.findall(r"\]\((.*\.png)\)", text)
    assert len(pictures) == 3
    assert all(0 < (tmp_path / name).stat().st_size < 200_000 for name in pictures)
    assert {p.name for p in tmp_path.iterdir()} == {
        "representation.md", "representation.json", *pictures
    }  # fmt: skip
    widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert min(widths) >= 4


def test_verdicts_follow_from_the_measurements(measured: Measured) -> None:
    verdicts = {claim: verdict for claim, _, verdict in claims(measured)}
    assert verdicts["Skips keep spiking networks nearer to their twins"] == "seen"
    turned = replace(measured, pairs=[replace(p, residual=not p.residual) for p in measured.pairs])
    verdicts = {claim: verdict for claim, _, verdict in claims(turned)}
    assert verdicts["Skips keep spiking networks nearer to their twins"] == "**not seen**"


def test_parts_without_their_data_are_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGESNN_DATA", str(tmp_path))
    everything = parts_of((0,))
    found, skipped = measure({name: everything[name] for name in NEEDS})
    assert skipped.keys() == NEEDS.keys() < everything.keys()
    assert all("must lie in one of these folders" in reason for reason in skipped.values())
    nothing = {name: found.get(name, []) for name in everything}
    nothing["checks"] = parts.Checks(1.0, 0.0, 0.0)
    text = page(RESULT, Measured(seeds=(0,), skipped=skipped, **nothing))
    assert "- pairs: " in text


def test_the_estimator_passes_its_checks() -> None:
    found = parts.checks()
    assert found.identity == pytest.approx(1, abs=1e-9)
    assert abs(found.independent) < 0.01
    assert found.reference_difference < 1e-6
