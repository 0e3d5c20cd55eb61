"""The bench's figures and page, from rows whose answers are known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the page needs the extra 'report'")

from benches.jobs import Job, run_jobs
from benches.recurrent.__main__ import parts, written
from benches.recurrent.deployed import Deployed
from benches.recurrent.measure import Score, Spectrum, Timed
from benches.recurrent.networks import Plan
from benches.recurrent.page import Measured, figures, page

#: Neurons and synapses, of a pruned and of a dense network.
SIZES = ((43, 240), (100, 1600))
PLAN = Plan(seeds=2, neurons=100)
ERRORS = {
    "dense": 0.10,
    "LNP": 0.11,
    "LNP by rate": 0.105,
    "random": 0.15,
    "magnitude": 0.14,
    "activity": 0.12,
    "dense, homogeneous": 0.12,
}


def rows(stage: str, times: float = 1.0) -> list[Score]:
    return [
        Score(
            task, name, stage, seed, times * error * (1 + seed),
            *SIZES["dense" in name],
            operations=1000.0 if "dense" in name else 250.0, valid_time=2.0,
        )
        for task in ("lorenz", "roessler", "ecg")
        for name, error in ERRORS.items()
        for seed in range(2)
    ]  # fmt: skip


DECISIONS = [
    Score("fsdd", name, stage, 0, value, *SIZES["dense" in name], 500.0)
    for stage in ("ridge", "trained")
    for name, value in zip(ERRORS, (90.0, 88.5, 89.5, 80.0, 89.0, 70.0, 90.0), strict=True)
]
MEASURED = Measured(
    PLAN,
    tools={"lorenz_error_percent": 0.4, "noise": 0.02, "magnitude": 0.7, "uniform": 0.6},
    scores=[*rows("ridge", 2.0), *rows("trained"), *DECISIONS],
    variants=[replace(r, name="one iteration") for r in rows("ridge") if r.name == "LNP"],
    deployed=[
        Deployed("lorenz", "LNP", 0, 0.10, 0.105, 8.0, 5000, 300.0, 250.0, 0),
        Deployed("lorenz", "LNP, half of it by SBC", 0, 0.10, 0.2, 8.0, 2500, 300.0, 250.0, 0),
        Deployed("fsdd", "LNP", 0, 98.0, 97.5, 8.0, 5000, 300.0, 250.0, 0),
    ],
    spectra=[
        Spectrum("lorenz", name, 0, np.linspace(-0.1, -1, 5) - away)
        for name, away in (("dense", 0.0), ("LNP", 0.02))
    ],
    speed=[Timed(100, 1.0), Timed(200, 4.0), Timed(400, 16.0)],
)
RESULT = {"command": "c", "machine": "m", "commit": "0"}


def test_figures_follow_from_the_rows() -> None:
    found = figures(MEASURED)
    assert found["neurons_removed_percent"] == pytest.approx(57, abs=1)
    for name in ("lorenz", "roessler", "real"):
        assert found[f"nrmse_change_percent_{name}"] == pytest.approx(10)
    # Spoken digits are lost to pruning by magnitude.
    assert (found["tasks_ahead_of_baselines"], found["tasks"]) == (3, 4)
    assert found["tasks_ahead_of_baselines_by_ridge"] == 3
    assert found["tasks_ahead_of_baselines_by_rate"] == 4
    assert found["change_lorenz_by_rate"] == pytest.approx(5)
    assert found["accuracy_change_points"] == pytest.approx(-1.5)
    assert found["deployed_nrmse_change_percent"] == pytest.approx(5)
    assert found["deployed_accuracy_change_points"] == pytest.approx(-0.5)
    assert found["deployed_mismatches"] == 0
    assert found["lnp_exponent"] == pytest.approx(2)


def test_headline_is_of_networks_that_were_trained_whole() -> None:
    equal = [replace(r, value=0.1) if r.stage == "trained" else r for r in rows("trained")]
    found = figures(replace(MEASURED, scores=[*rows("ridge", 2.0), *equal]))
    assert found["nrmse_change_percent_lorenz"] == pytest.approx(0)
    assert found["tasks_ahead_of_baselines"] == 0


def test_page_says_what_held_and_what_did_not() -> None:
    text = page(RESULT, MEASURED)
    assert (
        "- lorenz, 2 seeds: +10.0 % of error (at most 5 more): **not kept**; ahead of the best"
        in text
    )
    assert (
        "- fsdd, 1 seeds: -1.50 points of accuracy (at most 1 lost): **not kept**; behind" in text
    )
    better = [replace(r, value=0.104) if r.name == "LNP" else r for r in rows("trained")]
    kept = page(RESULT, replace(MEASURED, scores=[*rows("ridge"), *better]))
    assert "- lorenz, 2 seeds: -22.0 % of error (at most 5 more): kept" in kept
    assert (
        "| Performance is kept at this size | kept on 0 of 4 tasks (none) | **not seen** |" in text
    )
    assert "LNP is ahead of pruning by activity, both trained after it | ahead on 4 of 4" in text


def test_page_shows_every_part_and_leaves_out_what_was_not_measured() -> None:
    text = page(RESULT, MEASURED)
    trained = (
        "| pruned, then trained whole | LNP | 43 | 240 | 0.1650 ± 0.0550 | 2.00 ± 0.00 | 250 |"
    )
    assert trained in text
    # 1 / 0.11 for a quarter of the operations.
    assert f"{trained} 3.64 |" in text
    assert (
        "| lorenz | LNP | 0.1000 | 0.1050 | +5.0 ± 0.0 % | 1 | 8.00 | 5000 | 300 | 250 | 0 |"
        in text
    )
    assert (
        "| fsdd | LNP | 98.00 | 97.50 | -0.5 ± 0.0 points | 1 | 8.00 | 5000 | 300 | 250 | 0 |"
        in text
    )
    two = [
        *MEASURED.deployed,
        Deployed("lorenz", "LNP", 1, 0.10, 0.107, 8.0, 5000, 300.0, 250.0, 0),
    ]
    assert "| +6.0 ± 1.0 % | 2 |" in page(RESULT, replace(MEASURED, deployed=two))
    assert "| LNP | 0.0200 (-0.120) |" in text
    assert "Exponent of the power law through them: 2.00." in text
    assert "## Time" not in page(RESULT, replace(MEASURED, speed=[]))
    assert "As integers" not in page(RESULT, replace(MEASURED, deployed=[]))


def test_page_and_pictures_are_written_together(tmp_path: Path) -> None:
    written(tmp_path, {**RESULT, "figures": figures(MEASURED)}, MEASURED)
    text = (tmp_path / "recurrent.md").read_text()
    shown = re.findall(r"\]\((.*\.png)\)", text)
    assert len(shown) == 3
    assert all(0 < (tmp_path / name).stat().st_size < 200_000 for name in shown)


def test_every_task_is_studied_with_every_seed() -> None:
    names = [job.name for jobs in parts(Plan(seeds=3)).values() for job in jobs]
    assert len(names) == len(set(names))
    assert {"lorenz-0", "ecg-2", "fsdd-1", "imu-digits-2", "speed-2000"} <= set(names)


def test_a_job_that_was_kept_does_not_run_again(tmp_path: Path) -> None:
    assert run_jobs([Job("sum", sum, ([1, 2],))], tmp_path, 1) == [3]
    assert run_jobs([Job("sum", sum, ([5],))], tmp_path, 1) == [3]
