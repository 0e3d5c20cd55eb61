"""CKA by its properties, and next to the formula written out with loops."""

from __future__ import annotations

import tracemalloc
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.analysis.cka import (
    LayerCka,
    MinibatchCka,
    batches,
    cka,
    compare,
    gram,
    hsic,
)
from edgesnn.errors import InputError


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def rotation(size, seed=0):
    return np.linalg.qr(normal(size, size, seed=seed))[0]


def slow_hsic(x, y):
    """Song et al. 2012, equation 5, term by term."""
    n = len(x)
    k = [[float(x[i] @ x[j]) if i != j else 0.0 for j in range(n)] for i in range(n)]
    m = [[float(y[i] @ y[j]) if i != j else 0.0 for j in range(n)] for i in range(n)]
    trace = sum(k[i][j] * m[j][i] for i in range(n) for j in range(n))
    all_k, all_m = (sum(map(sum, matrix)) for matrix in (k, m))
    between = sum(k[i][j] * m[j][h] for i in range(n) for j in range(n) for h in range(n))
    bracket = trace + all_k * all_m / ((n - 1) * (n - 2)) - 2 / (n - 2) * between
    return bracket / (n * (n - 3))


def slow_cka(pairs):
    across = sum(slow_hsic(x, y) for x, y in pairs)
    of_x = sum(slow_hsic(x, x) for x, _ in pairs)
    of_y = sum(slow_hsic(y, y) for _, y in pairs)
    return across / (sqrt(of_x) * sqrt(of_y))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(4, 9), st.integers(1, 6))
def test_it_is_the_formula_written_out(seed, count, n, features) -> None:
    rng = np.random.default_rng(seed)
    pairs = []
    one = MinibatchCka()
    for _ in range(count):
        x = rng.normal(size=(n, features))
        y = x @ rng.normal(size=(features, 3)) + 0.3 * rng.normal(size=(n, 3))
        pairs.append((x, y))
        one.add({"a": x}, {"b": y})
    if min(sum(slow_hsic(p[i], p[i]) for p in pairs) for i in (0, 1)) > 1e-3:
        assert one.result()[0, 0] == pytest.approx(slow_cka(pairs), abs=1e-6)


def test_a_representation_is_like_itself_turned_and_scaled() -> None:
    x = normal(60, 20)
    assert cka(x, x) == pytest.approx(1)
    assert cka(x, 7.3 * x @ rotation(20)) == pytest.approx(1)
    assert cka(x, 7.3 * x @ rotation(20) + 5) == pytest.approx(1)  # and moved
    stretched = x * np.geomspace(1, 30, 20)
    assert cka(x, stretched) < 0.9


def test_independent_representations_are_unlike_whatever_their_width() -> None:
    found = [cka(normal(32, 500, seed=s), normal(32, 500, seed=1000 + s)) for s in range(300)]
    assert abs(np.mean(found)) < 0.01
    # The biased estimator says 0.94 for these: it is the wrong one for few inputs.
    x, y = (normal(32, 500, seed=s) - normal(32, 500, seed=s).mean(axis=0) for s in (1, 2))
    biased = np.sum((x @ x.T) * (y @ y.T)) / (np.linalg.norm(x @ x.T) * np.linalg.norm(y @ y.T))
    assert biased > 0.9


def test_minibatches_estimate_what_all_inputs_together_do() -> None:
    x = normal(512, 12)
    y = np.tanh(x @ normal(12, 12, seed=1))
    whole = hsic(gram(x)[None], gram(y)[None])[0, 0] / (512 * 509)
    rng = np.random.default_rng(2)
    parts = []
    for _ in range(1500):
        chosen = rng.choice(512, 16, replace=False)
        parts.append(hsic(gram(x[chosen])[None], gram(y[chosen])[None])[0, 0] / (16 * 13))
    error = np.std(parts) / sqrt(len(parts))
    assert np.mean(parts) == pytest.approx(whole, abs=3 * error)
    assert error < 0.02 * whole


def test_every_layer_is_compared_with_every_other() -> None:
    x = normal(50, 30)
    layers = {"first": x, "second": x[:, :10], "third": normal(50, 30, seed=9)}
    one = MinibatchCka()
    one.add(layers, {"first": x, "half": x[:, :15]})
    found = one.result()
    assert one.names == (("first", "second", "third"), ("first", "half"))
    for i, of_x in enumerate(layers.values()):
        for j, of_y in enumerate((x, x[:, :15])):
            assert found[i, j] == pytest.approx(cka(of_x, of_y))


def test_memory_does_not_grow_with_the_number_of_batches() -> None:
    def peak(count: int) -> int:
        one = MinibatchCka()
        tracemalloc.start()
        for seed in range(count):
            one.add({"a": normal(64, 800, seed=seed)}, {"b": normal(64, 800, seed=seed + 1)})
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    assert peak(40) < 1.05 * peak(4)


def test_layer_that_never_fires_is_like_nothing() -> None:
    assert np.isnan(cka(np.zeros((10, 4)), normal(10, 4)))


def test_batches_leave_no_input_out_and_are_never_too_small() -> None:
    for count in range(4, 60):
        for size in range(4, 12):
            parts = batches(count, size)
            assert np.array_equal(
                np.concatenate([np.arange(count)[p] for p in parts]), range(count)
            )
            assert min(p.stop - p.start for p in parts) >= 4
            assert max(p.stop - p.start for p in parts) < size + 4
    with pytest.raises(InputError, match="must be 4 or more, not 3 and 10"):
        batches(3, 10)


def test_bad_input_is_refused_with_what_to_do() -> None:
    x = normal(6, 2)
    for of_x, of_y, text in (
        ({"a": x[:3]}, {"b": x[:3]}, "4 inputs or more, not 3: take larger batches"),
        ({"a": x}, {"b": x[:5]}, r"both sides must have the same inputs, not \[5, 6\]"),
        ({"a": x, "c": x[:4]}, {"b": x}, r"all layers must have the same inputs, not \[4, 6\]"),
        ({"a": np.full((6, 2), np.nan)}, {"b": x}, "'a' must be finite numbers"),
        ({}, {"b": x}, "a layer or more on each side, not none"),
    ):
        with pytest.raises(InputError, match=text):
            MinibatchCka().add(of_x, of_y)
    one = MinibatchCka()
    with pytest.raises(InputError, match="a batch of inputs before there is a result"):
        one.result()
    one.add({"a": x}, {"b": x})
    with pytest.raises(InputError, match="every batch must have the layers"):
        one.add({"a": x}, {"c": x})


def test_two_streams_of_batches_are_compared_one_by_one() -> None:
    x, y = normal(40, 6), normal(40, 8, seed=1)
    held = 0

    def stream(features):
        nonlocal held
        for part in batches(40, 10):
            held += 1
            yield {"a": gram(features[part]), "b": gram(features[part] ** 2)}

    found = compare(stream(x), stream(y))
    assert held == 8
    one = MinibatchCka()
    for part in batches(40, 10):
        sides = ({"a": side[part], "b": side[part] ** 2} for side in (x, y))
        one.add(*sides)
    assert (found.rows, found.columns) == (("a", "b"), ("a", "b"))
    assert np.array_equal(found.values, one.result())
    alone = compare(stream(x))
    assert np.array_equal(alone.values, compare(stream(x), stream(x)).values)
    assert np.diag(alone.values) == pytest.approx(np.ones(2))
    for first, second in ((x, x[:30]), (x[:30], x)):
        streams = [
            ({"a": gram(s[i : i + 10])} for i in range(0, len(s), 10)) for s in (first, second)
        ]
        with pytest.raises(InputError, match="same batches, but one ends after 3"):
            compare(*streams)


def test_twins_are_layers_of_one_name() -> None:
    found = LayerCka(("a", "b"), ("c", "b", "a"), np.arange(6.0).reshape(2, 3))
    assert found.twins() == {"a": 2.0, "b": 4.0}
    assert found.as_json() == {
        "rows": ("a", "b"), "columns": ("c", "b", "a"), "cka": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    }  # fmt: skip
