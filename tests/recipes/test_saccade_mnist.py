"""Simulated recordings: of any digits, kept in the cache, made again if that is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgesnn.recipes import find_recipe


def write_idx(path: Path, array: np.ndarray) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


@pytest.fixture
def few_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(3)
    folder = tmp_path / "data/mnist"
    folder.mkdir(parents=True)
    for part, count in (("train", 6), ("t10k", 4)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 8:20, 8:20] = rng.integers(0, 256, (count, 12, 12))
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8))
    monkeypatch.setenv("EDGESNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_recordings_are_simulated_once_and_then_read(few_digits: Path, tmp_path: Path) -> None:
    recipe = find_recipe("saccade-mnist")
    first = recipe.load(few_digits)
    assert (len(first.training), len(first.held_out)) == (6, 4)
    kept = sorted((tmp_path / "cache/data").iterdir())
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    again = recipe.load(few_digits)
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert np.array_equal(first.training.events.source_ids, again.training.events.source_ids)
    assert again.held_out.labels.tolist() == [0, 1, 2, 3]


def test_damaged_cache_is_made_again(few_digits: Path, tmp_path: Path) -> None:
    recipe = find_recipe("saccade-mnist")
    first = recipe.load(few_digits)
    for path in (tmp_path / "cache/data").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    again = recipe.load(few_digits)
    assert np.array_equal(first.training.events.source_ids, again.training.events.source_ids)


def test_samples_hold_the_counts_of_the_events(few_digits: Path) -> None:
    recipe = find_recipe("saccade-mnist")
    held_out = recipe.load(few_digits).held_out
    samples = recipe.recordings(few_digits)
    assert samples.windows.shape == (4, 30, 2312)
    again = samples.labelled(recipe.encoder)
    assert np.array_equal(again.events.source_ids, held_out.events.source_ids)
    assert np.array_equal(again.labels, held_out.labels)


def test_progress_of_the_simulation_is_told(few_digits: Path) -> None:
    told: list[tuple[int, int]] = []
    find_recipe("saccade-mnist").load(few_digits, lambda done, total: told.append((done, total)))
    assert told == [(6, 6), (4, 4)]
