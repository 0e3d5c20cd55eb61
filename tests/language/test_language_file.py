"""Files of language models in floating point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from edgesnn.errors import ModelFileError
from edgesnn.language.corpus import Vocabulary
from edgesnn.language.language_file import (
    METADATA_KEY,
    Trained,
    read_language_model,
    write_language_model,
)
from edgesnn.language.model import KINDS, LanguageModel, LanguageSettings

TOKENS = Vocabulary(("a", "b", "c"), characters=True)


def trained(kind: str = "egru") -> Trained:
    settings = LanguageSettings(kind, 3, (5, 4), output_dropout=0.25)
    return Trained(LanguageModel(settings, 7), TOKENS, {"preset": "none", "seed": 7})


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_and_says_the_same(kind: str, tmp_path: Path) -> None:
    before = trained(kind)
    write_language_model(before, tmp_path / "a.model")
    after = read_language_model(tmp_path / "a.model")
    assert after.model.settings == before.model.settings
    assert (after.vocabulary, after.info) == (before.vocabulary, before.info)
    text = torch.tensor([[0], [2], [1]])
    with torch.no_grad():
        one, other = before.model.eval()(text), after.model.eval()(text)
    assert torch.equal(one.scores, other.scores)
    assert [p.name for p in tmp_path.iterdir()] == ["a.model"]


def changed(path: Path, target: Path, description=None, without: str | None = None) -> Path:
    """The file with another description, or without a tensor."""
    with safe_open(path, "pt") as file:
        described = json.loads(file.metadata()[METADATA_KEY])
        tensors = {n: file.get_tensor(n) for n in file.keys() if n != without}  # noqa: SIM118
    text = json.dumps(described | (description or {}))
    save_file(tensors, target, {METADATA_KEY: text})
    return target


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.model", tmp_path / "bad.model"
    write_language_model(trained(), good)
    with pytest.raises(ModelFileError, match="must be a file, but .*none.model does not exist"):
        read_language_model(tmp_path / "none.model")
    bad.write_bytes(good.read_bytes()[:-10])
    with pytest.raises(ModelFileError, match="as edgesnn lm train writes it"):
        read_language_model(bad)
    save_file({"x": torch.zeros(1)}, bad)
    with pytest.raises(ModelFileError, match="a file of another kind"):
        read_language_model(bad)
    for description, text in (
        ({"version": 2}, "must have version 1, not 2: train again"),
        ({"surprise": 1}, "is damaged: Extra inputs"),
        ({"tokens": ["a", "b"]}, "is damaged: 2 tokens for 3"),
        ({"tokens": ["a", "b", "b"]}, "is damaged: a vocabulary must hold"),
        ({"settings": {}}, "is damaged: 'units'"),
    ):
        with pytest.raises(ModelFileError, match=text):
            read_language_model(changed(good, bad, description))
    with pytest.raises(ModelFileError, match=r"is damaged: [\s\S]*bias"):
        read_language_model(changed(good, bad, without="bias"))
