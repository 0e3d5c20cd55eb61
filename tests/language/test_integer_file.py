"""Model files of language models in integers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn import model_container, model_file
from edgesnn.errors import DesignRuleError, InputError, ModelFileError, UnsupportedModel
from edgesnn.language import integer_file
from edgesnn.language.corpus import Vocabulary
from edgesnn.language.integer_file import IntegerLanguage, decode, encode
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.languages import read_language
from edgesnn.model_container import NO_DIGEST, seal, unseal
from tests.language.random_integers import random_model
from tests.vectors.generate_language import example_language, language_to_json, run_to_json

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/vectors/model_files"


def language(seed: int = 0, sizes: tuple[int, ...] = (3, 2), tokens: int = 4) -> IntegerLanguage:
    names = Vocabulary(tuple(f"w{i}" for i in range(tokens)))
    return IntegerLanguage(random_model(seed, sizes, tokens, 0.6), names, {"text": "none"})


def refused(header: dict, tensors: dict[str, np.ndarray]) -> str:
    text = json.dumps({**header, "sha256": NO_DIGEST})
    with pytest.raises(ModelFileError) as caught:
        decode(seal(text, tensors))
    return str(caught.value)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    tokens=st.integers(1, 5),
)
def test_a_model_comes_back(seed: int, sizes: list[int], tokens: int) -> None:
    before = language(seed, tuple(sizes), tokens)
    data = encode(before)
    after = decode(data)
    assert (after.vocabulary, after.info) == (before.vocabulary, before.info)
    assert encode(after) == data
    for one, other in zip(before.model.layers, after.model.layers, strict=True):
        assert np.array_equal(one.thresholds, other.thresholds)
        assert np.array_equal(one.recurrent.weights, other.recurrent.weights)
        assert (one.inputs is None) == (other.inputs is None)
    assert np.array_equal(before.model.table, after.model.table)
    assert np.array_equal(before.model.scores.multipliers, after.model.scores.multipliers)


def test_the_golden_file_stays_readable_and_is_what_is_written_today() -> None:
    """Its model still gives what the reference gave when it was written."""
    golden = json.loads((GOLDEN / "v3.json").read_text())
    run = golden.pop("run")
    data = (GOLDEN / "v3.esnn").read_bytes()
    assert len(data) < 10_000
    found = integer_file.read(GOLDEN / "v3.esnn")
    assert language_to_json(found) == golden
    assert language_to_json(example_language()) == golden
    assert encode(found) == data == encode(example_language())
    assert run_to_json(found.model) == run
    trace = IntegerSimulator(found.model).read(run["text"])
    assert trace.scores.tolist() == [step["scores"] for step in run["steps"]]
    assert trace.events.tolist() == [step["events"] for step in run["steps"]]
    assert [[h[k].tolist() for h in trace.h] for k in range(len(trace.scores))] == [
        step["h"] for step in run["steps"]
    ]


def test_a_core_refuses_it_by_a_design_rule_with_what_to_do(tmp_path: Path) -> None:
    integer_file.write(language(), tmp_path / "a.esnn")
    with pytest.raises(DesignRuleError, match="of kind 'egru': run it with edgesnn lm eval"):
        model_file.read(tmp_path / "a.esnn")
    assert integer_file.read(tmp_path / "a.esnn").info == {"text": "none"}


def test_no_flipped_bit_goes_unnoticed() -> None:
    data = encode(language(sizes=(2,), tokens=2))
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(ModelFileError):
            decode(bytes(flipped))


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="none.esnn: cannot be read: No such file"):
        integer_file.read(tmp_path / "none.esnn")
    spiking = (ROOT / "tests/vectors/model_files/v1.esnn").read_bytes()
    (tmp_path / "v1.esnn").write_bytes(spiking)
    with pytest.raises(ModelFileError, match="v1.esnn: format_version must be 3, .*, not 1: edge"):
        integer_file.read(tmp_path / "v1.esnn")


def test_a_language_model_of_any_kind_is_told_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.esnn"
    integer_file.write(language(), path)
    assert read_language(path).vocabulary == language().vocabulary
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="a.esnn: a model file must be a whole safetensors"):
        read_language(path)
    header, tensors = unseal(encode(language()))
    del tensors["table"]
    unsound = {**json.loads(header), "sha256": NO_DIGEST}
    path.write_bytes(seal(json.dumps(unsound), tensors))
    with pytest.raises(ModelFileError, match="a.esnn: tensor table must be there"):
        read_language(path)
    path.write_bytes((ROOT / "tests/vectors/model_files/v1.esnn").read_bytes())
    with pytest.raises(InputError, match="must hold its tokens in info"):
        read_language(path)


def test_parts_that_do_not_fit_together_are_refused() -> None:
    text, tensors = unseal(encode(language()))
    header = json.loads(text)
    tokens, first, second = header["populations"]
    for change, expected in (
        ({"populations": [first, tokens]}, "populations must be tokens first"),
        ({"populations": [tokens, {**first, "size": 9}, second]}, "layer.0 must have 9 units"),
        ({"populations": [{**tokens, "size": 9}, first, second]}, "the table must be of 9 tokens"),
        ({"populations": [tokens, first]}, "scores must come from the 3 units"),
        ({"vocabulary": {"tokens": ["a"], "characters": False}}, "must have the 4 tokens"),
        ({"surprise": 1}, "header: surprise: Extra inputs"),
    ):
        assert expected in refused(header | change, tensors), change
    surplus = tensors | {"more": np.zeros(1, np.int8)}
    assert "tensors ['more'] must not be there" in refused(header, surplus)
    for name in tensors:
        others = {n: t for n, t in tensors.items() if n != name}
        assert f"tensor {name} must be there" in refused(header, others)
        flat = tensors | {name: np.zeros(0, np.uint16)}
        assert f"tensor {name} must be" in refused(header, flat)


def test_what_a_file_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="must have the 4 tokens of the model, not 1"):
        IntegerLanguage(language().model, Vocabulary(("a",)))
    with pytest.raises(UnsupportedModel, match="info must hold JSON values only"):
        encode(IntegerLanguage(language().model, language().vocabulary, {"x": object()}))


def test_the_page_shows_the_fields() -> None:
    page = (ROOT / "docs/model_file.md").read_text()
    assert integer_file.field_table() in page
    for name in ("table", "scores", "layer.i.thresholds", "layer.i.recurrent", "layer.i.inputs"):
        assert f"`{name}" in page
    assert model_container.MAX_FILE_BYTES == 1 << 28
