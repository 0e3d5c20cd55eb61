"""Magnitude pruning of language models, and the operations that are left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus
from edgesnn.language.model import LanguageModel, LanguageSettings, prunable_weights
from edgesnn.language.operations import operations
from edgesnn.language.pruning import apply_masks, magnitude_masks, prune_to, sparsity_of
from edgesnn.language.training import train_language
from tests.language.small_text import HOW, small_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def small(kind: str = "egru", **changes: float) -> LanguageModel:
    return LanguageModel(LanguageSettings(kind, 4, (12, 8), threshold_mean=0.1, **changes))


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.83])
def test_the_largest_weights_of_all_layers_together_stay(sparsity: float) -> None:
    model = small()
    all_sizes = np.concatenate(
        [w.detach().abs().numpy().ravel() for w in prunable_weights(model).values()]
    )
    masks = magnitude_masks(model, sparsity)
    limit = np.sort(all_sizes)[round(sparsity * len(all_sizes)) :].min()
    for name, w in prunable_weights(model).items():
        assert torch.equal(masks[f"layers.{name}"].bool(), w.detach().abs() >= float(limit))
    embedding = model.embedding.detach().clone()
    apply_masks(model, masks)
    assert sparsity_of(model) == pytest.approx(sparsity, abs=1e-3)
    assert torch.equal(embedding, model.embedding)


def test_a_step_keeps_zeros_and_learns_again_what_was_lost(corpus: Corpus) -> None:
    how = replace(HOW, epochs=8)
    model = train_language(small(drop_connect=0.2), corpus, how)
    first = {
        n: w.detach() == 0 for n, w in prunable_weights(prune_to(model, corpus, 0.5, how)).items()
    }
    seen: list[float] = []
    again = prune_to(model, corpus, 0.8, how, lambda e: seen.append(e.validation.perplexity))
    assert sparsity_of(again) == pytest.approx(0.8, abs=1e-2)
    for name, w in prunable_weights(again).items():
        assert not w.detach()[first[name]].any()
    assert seen[-1] < 1.7
    assert again.layers[0].settings.drop_connect == pytest.approx(0.2 * 0.2, rel=0.02)
    with pytest.raises(InputError, match="sparsity must be at least 0.8.*, which is gone, not 0.5"):
        prune_to(again, corpus, 0.5, how)


def test_operations_are_weights_that_are_left_of_units_that_sent(corpus: Corpus) -> None:
    model = small()
    apply_masks(model, magnitude_masks(model, 0.6))
    model.eval()
    ids = corpus.validation[:60]
    found = operations(model, ids, rows=2)
    said = model(torch.from_numpy(ids.reshape(2, 30).T))
    counted = np.zeros((2, 2))
    for place, layer in enumerate(model.layers):
        own = (layer.recurrent_weights != 0).numpy()
        sent = said.sent[place].detach().numpy()
        for step in range(29):
            for row in range(2):
                for unit in np.flatnonzero(sent[step, row]):
                    counted[place, 1] += np.count_nonzero(own[:, unit])
    inputs = (model.layers[1].input_weights != 0).numpy()
    for step in range(30):
        for row in range(2):
            for unit in np.flatnonzero(said.sent[0][step, row].detach().numpy()):
                counted[1, 0] += np.count_nonzero(inputs[:, unit])
    assert counted.min() == 0
    assert counted[:, 1].min() > 0
    assert found.counted == pytest.approx(counted / 60)
    # Shares alone are near it: which units send has little to do with how many weights they have.
    assert found.modelled.sum() == pytest.approx(found.per_token, rel=0.3)


def test_dense_layers_multiply_with_everything_but_the_first_inputs(corpus: Corpus) -> None:
    found = operations(small("gru"), corpus.validation[:60], rows=2)
    assert found.modelled.tolist() == [[0, 3 * 12 * 12], [3 * 8 * 12, 3 * 8 * 8]]
    # Nothing was sent before the first of 30 steps.
    assert found.counted[:, 1] == pytest.approx(np.array([432, 192]) * 29 / 30)


def test_shares_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="sparsity must be at least 0 and below 1, not 1"):
        magnitude_masks(small(), 1)
