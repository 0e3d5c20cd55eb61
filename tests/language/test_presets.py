"""Presets: what they make, and texts by name or path."""

from __future__ import annotations

import lzma
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus, Vocabulary
from edgesnn.language.model import LanguageModel, prunable_weights
from edgesnn.language.presets import GATED, PRESETS, TEXTS, gated_preset, read_text
from edgesnn.language.training import LanguageEpoch, train_language


def test_the_papers_preset_has_its_size() -> None:
    paper = GATED["paper-ptb"]
    words = Vocabulary(tuple(f"w{i}" for i in range(10_000)))
    model = LanguageModel(paper.settings("egru", words))
    assert sum(w.numel() for w in prunable_weights(model).values()) == 24_165_000
    weights = model.embedding.numel() + 24_165_000
    assert weights == pytest.approx(31.7e6, rel=0.01)


@pytest.mark.slow
def test_the_papers_preset_trains_fifty_steps() -> None:
    """With its layers and its optimizer, on a small text of 50 words in a row: something is learned
    in spite of all that its training leaves out."""
    paper = GATED["paper-ptb"]
    how = replace(paper.training, epochs=1, vary_window=False, batch=2, window=5)
    words = Vocabulary(tuple(f"w{i}" for i in range(50)))
    ids = np.tile(np.arange(50), 21)[: 2 * (50 * how.window + 1)]
    model = LanguageModel(paper.settings("egru", words), how.seed)
    seen: list[LanguageEpoch] = []
    train_language(model, Corpus(words, ids, ids[:100], ids[:100]), how, progress=seen.append)
    assert seen[0].validation.loss < math.log(50) - 0.02  # of who knows nothing


def test_laptop_presets_are_small_and_name_texts_that_exist() -> None:
    assert {preset.text for preset in PRESETS.values()} <= set(TEXTS)
    for preset in GATED.values():
        if preset.name != "paper-ptb":
            words = Vocabulary(tuple(f"w{i}" for i in range(65 if preset.characters else 10_000)))
            for kind in ("egru", "gru", "lstm"):
                model = LanguageModel(preset.settings(kind, words))
                assert sum(p.numel() for p in model.parameters()) <= 10e6
    with pytest.raises(InputError, match="a preset must be one of ptb, characters, paper-ptb, not"):
        gated_preset("paper")


def test_texts_are_read_by_path_with_the_vocabulary_of_a_model(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.xz"
    plain.write_text("abcab" * 20)
    packed.write_bytes(lzma.compress(b"abcab" * 20))
    own = read_text(str(plain), characters=True)
    assert own.vocabulary.tokens == ("a", "b", "c")
    assert read_text(str(packed), characters=True).test.tolist() == own.test.tolist()
    other = Vocabulary(("c", "b", "a", "d"), characters=True)
    given = read_text(str(plain), True, vocabulary=other)
    assert given.vocabulary is other
    assert other.decode(given.test) == own.vocabulary.decode(own.test)
    with pytest.raises(InputError, match="among the 2 that the model knows, not 'c'"):
        read_text(str(plain), True, vocabulary=Vocabulary(("a", "b"), characters=True))
    with pytest.raises(InputError, match="must be a path that exists, or one of ptb, tiny.*, not"):
        read_text("none.txt", characters=True)
    with pytest.raises(InputError, match="must be a file of text"):
        read_text(str(tmp_path), characters=True)
