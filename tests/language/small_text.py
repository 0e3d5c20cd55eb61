"""A text that is easy to learn: each second character is certain, and so is the other one for who
remembers two steps."""

from __future__ import annotations

from edgesnn.language.corpus import Corpus, corpus_of
from edgesnn.language.training import LanguageTraining

TEXT = "cabcdabd" * 60
HOW = LanguageTraining(
    epochs=4, batch=4, window=12, vary_window=False, learning_rate=2e-2, weight_decay=0.0, beta=0.9
)


def small_corpus() -> Corpus:
    """Four characters; the test part is the validation part."""
    return corpus_of(TEXT, TEXT[:96], TEXT[:96], characters=True)
