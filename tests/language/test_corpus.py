"""Texts as numbers."""

from __future__ import annotations

import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.data import find_data_set
from edgesnn.errors import InputError
from edgesnn.language.corpus import (
    Vocabulary,
    corpus_of,
    in_rows,
    read_characters,
    read_words,
)

TRAIN, VALID, TEST = " the cat saw the dog \n the dog ran \n", "the dog saw\n", "the cat ran\n"


def test_words_get_numbers_by_frequency_and_lines_their_end() -> None:
    corpus = corpus_of(TRAIN, VALID, TEST)
    assert corpus.vocabulary.tokens == ("the", "dog", "<eos>", "cat", "saw", "ran")
    assert corpus.training.tolist() == [0, 3, 4, 0, 1, 2, 0, 1, 5, 2]
    assert corpus.vocabulary.decode(corpus.test) == "the cat ran\n"


def test_blank_lines_are_lines() -> None:
    text = "\n the cat \n\nran\n"
    known = corpus_of(text, text, text).vocabulary
    assert known.decode(known.encode(text)) == "\nthe cat\n\nran\n"


@given(st.text(min_size=1), st.text(min_size=1))
def test_characters_come_back_as_they_were(text: str, start: str) -> None:
    corpus = corpus_of(text + start, text, start, characters=True)
    assert corpus.vocabulary.decode(corpus.validation) == text
    assert corpus.vocabulary.decode(corpus.test) == start


def test_parts_are_found_in_folders_and_archives(tmp_path: Path) -> None:
    for name, text in (("train", TRAIN), ("valid", VALID), ("test", TEST)):
        (tmp_path / f"small.{name}.txt").write_text(text)
    with zipfile.ZipFile(tmp_path / "small.zip", "w") as archive:
        for path in tmp_path.glob("*.txt"):
            archive.write(path, f"small/{path.name}")
    for path in (tmp_path, tmp_path / "small.zip"):
        assert read_words(path).training.tolist() == corpus_of(TRAIN, VALID, TEST).training.tolist()
    (tmp_path / "other.train.txt").write_text(TRAIN)
    with pytest.raises(InputError, match=r"must hold one \*train.txt only"):
        read_words(tmp_path)
    (tmp_path / "other.train.txt").unlink()
    (tmp_path / "small.valid.txt").unlink()
    with pytest.raises(InputError, match=r"must hold \*valid.txt as well as the other parts"):
        read_words(tmp_path)


def test_last_tenth_of_a_text_validates(tmp_path: Path) -> None:
    text = "abcdefghij" * 10
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.xz"
    plain.write_text(text)
    packed.write_bytes(lzma.compress(text.encode()))
    for path in (plain, packed):
        corpus = read_characters(path)
        assert (len(corpus.training), len(corpus.validation)) == (90, 10)
        assert corpus.vocabulary.decode(corpus.training) == text[:90]


def test_rows_are_parts_of_the_text_side_by_side() -> None:
    found = in_rows(np.arange(11), 3)
    assert found.T.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    with pytest.raises(InputError, match="at least 2 tokens for each of 6 rows, not 11 in all"):
        in_rows(np.arange(11), 6)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    known = Vocabulary(("a", "b"))
    with pytest.raises(InputError, match="words must be among the 2 .*, not '<eos>', 'zoo'$"):
        known.encode("a zoo")
    many = "".join(map(chr, range(200, 210)))
    with pytest.raises(InputError, match="characters must be among .* and 5 more"):
        Vocabulary(("a",), characters=True).encode(many)
    with pytest.raises(InputError, match="the valid part of a corpus must not be empty"):
        corpus_of("a", "", "a")
    with pytest.raises(InputError, match="at least one token, and none twice"):
        Vocabulary(("a", "a"))
    (tmp_path / "bad.xz").write_bytes(b"no xz")
    with pytest.raises(InputError, match="must be a whole .xz file"):
        read_characters(tmp_path / "bad.xz")
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="must be a whole zip archive"):
        read_words(tmp_path / "bad.zip")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bytes.txt must be text in UTF-8"):
        read_characters(tmp_path / "bytes.txt")
    with pytest.raises(InputError, match="must be a folder or an archive of texts"):
        read_words(tmp_path / "bytes.txt")


def data_set(name: str) -> Path:
    try:
        return find_data_set(name).find()
    except InputError as error:
        pytest.skip(str(error).splitlines()[0])


def test_penn_treebank_has_its_published_size() -> None:
    corpus = read_words(data_set("ptb"))
    # Mikolov's preprocessing: 10,000 types with the end of line.
    assert len(corpus.vocabulary) == 10_000
    sizes = [len(part) for part in (corpus.training, corpus.validation, corpus.test)]
    assert sizes == [929_589, 73_760, 82_430]


def test_a_prompt_is_a_text_whose_last_line_has_not_ended() -> None:
    words = Vocabulary(("<eos>", "a", "b"))
    assert words.encode("a b").tolist() == [1, 2, 0]
    assert words.encode_prompt("a b\na").tolist() == [1, 2, 0, 1]
    letters = Vocabulary(("a", "b"), characters=True)
    assert letters.encode_prompt("ab").tolist() == [0, 1]


def test_tiny_shakespeare_has_65_characters() -> None:
    corpus = read_characters(data_set("tinyshakespeare"))
    assert len(corpus.vocabulary) == 65
    assert len(corpus.training) + len(corpus.validation) == 1_115_394
