"""Pruning: how many weights stay, which ones, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.compress.calibrate import Calibration, calibrate
from edgesnn.compress.prune import PRUNERS, apply_masks, prune
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule


def model(seed: int = 0) -> Model:
    rng = np.random.default_rng(seed)

    def neurons(name: str, size: int, spiking: bool) -> ModelPopulation:
        return ModelPopulation(
            name, np.full(size, 2.0), np.full(size, 0.9), np.zeros(size), spiking
        )

    return Model(
        (InputPopulation("in", 6), neurons("hidden", 8, True), neurons("out", 3, False)),
        (
            ModelConnection(0, 1, rng.normal(size=(6, 8))),
            ModelConnection(1, 2, rng.normal(size=(8, 3))),
        ),
        Readout(2, ReadoutRule.MEMBRANE_SUM, 5),
    )


def activity(model: Model, rates: np.ndarray) -> Calibration:
    nothing = tuple(np.zeros(p.size, np.float32) for p in model.populations)
    return Calibration((rates.astype(np.float32), *nothing[1:]), nothing, nothing)


@given(st.sampled_from(sorted(PRUNERS)), st.floats(0, 0.95), st.integers(0, 50))
def test_as_many_weights_go_as_asked(method: str, sparsity: float, seed: int) -> None:
    trained = model(seed)
    calibration = activity(trained, np.ones(6))
    try:
        masks = prune(trained, calibration, sparsity, method)
    except InputError as error:
        assert "must keep at least one weight" in str(error)  # noqa: PT017
        return
    sizes = [c.weights.size for c in trained.connections]
    kept = [int(m.sum()) for m in masks]
    if method == "global-magnitude":
        assert sum(kept) == sum(sizes) - round(sum(sizes) * sparsity)
    else:
        assert kept == [size - round(size * sparsity) for size in sizes]


def test_magnitude_keeps_the_largest_of_each_connection() -> None:
    trained = model()
    for mask, c in zip(prune(trained, activity(trained, np.ones(6)), 0.75, "magnitude"),
                       trained.connections, strict=True):  # fmt: skip
        sizes = np.abs(c.weights)
        assert sizes[mask].min() >= sizes[~mask].max()


def test_global_magnitude_compares_weights_relative_to_thresholds() -> None:
    trained = model()
    hidden = trained.populations[1]
    assert isinstance(hidden, ModelPopulation)
    easy = replace(hidden, threshold=np.full(8, 1.0))
    calibration = activity(trained, np.ones(6))
    eager = replace(trained, populations=(trained.populations[0], easy, trained.populations[2]))
    plain = prune(trained, calibration, 0.5, "global-magnitude")
    tilted = prune(eager, calibration, 0.5, "global-magnitude")
    assert plain[0].sum() < tilted[0].sum() < 48


def test_activity_drops_weights_of_silent_sources_first() -> None:
    trained = model()
    calibration = activity(trained, np.array([1, 1, 1, 0, 0, 0]))
    quiet = replace(trained, connections=trained.connections[:1])
    (mask,) = prune(quiet, calibration, 0.5, "activity")
    assert mask[:3].all()
    assert not mask[3:].any()


def test_equal_weights_are_broken_by_position() -> None:
    flat = model().with_weights((np.ones((6, 8)), np.ones((8, 3))))
    mask = prune(flat, activity(flat, np.ones(6)), 0.5, "magnitude")[0]
    assert mask.ravel().tolist() == [True] * 24 + [False] * 24


def test_masks_leave_the_other_weights_alone() -> None:
    trained = model()
    masks = prune(trained, activity(trained, np.ones(6)), 0.5, "magnitude")
    for before, after, mask in zip(trained.connections, apply_masks(trained, masks).connections,
                                   masks, strict=True):  # fmt: skip
        assert np.array_equal(after.weights[mask], before.weights[mask])
        assert not after.weights[~mask].any()


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_sparsity_outside_its_range_is_refused(sparsity: float) -> None:
    trained = model()
    with pytest.raises(InputError, match="sparsity must be at least 0 and below 1, not"):
        prune(trained, activity(trained, np.ones(6)), sparsity)


def test_unknown_method_lists_the_known_ones() -> None:
    trained = model()
    with pytest.raises(InputError, match="must be one of magnitude, global-magnitude, activity"):
        prune(trained, activity(trained, np.ones(6)), 0.5, "random")


def test_connection_that_would_be_emptied_is_named() -> None:
    trained = model()
    weak = trained.with_weights((trained.connections[0].weights, np.full((8, 3), 0.0)))
    with pytest.raises(InputError, match="hidden -> out must keep at least one weight"):
        prune(weak, activity(weak, np.ones(6)), 0.5)


def test_calibration_counts_events_of_sources() -> None:
    rasters = np.zeros((2, 4, 6), np.uint8)
    rasters[:, ::2, 1] = 3
    found = calibrate(model(), EventWindows.from_rasters(rasters))
    assert found.source_rates[0].tolist() == [0, 1.5, 0, 0, 0, 0]


@pytest.mark.parametrize("shape", [(0, 4, 6), (2, 4, 5)])
def test_calibration_needs_samples_that_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="calibration needs at least one window of 6 sources"):
        calibrate(model(), EventWindows.from_rasters(np.zeros(shape, np.uint8)))
