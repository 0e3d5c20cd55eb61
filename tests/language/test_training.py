"""Training of language models on a text that is easy to learn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus, corpus_of
from edgesnn.language.model import KINDS, LanguageModel, LanguageSettings, prunable_weights
from edgesnn.language.training import (
    Evaluated,
    LanguageEpoch,
    evaluate,
    train_language,
    windows,
)
from tests.language.small_text import HOW, small_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def small(kind: str = "egru", **changes: float) -> LanguageModel:
    return LanguageModel(LanguageSettings(kind, 4, (16,), **changes))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_what_comes_next(kind: str, corpus: Corpus) -> None:
    seen: list[LanguageEpoch] = []
    model = train_language(small(kind), corpus, replace(HOW, epochs=12), progress=seen.append)
    assert evaluate(model, corpus.test, 4).perplexity < 1.3
    assert seen[-1].loss < 0.5 * seen[0].loss
    assert [e.done for e in seen] == list(range(1, 13))
    activity = seen[-1].validation.activity
    assert activity == (1.0,) if kind != "egru" else 0 < activity[0] < 1


def test_perplexity_of_a_model_that_knows_nothing_is_the_size_of_the_vocabulary(
    corpus: Corpus,
) -> None:
    model = small()
    with torch.no_grad():
        model.embedding.zero_()
    found = evaluate(model, corpus.test, 4)
    assert found.perplexity == pytest.approx(4)
    assert found.bits == pytest.approx(2)
    assert Evaluated(1e9, ()).perplexity > 1e300


def test_an_interrupted_training_goes_on_exactly(corpus: Corpus, tmp_path: Path) -> None:
    settings = replace(HOW, vary_window=True)

    def fresh() -> LanguageModel:
        return small(word_dropout=0.1, input_dropout=0.2, drop_connect=0.2)

    class Stopped(Exception):
        pass

    def stop(epoch: LanguageEpoch) -> None:
        if epoch.done == 2:
            raise Stopped

    whole = train_language(fresh(), corpus, settings)
    kept = tmp_path / "kept.pt"
    with pytest.raises(Stopped):
        train_language(fresh(), corpus, settings, progress=stop, resume=kept)
    seen: list[int] = []
    again = train_language(
        fresh(), corpus, settings, progress=lambda e: seen.append(e.done), resume=kept
    )
    assert seen == [3, 4]
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_masked_weights_stay_zero(corpus: Corpus) -> None:
    model = small()
    generator = torch.Generator().manual_seed(0)
    name, weights = next(iter(prunable_weights(model).items()))
    mask = (torch.rand(weights.shape, generator=generator) < 0.5).float()
    trained = train_language(model, corpus, replace(HOW, epochs=1), masks={f"layers.{name}": mask})
    found = prunable_weights(trained)[name]
    assert not found[mask == 0].any()
    assert found[mask == 1].all()


def test_thresholds_are_trained_only_if_asked(corpus: Corpus) -> None:
    for asked in (False, True):
        model = small()
        before = model.layers[0].thresholds.detach().clone()
        train_language(model, corpus, replace(HOW, epochs=1, train_thresholds=asked))
        assert torch.equal(before, model.layers[0].thresholds) is not asked


def test_windows_cover_the_text_once_and_scatter_around_their_length() -> None:
    settings = replace(HOW, window=70, vary_window=True)
    found = list(windows(70_000, settings, np.random.default_rng(0)))
    assert [first for first, _ in found[1:]] == np.cumsum([s for _, s in found[:-1]]).tolist()
    assert sum(found[-1]) == 70_000
    lengths = np.array([steps for _, steps in found])
    assert 0.02 < (lengths < 52).mean() < 0.08
    assert abs(lengths[lengths > 52].mean() - 70) < 1
    even = list(windows(30, replace(HOW, window=12), np.random.default_rng(0)))
    assert even == [(0, 12), (12, 12), (24, 6)]


def test_a_loss_that_is_no_number_ends_it_and_the_last_good_epoch_is_kept(
    corpus: Corpus, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.pt"
    model = small()

    def spoil(epoch: LanguageEpoch) -> None:
        if epoch.done == 2:
            with torch.no_grad():
                model.embedding.fill_(math.nan)

    with pytest.raises(InputError, match="must stay finite, but did not in epoch 3 of 4"):
        train_language(model, corpus, HOW, progress=spoil, resume=kept)
    seen: list[int] = []
    train_language(small(), corpus, HOW, progress=lambda e: seen.append(e.done), resume=kept)
    assert seen == [3, 4]


def test_files_and_texts_that_do_not_belong_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pt"
    train_language(small(), corpus, replace(HOW, epochs=1), resume=kept)
    with pytest.raises(
        InputError, match="must go on with the settings it began with .batch = 4, not 5"
    ):
        train_language(small(), corpus, replace(HOW, epochs=1, batch=5), resume=kept)
    another = LanguageModel(LanguageSettings("egru", 4, (16,)), seed=1)
    with pytest.raises(InputError, match="belongs to another model at the start"):
        train_language(another, corpus, replace(HOW, epochs=1), resume=kept)
    kept.write_bytes(b"something else")
    with pytest.raises(InputError, match="must be the whole state of a training: remove"):
        train_language(small(), corpus, HOW, resume=kept)
    other = corpus_of("abcab", "a", "a", characters=True)
    with pytest.raises(InputError, match="must have the 4 tokens of the model, not 3"):
        train_language(small(), other, HOW)
    short = replace(corpus, validation=corpus.validation[:19])
    seen: list[LanguageEpoch] = []
    with pytest.raises(InputError, match="at least 2 tokens for each of 10 rows, not 19"):
        train_language(small(), short, HOW, progress=seen.append)
    assert not seen
    with pytest.raises(InputError, match="at least 2 tokens for each of 400 rows"):
        train_language(small(), corpus, replace(HOW, batch=400))
    for changes, message in (
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, not 0"),
        ({"constant": 2.0}, "constant must be in 0..1, not 2"),
        ({"beta": 1.0}, "beta must be in 0..1, below 1, not 1"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0, not -1"),
    ):
        with pytest.raises(InputError, match=message):
            replace(HOW, **changes)
