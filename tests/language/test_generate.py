"""A model that goes on with a text, in floating point and in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus
from edgesnn.language.generate import FloatReader, IntegerReader, generate
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.model import LanguageModel, LanguageSettings
from edgesnn.language.quantize import quantize_model
from edgesnn.language.training import train_language
from tests.language.small_text import HOW, small_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


@pytest.fixture(scope="module")
def model(corpus: Corpus) -> LanguageModel:
    fresh = LanguageModel(LanguageSettings("egru", 4, (16,)))
    return train_language(fresh, corpus, replace(HOW, epochs=12))


class Always:
    """Says the same whatever it reads."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = np.array(scores)
        self.heard: list[int] = []

    def read(self, tokens: npt.ArrayLike) -> npt.NDArray[np.float64]:
        self.heard += np.asarray(tokens).tolist()
        return np.tile(self.scores, (len(np.asarray(tokens)), 1))


def test_a_trained_model_goes_on_as_the_text_does_in_integers_too(
    model: LanguageModel, corpus: Corpus
) -> None:
    words = corpus.vocabulary
    prompt = words.encode("cabcdabdca")
    readers = FloatReader(model), IntegerReader(IntegerSimulator(quantize_model(model)))
    for reader in readers:
        assert words.decode(generate(reader, prompt, 12)) == "bcdabdcabcda"


def test_a_text_read_in_parts_is_said_the_same(model: LanguageModel, corpus: Corpus) -> None:
    text = corpus.test[:20]

    def readers() -> Iterator[FloatReader | IntegerReader]:
        yield FloatReader(model)
        yield IntegerReader(IntegerSimulator(quantize_model(model)))

    for whole, parts in zip(readers(), readers(), strict=True):
        expected = whole.read(text)
        found = np.concatenate([parts.read(text[:7]), parts.read(text[7:])])
        assert found == pytest.approx(expected, abs=1e-6)


def test_without_chance_the_likeliest_token_is_said_and_of_equal_ones_the_first() -> None:
    reader = Always([0.0, 3.0, 3.0])
    assert generate(reader, [0, 2], 3) == [1, 1, 1]
    assert reader.heard == [0, 2, 1, 1, 1]


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    scores = np.log([0.5, 0.3, 0.2])
    found = generate(Always(list(scores)), [0], 4000, temperature=1.0, seed=3)
    assert np.bincount(found) / 4000 == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    colder = np.array([0.25, 0.09, 0.04]) / 0.38
    found = generate(Always(list(scores)), [0], 4000, temperature=0.5, seed=3)
    assert np.bincount(found) / 4000 == pytest.approx(colder, abs=0.03)
    assert generate(Always(list(scores)), [0], 9, 1.0, 5) == generate(
        Always(list(scores)), [0], 9, 1.0, 5
    )


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="a prompt must hold at least one token"):
        generate(Always([0.0]), [], 1)
    for count, temperature in ((-1, 0.0), (1, -0.5), (1, float("nan"))):
        with pytest.raises(InputError, match="count and temperature must be at least 0"):
            generate(Always([0.0]), [0], count, temperature)
    assert torch.is_grad_enabled()
