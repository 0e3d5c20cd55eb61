"""Pruning of language models by what their matrices read, against what they read."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus
from edgesnn.language.model import LanguageModel, LanguageSettings, read
from edgesnn.language.moments import moments
from edgesnn.language.one_shot import prune_one_shot
from edgesnn.language.pruning import apply_masks, magnitude_masks, sparsity_of
from edgesnn.language.quantize import quantize_model
from edgesnn.language.training import evaluate, train_language
from tests.language.small_text import HOW, small_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


@pytest.fixture(scope="module", params=["egru", "gru", "lstm"])
def trained(request: pytest.FixtureRequest, corpus: Corpus) -> LanguageModel:
    settings = LanguageSettings(request.param, 4, (12, 8), threshold_mean=0.1)
    return train_language(LanguageModel(settings), corpus, HOW)


def test_moments_are_those_of_every_step(trained: LanguageModel, corpus: Corpus) -> None:
    found = moments(trained, corpus.training, rows=4)
    text = torch.from_numpy(corpus.training.reshape(4, -1).T.copy())
    sent = [np.concatenate(parts) for parts in zip(
        *([y.double().numpy() for y in said.sent] for said in read(trained, text)), strict=True
    )]  # fmt: skip
    for values, moment in zip(sent, found.sent, strict=True):
        steps = [np.append(x, 1.0) for x in values.reshape(-1, values.shape[2])]
        wanted = sum(np.outer(x, x) for x in steps) / len(steps)
        assert np.allclose(moment, wanted, atol=1e-6)
    vectors = trained.embedding.detach().double().numpy()[corpus.training]
    assert np.allclose(found.vectors[:-1, :-1], vectors.T @ vectors / len(vectors))
    assert np.allclose(found.vectors[-1, :-1], vectors.mean(axis=0))


def test_it_keeps_more_than_magnitude_does_without_training(
    trained: LanguageModel, corpus: Corpus
) -> None:
    by_size, by_reading = copy.deepcopy(trained), copy.deepcopy(trained)
    apply_masks(by_size, magnitude_masks(by_size, 0.5))
    assert prune_one_shot(by_reading, corpus.training, 0.5) is by_reading
    assert sparsity_of(by_reading) == pytest.approx(0.5, abs=1e-3)
    before, magnitude, one_shot = (
        evaluate(model, corpus.validation, 2).loss for model in (trained, by_size, by_reading)
    )
    assert one_shot - before < 0.5 * (magnitude - before)


def test_what_is_gone_stays_away(trained: LanguageModel, corpus: Corpus) -> None:
    model = copy.deepcopy(trained)
    apply_masks(model, magnitude_masks(model, 0.4))
    gone = [w.detach() == 0 for w in model.layers.parameters()]
    prune_one_shot(model, corpus.training, 0.6)
    # Biases begin at 0 and move; matrices have two dimensions.
    for before, after in zip(gone, model.layers.parameters(), strict=True):
        assert after.dim() == 1 or not after.detach()[before].any()
    with pytest.raises(InputError, match=r"at least 0\.6, which is gone, and below 1, not 0\.5"):
        prune_one_shot(model, corpus.training, 0.5)
    with pytest.raises(InputError, match="below 1, not 1"):
        prune_one_shot(model, corpus.training, 1)


def test_codes_that_know_what_is_read_change_sums_less(corpus: Corpus) -> None:
    model = train_language(
        LanguageModel(LanguageSettings("egru", 4, (24, 16), threshold_mean=0.1)), corpus, HOW
    )
    found = moments(model, corpus.training)
    nearest, better = quantize_model(model), quantize_model(model, found)
    unit = 2048 / 256 * 65536

    def missed(weights: np.ndarray, bias: np.ndarray, rows: object, moment: torch.Tensor) -> float:
        off = rows.weights * (rows.multipliers / unit)[:, None] - weights  # type: ignore[attr-defined]
        off = np.column_stack([off, rows.bias / 2048 - bias])  # type: ignore[attr-defined]
        return float(np.einsum("ij,jk,ik->", off, moment.numpy(), off))

    for place, layer in enumerate(model.layers):
        errors = [
            missed(
                layer.recurrent_weights.detach().double().numpy(),
                layer.recurrent_bias.detach().double().numpy(),
                integers.layers[place].recurrent,
                found.sent[place],
            )
            for integers in (nearest, better)
        ]
        assert errors[1] < 0.5 * errors[0]
    scores = [
        missed(
            model.embedding.detach().double().numpy(),
            model.bias.detach().double().numpy(),
            integers.scores,
            found.sent[-1],
        )
        for integers in (nearest, better)
    ]
    assert scores[1] < 0.5 * scores[0]
