"""Noise pruning against the linear network of which its theory speaks, and by its own promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.analysis.covariance import noise_covariance
from edgesnn.errors import InputError
from edgesnn.recurrent.noise_pruning import (
    LARGEST_RESCALING,
    draw,
    keep_probabilities,
    keep_scores,
    neighbourhood_exponents,
    rescaled,
    with_row_sums,
)


def clustered(seed):
    """Symmetric positive weights in four clusters, and a leak on the diagonal."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(range(4), (240, 20, 20, 20))
    chance = np.where(cluster[:, None] == cluster, 0.6, 0.01)
    upper = np.triu(rng.random((300, 300)) < chance, 1) * rng.random((300, 300))
    weights = upper + upper.T
    return weights - np.diag(weights.sum(axis=1) + 0.5)


def sampled(matrix, scores, share, rng):
    """Edges of a symmetric matrix, drawn as pairs, rescaled, with the leak that rows had."""
    upper = np.triu(scores, 1)
    count = round(share * np.count_nonzero(np.triu(matrix, 1)))
    probabilities = keep_probabilities(upper, count)
    mask = draw(probabilities, count, rng)
    mask, probabilities = mask | mask.T, probabilities + probabilities.T
    off_diagonal = rescaled(matrix * ~np.eye(300, dtype=bool), mask, probabilities, np.inf)
    return with_row_sums(matrix, off_diagonal + np.diag(np.diag(matrix)))


def slow_mode_error(matrix, pruned):
    """Mean relative error of the ten slowest eigenvalues."""
    before, after = (np.sort(np.linalg.eigvalsh(m))[-10:] for m in (matrix, pruned))
    return float(np.mean(np.abs(after - before) / np.abs(before)))


def test_slow_modes_of_a_clustered_network_live_on_at_a_fifth_of_its_edges() -> None:
    errors = {"noise": [], "magnitude": [], "uniform": []}
    for seed in range(3):
        matrix = clustered(seed)
        off = matrix * ~np.eye(300, dtype=bool)
        scores = {
            "noise": keep_scores(off, noise_covariance(matrix)),
            "magnitude": np.abs(off),
            "uniform": (off != 0).astype(float),
        }
        for name, score in scores.items():
            pruned = sampled(matrix, score, 0.2, np.random.default_rng(seed))
            errors[name].append(slow_mode_error(matrix, pruned))
    noise, magnitude, uniform = (float(np.mean(errors[name])) for name in errors)
    assert noise <= 0.03
    assert magnitude > 10 * noise
    assert uniform > 10 * noise


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 15), st.floats(0.01, 1.0))
def test_density_is_exact_and_probabilities_are_kept(seed, size, share) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((size, size)) ** 4 * (rng.random((size, size)) < 0.7)
    available = np.count_nonzero(scores)
    if not available:
        return
    count = max(1, round(share * available))
    probabilities = keep_probabilities(scores, count)
    assert probabilities.sum() == pytest.approx(count, rel=1e-6)
    assert probabilities.max() <= 1
    below = probabilities < 1
    ratio = probabilities[below & (scores > 0)] / scores[below & (scores > 0)]
    assert np.ptp(ratio) <= 1e-9 * max(ratio.max(initial=0), 1) if count < available else True
    mask = draw(probabilities, count, rng)
    assert mask.sum() == count
    assert not mask[scores == 0].any()


def test_each_edge_is_drawn_as_often_as_its_probability_says() -> None:
    rng = np.random.default_rng(0)
    probabilities = keep_probabilities(rng.random((6, 6)) ** 3, 12)
    often = np.mean([draw(probabilities, 12, rng) for _ in range(6000)], axis=0)
    assert often == pytest.approx(probabilities, abs=0.03)


def test_rescaling_keeps_the_mean_and_has_an_end() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(5, 5))
    probabilities = keep_probabilities(np.abs(weights), 10)
    drawn = [
        rescaled(weights, draw(probabilities, 10, rng), probabilities, np.inf)
        for _ in range(20_000)
    ]
    assert np.mean(drawn, axis=0) == pytest.approx(weights, abs=0.12)
    mask = draw(probabilities, 10, rng)
    grown = rescaled(weights, mask, probabilities, LARGEST_RESCALING)
    assert np.abs(grown[mask] / weights[mask]).max() <= LARGEST_RESCALING
    assert np.array_equal(rescaled(weights, mask, probabilities, 1.0), weights * mask)


def test_units_that_move_together_need_a_positive_edge_less_than_a_negative_one() -> None:
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    scores = keep_scores(np.array([[5.0, 1.0], [-1.0, 5.0]]), covariance)
    assert scores == pytest.approx(np.array([[0.0, 0.2], [3.8, 0.0]]))


def test_exponents_of_a_neighbourhood_are_their_harmonic_mean() -> None:
    # A path 0 - 1 - 2 and 3 by itself.
    edges = np.zeros((4, 4), bool)
    edges[0, 1] = edges[1, 2] = True
    exponents = np.array([-1.0, -0.5, -0.25, -9.0])
    found = neighbourhood_exponents(exponents, edges)
    # N(0) = {1}, N(1) = {0, 2}: all three; likewise for the other edge.
    mean = 3 / (1 / -1.0 + 1 / -0.5 + 1 / -0.25)
    assert found[0, 1] == pytest.approx(mean)
    assert found[1, 2] == pytest.approx(mean)
    assert np.count_nonzero(found) == 2


def test_exponents_that_change_sign_have_a_bounded_mean() -> None:
    edges = ~np.eye(4, dtype=bool)
    found = neighbourhood_exponents(np.array([0.2, -0.2, 0.0, 1e-9]), edges)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 0.2 + 1e-12


def test_too_many_edges_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"edges to keep must be 1\.\.2, as many as there are, not 3"
    ):
        keep_probabilities(np.array([[0.0, 1.0], [2.0, 0.0]]), 3)


def test_matrix_that_runs_away_has_no_covariance() -> None:
    with pytest.raises(InputError, match="must be stable, .* real part 0.1: make weights smaller"):
        noise_covariance(np.diag([-1.0, 0.1]))
