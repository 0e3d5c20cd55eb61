"""Models and trainings that are known to work, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgesnn.data import find_data_set
from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus, Vocabulary, read_characters, read_words
from edgesnn.language.model import LanguageSettings
from edgesnn.language.training import LanguageTraining

#: Data sets that are texts.
TEXTS = ("ptb", "tinyshakespeare")


@dataclass(frozen=True)
class Preset:
    """What is trained, on what, and how.

    summary      in a line
    text         name of a data set
    characters   whether tokens are characters, else words
    layers       fields of :class:`edgesnn.language.model.LanguageSettings`, but kind and vocabulary
    """

    name: str
    summary: str
    text: str
    characters: bool
    layers: Mapping[str, Any]
    training: LanguageTraining

    def settings(self, kind: str, vocabulary: Vocabulary) -> LanguageSettings:
        """Of a model of that kind that knows these tokens."""
        return LanguageSettings(kind, len(vocabulary), **self.layers)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "ptb",
            "words of newspapers, one layer, an hour on a laptop",
            "ptb",
            False,
            {
                "units": (256,), "word_dropout": 0.1, "input_dropout": 0.3, "output_dropout": 0.3,
                "drop_connect": 0.2,
            },
            LanguageTraining(
                epochs=12, batch=20, window=35, learning_rate=2e-3, constant=0.4, beta=0.9,
                weight_decay=0.02,
            ),
        ),
        Preset(
            "characters",
            "characters of Shakespeare, one layer, minutes on a laptop",
            "tinyshakespeare",
            True,
            {"units": (256,), "output_dropout": 0.1, "input_dropout": 0.1},
            LanguageTraining(
                epochs=10, batch=32, window=100, vary_window=False, learning_rate=4e-3,
                constant=0.3, beta=0.9, weight_decay=0.01, gradient_norm=1.0,
            ),
        ),
        # Its published settings (papers of the cell's authors, repository EvNN, May 2024).
        Preset(
            "paper-ptb",
            "the paper's own size and schedule: 32 M weights, 1,000 epochs",
            "ptb",
            False,
            {
                "units": (1350, 1350, 750), "word_dropout": 0.1, "input_dropout": 0.6,
                "between_dropout": 0.25, "output_dropout": 0.5, "drop_connect": 0.7,
                "threshold_mean": 0.01, "width": 3.6,
            },
            LanguageTraining(
                epochs=1000, batch=64, window=70, learning_rate=1.2e-3, constant=0.7, beta=0.0,
                weight_decay=0.1, gradient_norm=0.1, hand_over_h=False, seed=9612,
            ),
        ),
    )
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset of that name; ``InputError`` lists what there is."""
    if name not in PRESETS:
        raise InputError(f"a preset must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]


def read_text(
    text: str, characters: bool, folder: Path | None = None, vocabulary: Vocabulary | None = None
) -> Corpus:
    """A text in parts.

    text         name of a data set, or a path: a file of characters, a folder or archive of words
    folder       where data sets lie
    vocabulary   of a model that is to read it; None: that of the text itself

    Raises ``InputError`` if it is not there or holds what the model does not know.
    """
    path = Path(text)
    if not path.exists():
        if text not in TEXTS:
            raise InputError(
                f"a text must be a path that exists, or one of {', '.join(TEXTS)}, not {text!r}"
            )
        path = find_data_set(text).find(folder)
    return (read_characters if characters else read_words)(path, vocabulary)
