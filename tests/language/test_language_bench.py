"""The language bench's figures and page, from rows whose answers are known, and a small run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the page needs the extra 'report'")

from benches.language import gated
from benches.language import speed as speeds
from benches.language.__main__ import parts, written
from benches.language.figures import figures
from benches.language.gated import Task
from benches.language.page import page
from benches.language.rows import Board, Integers, Part, Point, Row, Speed, Spiking
from edgesnn.cli.lm_make_verbs import PRUNED_EPOCHS
from edgesnn.errors import InputError
from edgesnn.language.presets import gated_preset, read_text
from tests.language.random_integers import random_model


def point(
    name: str, ppl: float, counted: float, sparsity: float = 0.0, seed: int = 0, text: str = "ptb"
) -> Point:
    method = "magnitude" if sparsity else "dense"
    active = 0.25 if "egru" in name else 1.0
    return Point(
        text, name, seed, method, sparsity, math.log(ppl), math.log(ppl), [active], counted,
        1.1 * counted, 3_000_000, 12, 600.0,
    )  # fmt: skip


def integers(sparsity: float, ratio: float, bits: int = 8, mismatches: int = 0) -> Integers:
    return Integers(
        "ptb", "egru", sparsity, "obc", bits, math.log(120), math.log(120 * ratio), 1000, 9e4, 500,
        mismatches,
    )  # fmt: skip


WORDS: list[Row] = [
    point("egru", 120, 5000),
    point("egru", 124, 1000, 0.8),
    point("egru", 150, 250, 0.95),
    point("egru", 125, 5200, seed=1),
    point("egru", 127, 1040, 0.8, seed=1),
    point("gru", 115, 20_000),
    point("lstm", 110, 26_000),
    integers(0.0, 1.02),
    integers(0.0, 1.3, bits=4),
    integers(0.8, 1.05, mismatches=2),
]
SPIKES: list[Row] = [
    Spiking("floating point", 2.5, 0.1, 5000.0, 300_000),
    Spiking("70 % pruned, 4 bits", 2.58, 0.1, 1500.0, 90_000, 4000.0),
    Board("icebreaker", 20, 200, 1, True, {"synapse words": "1 of 2"}, 4100.0, 1500.0),
]
TIMES: list[Row] = [
    Speed(speeds.SIMULATOR, 0.2, 0.1, 20.0),
    Speed(speeds.DENSE_LOOP, 1.0, 1.0, 300.0),
    Speed(speeds.PRODUCT, 1.0, 1.0, 200.0),
    Speed("training egru", 1.0, 1.0, 24_000.0),
    Speed("training gru", 1.0, 1.0, 20_000.0),
]
PARTS = {
    "words": Part("a" * 40, "m", WORDS),
    "characters": Part("a" * 40, "m", [point("egru", 4.0, 9000, text="tinyshakespeare")]),
    "spiking": Part("b" * 40, "m", SPIKES),
    "speed": Part("b" * 40, "m", TIMES),
}


def test_figures_follow_from_the_rows() -> None:
    found = figures(PARTS)
    assert found["egru_ptb_perplexity"] == pytest.approx(120)
    assert found["gru_ptb_perplexity"] == pytest.approx(115)
    assert found["lstm_ptb_perplexity"] == pytest.approx(110)
    assert found["egru_weights_millions"] == 3
    assert found["egru_activity_percent"] == 25
    assert found["pruned80_ratio"] == pytest.approx((124 / 120 + 127 / 125) / 2)
    # 95 % pruned it is too far from the GRU.
    assert found["operations_reduction"] == pytest.approx(20)
    assert found["operations_reduction_perplexity_ratio"] == pytest.approx(124 / 115)
    assert found["int4_ratio"] == pytest.approx(1.02)
    assert found["int4_pruned80_ratio"] == pytest.approx(1.05)
    assert found["integer_mismatches"] == 2
    assert found["egru_char_bpc"] == pytest.approx(2)
    assert found["spiking_char_bpc"] == 2.5
    assert found["spiking_char_bpc_int4"] == 2.58
    assert found["board_text_mismatches"] == 1
    assert found["simulator_fraction_of_ideal"] == pytest.approx(0.3)
    assert found["simulator_fraction_of_vectors"] == pytest.approx(0.2)
    assert found["egru_training_speed_of_gru"] == pytest.approx(1.2)


def test_page_says_what_holds_and_what_does_not() -> None:
    text = page({"command": "c", "figures": figures(PARTS)}, PARTS)
    assert "| words: EGRU, perplexity | at most 130 | 120.0 | yes |" in text
    assert "| words: EGRU next to GRU | at most 1.08 | 1.043 | yes |" in text
    named = "near 1.15 times its perplexity (egru, 80 % pruned) | at least 15 | 20.0 | yes |"
    assert named in text
    assert "| numbers that differ in integers | at most 0 | 2 | **no** |" in text
    assert "| more bits when pruned, in 4 bits | at most 0.1 | 0.080 | yes |" in text
    assert "| simulator: part of the ideal | at least 0.6 | 0.300 | **no** |" in text
    assert "| it fits the icebreaker | yes | | yes |" in text


def test_page_shows_both_factors_and_their_product() -> None:
    text = page({"command": "c", "figures": figures(PARTS)}, PARTS)
    # One in four active, 20 times fewer operations: 5 times by weights.
    row = "| egru | 80 % | magnitude | 2 | 125.50 ± 1.50 | 1.025 ± 0.009 |"
    assert row in text
    assert "| 25.0 ± 0.0 % | 4.90 ± 0.10 | 4.00 ± 0.00 | 19.6 ± 0.4 |" in text
    assert "| egru | 95 % | magnitude | 1 | 150.00 | 1.250 | 1.304 | 25.0 % |" in text
    assert "| 20 % | 10 % | 20.0 | 6.0 | 0.30 |" in text
    assert "20 prompts of 200 characters the virtual board of an icebreaker says 200" in text


def test_parts_that_were_not_measured_stay_as_they_were(tmp_path: Path) -> None:
    written(tmp_path, "first", PARTS)
    later = Part("c" * 40, "m", [replace(SPIKES[0], bits=2.4), *SPIKES[1:]])
    written(tmp_path, "second", {"spiking": later})
    found = json.loads((tmp_path / "language.json").read_text())
    assert found["figures"]["spiking_char_bpc"] == 2.4
    assert found["figures"]["egru_ptb_perplexity"] == pytest.approx(120)
    commits = {name: part["commit"][0] for name, part in found["parts"].items()}
    assert commits == {"words": "a", "characters": "a", "spiking": "c", "speed": "b"}
    text = (tmp_path / "language.md").read_text()
    assert "| spiking | cccccccccccc | m |" in text
    assert "`second`" in text
    assert 0 < (tmp_path / "language_surface.png").stat().st_size < 200_000


def test_a_page_of_one_part_leaves_out_the_others(tmp_path: Path) -> None:
    written(tmp_path, "c", {"speed": PARTS["speed"]})
    text = (tmp_path / "language.md").read_text()
    assert "## Time" in text
    assert "## Dense weights" not in text
    assert not (tmp_path / "language_surface.png").exists()


def test_every_job_has_a_name_of_its_own() -> None:
    names = [job.name for jobs in parts(None).values() for job in jobs]
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_a_small_task_goes_all_the_way(tmp_path: Path) -> None:
    try:
        read_text("tinyshakespeare", True)
    except InputError as error:
        pytest.skip(str(error).splitlines()[0])
    task = Task(
        "egru", "characters", "egru", layers={"units": (12,)},
        training={"epochs": 1, "batch": 4, "window": 20, "learning_rate": 1e-2},
        levels=(0.5, 0.8), one_shot=(0.5,), integers=(0.0,),
    )  # fmt: skip
    rows = gated.measured(task, tmp_path, share=0.004)
    points = [row for row in rows if isinstance(row, Point)]
    assert [(p.method, p.sparsity) for p in points] == [
        ("dense", 0.0), ("one shot", 0.5), ("magnitude", 0.5), ("magnitude", 0.8)
    ]  # fmt: skip
    assert points[1].counted < points[0].counted
    # Fine-tuning follows each step.
    assert [p.epochs - 1 for p in points] == [0, 0, PRUNED_EPOCHS, 2 * PRUNED_EPOCHS]
    rounded = [row for row in rows if isinstance(row, Integers)]
    assert [(r.rounding, r.event_bits) for r in rounded] == [("nearest", 8), ("obc", 8), ("obc", 4)]
    assert rounded[1].compared == rounded[1].tokens > 400
    assert sum(r.mismatches for r in rounded) == 0
    assert rounded[1].float_loss < math.log(65)
    assert (tmp_path / "tinyshakespeare-egru-0.partial").exists()
    usual = gated_preset("characters").training
    assert usual.epochs > 1


def test_the_layer_whose_time_is_taken_sends_as_often_as_it_says() -> None:
    row = speeds.simulated(0.5, 0.25, units=64)
    assert row.value > 0
    model = speeds.layer_with(0.5, 0.25, units=64)
    assert np.count_nonzero(model.layers[0].recurrent.weights) == pytest.approx(6144, rel=0.05)


def test_a_planted_difference_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(5, (9, 7), 4, 0.4)
    ids = np.random.default_rng(1).integers(0, 4, 30)
    assert gated.compare(model, ids) == (30, 0)

    class Wrong(gated.Reader):
        def read(self, token: int) -> list[int]:
            return [score + 1 for score in super().read(token)]

    monkeypatch.setattr(gated, "Reader", Wrong)
    assert gated.compare(model, ids) == (30, 4 * 30)
