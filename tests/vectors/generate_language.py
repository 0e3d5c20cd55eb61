"""Writes the golden file of language models: ``python tests/vectors/generate_language.py``.

As the other vectors (:mod:`tests.vectors.generate`) it is as it was when it was looked at, and a
file of a released version is never written again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from edgesnn.language import integer_file  # noqa: E402 - the path comes first
from edgesnn.language.corpus import Vocabulary  # noqa: E402
from edgesnn.language.integer_file import IntegerLanguage  # noqa: E402
from edgesnn.language.integer_model import (  # noqa: E402
    STATE_ONE,
    IntegerLayer,
    IntegerModel,
    Rows,
)
from edgesnn.language.integer_reference import Reader  # noqa: E402
from edgesnn.model_file import LANGUAGE_VERSION  # noqa: E402

TEXT = (0, 1, 2, 3, 3, 0, 2, 1, 1, 1, 0, 3)


def _rows(count: int, sources: int, salt: int) -> Rows:
    """Weights of all sizes, a third of them 0."""
    places = np.arange(count * sources).reshape(count, sources) + salt
    weights = np.where(places % 3 == 0, 0, places * 11 % 15 - 7)
    multipliers = np.arange(count) * 9973 % 70_000 * 4 + 1000 * salt
    return Rows(
        weights.astype(np.int8),
        multipliers.astype(np.int32),
        (np.arange(count) * 811 % 401 - 200).astype(np.int32),
    )


def example_language() -> IntegerLanguage:
    """The model of the golden file of version 3: two layers, thresholds at both ends."""
    table = (np.arange(4 * 9) * 7919 % 65_536 - 32_768).reshape(4, 9) // 8
    layers = (
        IntegerLayer(None, _rows(9, 3, 1), np.array([0, 300, STATE_ONE], np.int16)),
        IntegerLayer(_rows(6, 3, 5), _rows(6, 2, 7), np.array([50, 1000], np.int16)),
    )
    model = IntegerModel(table.astype(np.int16), layers, _rows(4, 2, 4))
    vocabulary = Vocabulary(("a", "é", "\n", '"'), characters=True)
    return IntegerLanguage(model, vocabulary, {"origin": {"by": "hand"}, "text": "none"})


def language_to_json(language: IntegerLanguage) -> dict[str, Any]:
    """Everything that a file holds."""

    def rows(matrix: Rows | None) -> dict[str, Any] | None:
        return matrix and {name: array.tolist() for name, array in vars(matrix).items()}

    return {
        "tokens": list(language.vocabulary.tokens),
        "characters": language.vocabulary.characters,
        "info": dict(language.info),
        "table": language.model.table.tolist(),
        "layers": [
            {
                "inputs": rows(layer.inputs),
                "recurrent": rows(layer.recurrent),
                "thresholds": layer.thresholds.tolist(),
            }
            for layer in language.model.layers
        ],
        "scores": rows(language.model.scores),
    }


def run_to_json(model: IntegerModel) -> dict[str, Any]:
    """What the reference makes of ``TEXT``: scores, states and number of events of each step."""
    reader = Reader(model)
    steps = [
        {
            "scores": reader.read(token),
            "h": [list(state.h) for state in reader.states],
            "events": [len(state.sent) for state in reader.states],
        }
        for token in TEXT
    ]
    return {"text": list(TEXT), "steps": steps}


def main() -> None:
    """Write file and content of the present version."""
    language = example_language()
    folder = HERE / "model_files"
    integer_file.write(language, folder / f"v{LANGUAGE_VERSION}.esnn")
    content = language_to_json(language) | {"run": run_to_json(language.model)}
    (folder / f"v{LANGUAGE_VERSION}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
