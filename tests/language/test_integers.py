"""EGRU in integers: tables, the reference against floating point, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError, UnsupportedModel
from edgesnn.language.integer_model import (
    ACTIVATION_ONE,
    STATE_ONE,
    IntegerLayer,
    IntegerModel,
    Rows,
)
from edgesnn.language.integer_reference import (
    LayerState,
    Reader,
    round_shift,
    saturated,
    sigmoid,
    step_layer,
    tanh,
)
from edgesnn.language.model import LanguageModel, LanguageSettings
from edgesnn.language.quantize import nearest_codes, quantize_model
from edgesnn.language.training import evaluate, train_language
from tests.language.small_text import HOW, small_corpus

LARGEST = np.int32(2**31 - 1)
EVERY = range(-(1 << 15), 1 << 15)


def test_tables_are_off_by_less_than_the_page_says() -> None:
    for table, function, limit in (
        (sigmoid, lambda x: 1 / (1 + math.exp(-x)), 0.0011),
        (tanh, math.tanh, 0.0021),
    ):
        off = [abs(table(a) / STATE_ONE - function(a / ACTIVATION_ONE)) for a in EVERY[::7]]
        assert limit / 2 < max(off) < limit
        assert [table(a) for a in EVERY[::97]] == sorted(table(a) for a in EVERY[::97])


def test_shifts_round_halves_up_and_saturation_holds_the_ends() -> None:
    assert [round_shift(x, 2) for x in (-7, -6, -5, -2, 1, 2, 5, 6)] == [
        -2, -1, -1, 0, 0, 1, 1, 2
    ]  # fmt: skip
    assert [saturated(x) for x in (-40_000, -5, 40_000)] == [-32_768, -5, 32_767]


def test_one_unit_steps_as_by_hand() -> None:
    """z = r = 1/2 nearly, g = tanh(1): c = g / 2, over a threshold of 1/4."""
    recurrent = Rows(np.zeros((3, 1), np.int8), np.zeros(3, np.int32), np.zeros(3, np.int32))
    layer = IntegerLayer(None, recurrent, np.array([STATE_ONE // 4], np.int16))
    state = LayerState([0])
    step_layer(layer, [0, 0, ACTIVATION_ONE], state)
    c = math.tanh(1) / 2
    assert state.h[0] / STATE_ONE == pytest.approx(c - 0.25, abs=2e-3)
    assert state.sent == [(0, round(c * 256))]
    # Without input half of what was left stays, which is below the threshold.
    before = state.h[0]
    step_layer(layer, [0, 0, 0], state)
    assert state.h[0] == pytest.approx(before / 2, abs=40)
    assert state.sent == []


def with_weights_of(model: LanguageModel, integers: IntegerModel) -> LanguageModel:
    """The model in floating point with the weights that the integers stand for."""
    unit = ACTIVATION_ONE / 256 * 65536

    def dense(rows: Rows) -> torch.Tensor:
        return torch.from_numpy(rows.weights * (rows.multipliers / unit)[:, None]).float()

    with torch.no_grad():
        for layer, made in zip(model.layers, integers.layers, strict=True):
            layer.recurrent_weights.copy_(dense(made.recurrent))
            if made.inputs is not None:
                layer.input_weights.copy_(dense(made.inputs))
    return model


def test_states_and_scores_are_near_those_of_floating_point_with_the_same_weights() -> None:
    model = LanguageModel(LanguageSettings("egru", 9, (14, 10), threshold_mean=0.02), seed=3).eval()
    with torch.no_grad():
        model.embedding.mul_(20)
    integers = quantize_model(model)
    scores = torch.from_numpy(
        integers.scores.weights * (integers.scores.multipliers / (8 * 65536))[:, None]
    ).float()
    same = with_weights_of(model, integers)
    tokens = np.random.default_rng(0).integers(0, 9, 40)
    said = same(torch.from_numpy(tokens)[:, None])
    wanted = torch.nn.functional.linear(said.sent[-1], scores, model.bias)[:, 0].detach().numpy()
    reader = Reader(integers)
    found = np.array([reader.read(int(t)) for t in tokens]) / ACTIVATION_ONE
    last = said.states[0].h[0].detach().numpy()
    assert all(0.1 < float((y != 0).float().mean()) < 0.9 for y in said.sent)
    assert np.array(reader.states[0].h) / STATE_ONE == pytest.approx(last, abs=0.02)
    assert np.abs(found - wanted).mean() < 0.05 * np.abs(wanted).mean()


def test_a_trained_model_says_nearly_the_same_in_integers() -> None:
    corpus, how = small_corpus(), replace(HOW, epochs=12)
    model = train_language(LanguageModel(LanguageSettings("egru", 4, (16,))), corpus, how)
    before = evaluate(model, corpus.test, rows=1).loss
    reader, loss = Reader(quantize_model(model)), 0.0
    for now, after in zip(corpus.test[:-1], corpus.test[1:], strict=True):
        scores = np.array(reader.read(int(now))) / ACTIVATION_ONE
        loss += math.log(np.exp(scores).sum()) - scores[after]
    assert math.exp(loss / (len(corpus.test) - 1)) < 1.1 * math.exp(before)


def test_rows_take_the_scale_that_costs_least_and_keep_zeros() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 200)) * (rng.random((6, 200)) < 0.3)
    codes, scales = nearest_codes(weights)
    assert not codes[weights == 0].any()
    error = ((codes * scales[:, None] - weights) ** 2).sum(axis=1)
    widest = np.abs(weights).max(axis=1, keepdims=True) / 7
    plain = ((np.round(weights / widest) * widest - weights) ** 2).sum(axis=1)
    assert (error <= plain).all()
    assert error.sum() < 0.9 * plain.sum()
    zero, _ = nearest_codes(np.zeros((2, 3)))
    assert not zero.any()


def test_what_is_no_model_is_refused() -> None:
    rows = Rows(np.zeros((3, 1), np.int8), np.zeros(3, np.int32), np.zeros(3, np.int32))
    layer = IntegerLayer(None, rows, np.zeros(1, np.int16))
    scores = Rows(np.zeros((2, 1), np.int8), np.zeros(2, np.int32), np.zeros(2, np.int32))
    model = IntegerModel(np.zeros((2, 3), np.int16), (layer,), scores)
    with pytest.raises(InputError, match="a token must be in 0..1, not 2: .* another vocabulary"):
        Reader(model).read(2)
    for broken, message in (
        (lambda: replace(rows, weights=rows.weights + np.int8(8)), "weights must be in -7..7"),
        (lambda: replace(rows, weights=rows.weights + np.int8(-128)), "weights must be in -7..7"),
        (lambda: replace(rows, bias=rows.bias + np.int32(-(2**31))), "row 0 can reach 2.15e.09"),
        (lambda: replace(rows, bias=rows.bias[:2]), "a multiplier and a bias each, not"),
        (lambda: replace(rows, multipliers=rows.multipliers - 1), "multipliers must be at least 0"),
        (lambda: replace(rows, weights=rows.weights + np.int8(7), multipliers=rows.bias + LARGEST,
                         bias=rows.bias + 2**30), "row 0 can reach 1.13e.09: take smaller"),
        (lambda: replace(layer, thresholds=np.zeros(2, np.int16)), r"must be \[6, 2\] for 2 units"),
        (lambda: replace(layer, thresholds=layer.thresholds - 1), "thresholds must be in 0..16384"),
        (lambda: replace(layer, inputs=scores), "input weights must have 3 rows, not 2"),
        (lambda: replace(model, layers=()), "a model must have layers"),
        (lambda: replace(model, layers=(layer, layer)), "input weights from the 1 units below it"),
        (lambda: replace(model, table=model.table[:1]), r"must be \[2, 3\], not \[1, 3\]"),
        (lambda: replace(model, scores=replace(scores, weights=np.zeros((2, 4), np.int8))),
         "scores must come from the 1 units"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            broken()
    for factor, message in ((math.nan, "must be finite"), (1e9, "must be below 14336 and biases")):
        spoilt = LanguageModel(LanguageSettings("egru", 4, (3,)))
        with torch.no_grad():
            spoilt.layers[0].recurrent_weights.mul_(factor)
        with pytest.raises(InputError, match=message):
            quantize_model(spoilt)
    with pytest.raises(UnsupportedModel, match="of EGRU layers to become integers, not of gru"):
        quantize_model(LanguageModel(LanguageSettings("gru", 4, (3,))))
