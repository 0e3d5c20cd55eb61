"""Text as numbers: words of Penn Treebank and WikiText-2, characters of anything."""

from __future__ import annotations

import lzma
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.data.members import is_archive, read_members
from edgesnn.errors import InputError

Ids = npt.NDArray[np.int64]
#: Ends every line of a text of words, as the papers count it.
END_OF_LINE = "<eos>"
PARTS = ("train", "valid", "test")
#: So many unknown tokens are quoted in an error.
_QUOTED = 5
#: Share of a text without parts that validates: the last of it.
VALIDATION = 0.1


@dataclass(frozen=True)
class Vocabulary:
    """All that a model can read and say.

    tokens       words or single characters; a token's number is its place
    characters   whether text is split into characters, else at white space
    """

    tokens: tuple[str, ...]
    characters: bool = False

    def __post_init__(self) -> None:
        if len(set(self.tokens)) != len(self.tokens) or not self.tokens:
            raise InputError("a vocabulary must hold at least one token, and none twice")

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, text: str) -> Ids:
        """Numbers of the tokens of a text, int64 [tokens]; of words each line gets its end.

        Raises ``InputError`` that names unknown tokens.
        """
        found = split(text, self.characters)
        unknown = sorted({token for token in found if token not in self._numbers})
        if unknown:
            what = "characters" if self.characters else "words"
            listed = ", ".join(map(repr, unknown[:_QUOTED]))
            more = f" and {len(unknown) - _QUOTED} more" if len(unknown) > _QUOTED else ""
            raise InputError(
                f"{what} must be among the {len(self)} that the model knows, not {listed}{more}"
            )
        return np.array([self._numbers[token] for token in found], np.int64)

    def encode_prompt(self, text: str) -> Ids:
        """Likewise of a text that goes on: its last line has not ended."""
        ids = self.encode(text)
        return ids if self.characters else ids[:-1]

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """The text of numbers: words with blanks between and lines as they were."""
        tokens = [self.tokens[int(i)] for i in ids]
        if self.characters:
            return "".join(tokens)
        lines: list[list[str]] = [[]]
        for token in tokens:
            if token == END_OF_LINE:
                lines.append([])
            else:
                lines[-1].append(token)
        return "\n".join(" ".join(line) for line in lines)


def split(text: str, characters: bool) -> list[str]:
    """Tokens of a text."""
    if characters:
        return list(text)
    lines = text.splitlines()
    return [token for line in lines for token in (*line.split(), END_OF_LINE)]


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text in parts, as numbers, int64 [tokens] each; ``test`` may be the validation part."""

    vocabulary: Vocabulary
    training: Ids
    validation: Ids
    test: Ids


def corpus_of(
    training: str,
    validation: str,
    test: str,
    characters: bool = False,
    vocabulary: Vocabulary | None = None,
) -> Corpus:
    """Texts as numbers.

    vocabulary   None: that of the training part, most frequent tokens first

    Raises ``InputError`` if a part is empty, or holds tokens that are not in the vocabulary.
    """
    for name, text in zip(PARTS, (training, validation, test), strict=True):
        if not split(text, characters):
            raise InputError(f"the {name} part of a corpus must not be empty")
    known = vocabulary or vocabulary_of(training, characters)
    return Corpus(known, *(known.encode(text) for text in (training, validation, test)))


def vocabulary_of(text: str, characters: bool) -> Vocabulary:
    """All tokens of a text, most frequent ones first."""
    tokens = np.array(split(text, characters), object)
    names, first, counts = np.unique(tokens, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    return Vocabulary(tuple(str(names[i]) for i in order), characters)


def read_words(path: Path, vocabulary: Vocabulary | None = None) -> Corpus:
    """Words of ``NAME.train.txt``, ``NAME.valid.txt`` and ``NAME.test.txt``, whatever NAME is.

    path         a folder, or an archive (.zip, .tar.xz) that holds them
    vocabulary   as of :func:`corpus_of`

    Raises ``InputError`` if a part is not there, and as :func:`corpus_of`.
    """
    found: dict[str, str] = {}
    for name, data in _members(path):
        part = next((p for p in PARTS if name.endswith(f"{p}.txt")), None)
        if part in found:
            raise InputError(f"{path} must hold one *{part}.txt only: give the folder of one text")
        if part is not None:
            found[part] = _text(data, name)
    missing = [part for part in PARTS if part not in found]
    if missing:
        wanted = ", ".join(f"*{part}.txt" for part in missing)
        raise InputError(f"{path} must hold {wanted} as well as the other parts of the text")
    return corpus_of(found["train"], found["valid"], found["test"], vocabulary=vocabulary)


def read_characters(path: Path, vocabulary: Vocabulary | None = None) -> Corpus:
    """Characters of a text, plain or packed (.xz); its last tenth validates and tests.

    vocabulary   as of :func:`corpus_of`

    Raises ``InputError`` if there are too few for that, or a character comes in the end alone.
    """
    if not path.is_file():
        raise InputError(f"{path} must be a file of text, plain or packed (.xz)")
    data = path.read_bytes()
    if path.suffix == ".xz":
        try:
            data = lzma.decompress(data)
        except lzma.LZMAError as error:
            raise InputError(f"{path} must be a whole .xz file: {error}") from None
    text = _text(data, path.name)
    cut = len(text) - int(VALIDATION * len(text))
    return corpus_of(text[:cut], text[cut:], text[cut:], True, vocabulary)


def _members(path: Path) -> list[tuple[str, bytes]]:
    if path.is_file() and path.suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if n.endswith(".txt")]
                return [(name, archive.read(name)) for name in names]
        except zipfile.BadZipFile as error:
            raise InputError(f"{path} must be a whole zip archive: {error}") from None
    if path.is_dir() or is_archive(path):
        return list(read_members(path, (".txt",)))
    raise InputError(f"{path} must be a folder or an archive of texts")


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} must be text in UTF-8: {error.reason}") from None


def in_rows(ids: Ids, rows: int) -> Ids:
    """A long text as ``rows`` shorter ones side by side, int64 [tokens, rows]; what does not fill a
    row is left out.

    Raises ``InputError`` if there are not two tokens for each row.
    """
    length = len(ids) // rows
    if length < 2:
        raise InputError(
            f"a text must have at least 2 tokens for each of {rows} rows, not {len(ids)} in all: "
            "take fewer rows or a longer text"
        )
    return ids[: length * rows].reshape(rows, length).T
