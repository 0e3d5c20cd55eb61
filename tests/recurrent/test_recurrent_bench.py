"""The bench's figures and page, from rows whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benches.recurrent.measure import Deployed, Score, Timed
from benches.recurrent.networks import Plan
from benches.recurrent.page import Measured, figures, page

PLAN = Plan(seeds=2, neurons=100)
ERRORS = {
    "dense": 0.10,
    "LNP": 0.11,
    "random": 0.15,
    "magnitude": 0.14,
    "activity": 0.12,
    "dense, homogeneous": 0.12,
    "LNP, homogeneous": 0.13,
}


def rows() -> list[Score]:
    return [
        Score(
            task, name, seed, error * (1 + seed), *((100, 1600) if "dense" in name else (43, 240))
        )
        for task in ("lorenz", "roessler", "ecg")
        for name, error in ERRORS.items()
        for seed in range(2)
    ]


DIGITS = [
    Score("fsdd", name, 0, value)
    for name, value in zip(ERRORS, (90.0, 88.5, 80.0, 89.0, 70.0), strict=False)
]
MEASURED = Measured(
    PLAN,
    tools={"lorenz_error_percent": 0.4, "noise": 0.02, "magnitude": 0.7, "uniform": 0.6},
    forecasts=rows(),
    digits=DIGITS,
    deployed=[Deployed("lorenz", 0, 0.10, 0.105, 8.0, 5000, 300.0, 250.0, 0)],
    speed=[Timed(100, 1.0), Timed(200, 4.0), Timed(400, 16.0)],
)


def test_figures_follow_from_the_rows() -> None:
    found = figures(MEASURED)
    assert found["neurons_removed_percent"] == pytest.approx(57)
    assert found["synapses_removed_percent"] == pytest.approx(85)
    for name in ("lorenz", "roessler", "real"):
        assert found[f"nrmse_change_percent_{name}"] == pytest.approx(10)
    # Spoken digits are lost to pruning by magnitude.
    assert (found["tasks_ahead_of_baselines"], found["tasks"]) == (3, 4)
    assert found["accuracy_change_points"] == pytest.approx(-1.5)
    assert found["deployed_nrmse_change_percent"] == pytest.approx(5)
    assert found["deployed_mismatches"] == 0
    assert found["lnp_exponent"] == pytest.approx(2)


def test_networks_trained_whole_give_the_headline_where_there_are_such() -> None:
    trained = [replace(r, value=0.1) for r in rows() if r.name in ("dense", "LNP")]
    found = figures(replace(MEASURED, trained=trained))
    assert found["nrmse_change_percent_lorenz"] == pytest.approx(0)


def test_page_shows_every_part_and_leaves_out_what_was_not_measured() -> None:
    result = {"command": "c", "machine": "m", "commit": "0"}
    text = page(result, MEASURED)
    assert "| LNP | 43 | 240 | 0.1650 ± 0.0550 | 0.1650" in text
    assert "- lorenz: LNP's error is +10.0 % away from the dense one's" in text
    assert "LNP is ahead of all baselines, the best of which is activity" in text
    assert "| lorenz | 0.1000 | 0.1050 | +5.0 % | 8.00 | 5000 | 300 | 250 | 0 |" in text
    assert "Exponent of the power law through them: 2.00." in text
    assert "Trained whole" not in text
    assert "Time" not in page(result, replace(MEASURED, speed=[]))
