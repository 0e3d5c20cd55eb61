"""Recurrent language models of three kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.model import (
    KINDS,
    LanguageModel,
    LanguageSettings,
    detached,
    prunable_weights,
)

SMALL = LanguageSettings("egru", 11, (9, 6), threshold_mean=0.05)
TOKENS = torch.randint(0, 11, (7, 3), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_in_two_passes_scores_as_in_one(kind: str) -> None:
    model = LanguageModel(replace(SMALL, kind=kind))
    whole = model(TOKENS)
    first = model(TOKENS[:4])
    second = model(TOKENS[4:], detached(first.states))
    assert torch.allclose(whole.scores, torch.cat([first.scores, second.scores]), atol=1e-6)
    assert [s.shape for s in whole.sent] == [(7, 3, 9), (7, 3, 6)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_nothing_before_it(kind: str) -> None:
    model = LanguageModel(replace(SMALL, kind=kind))
    other = TOKENS.clone()
    other[5] = (other[5] + 1) % 11
    one, two = model(TOKENS).scores, model(other).scores
    assert torch.equal(one[:5], two[:5])
    assert not torch.equal(one[5:], two[5:])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_model_and_another_another(kind: str) -> None:
    settings = replace(SMALL, kind=kind)
    one, again, other = (LanguageModel(settings, seed)(TOKENS).scores for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_sizes_are_those_of_the_paper() -> None:
    """Embedding 750, layers 1350-1350-750, 10,000 words: 24.165 M weights, 31.70 M in all."""
    model = LanguageModel(LanguageSettings("egru", 10_000, (1350, 1350, 750)))
    assert sum(p.numel() for p in prunable_weights(model).values()) == 24_165_000
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(31.70e6, abs=5e3)


@pytest.mark.parametrize("name", ["word", "input", "between", "output"])
def test_each_dropout_acts_in_training_alone(name: str) -> None:
    model = LanguageModel(replace(SMALL, **{f"{name}_dropout": 0.5}))
    torch.manual_seed(1)
    assert not torch.equal(model(TOKENS).scores, model(TOKENS).scores)
    model.eval()
    assert torch.equal(model(TOKENS).scores, model(TOKENS).scores)


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_weights_are_left_out_in_training_alone(kind: str) -> None:
    model = LanguageModel(replace(SMALL, kind=kind, drop_connect=0.5))
    torch.manual_seed(1)
    assert not torch.equal(model(TOKENS).scores, model(TOKENS).scores)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    model(TOKENS).scores.sum().backward()
    assert all(torch.equal(before[n], p) for n, p in model.named_parameters())
    model.eval()
    assert torch.equal(model(TOKENS).scores, model(TOKENS).scores)


def test_features_that_are_left_out_are_the_same_in_all_steps() -> None:
    model = LanguageModel(replace(SMALL, output_dropout=0.5))
    torch.manual_seed(0)
    ones = torch.ones(5, 2, 6)
    dropped = model._locked(ones, 0.5)
    assert torch.equal(dropped[0], dropped[4])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_what_cannot_be_is_refused() -> None:
    for changes, message in (
        ({"kind": "rnn"}, "kind must be one of egru, gru, lstm, not 'rnn'"),
        ({"vocabulary": 1}, "at least 2 tokens, not 1"),
        ({"units": ()}, "units must be at least 1 in at least one layer"),
        ({"word_dropout": 1.0}, "word_dropout must be in 0..1, below 1, not 1"),
        ({"kind": "gru", "drop_connect": 1.5}, "drop_connect must be in 0..1, below 1, not 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            replace(SMALL, **changes)
    with pytest.raises(InputError, match=r"tokens must be \[time_step, batch\] with a step"):
        LanguageModel(SMALL)(TOKENS[:0])
