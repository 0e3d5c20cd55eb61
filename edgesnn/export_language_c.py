"""A language model in integers as C: a folder that compiles as it is, with a self-test.

What it shares with the folders of spiking networks is in :mod:`edgesnn.c_package`.
"""

from __future__ import annotations

import textwrap
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn._resources import firmware_dir
from edgesnn.c_package import (
    WRITTEN,
    Export,
    Runtime,
    check_folder,
    check_name,
    folder_files,
    header,
    image_header,
    image_source,
    rows,
    size_rows,
    string_array,
)
from edgesnn.errors import InputError
from edgesnn.files import write_whole_folder
from edgesnn.language.c_language import SOURCES
from edgesnn.language.integer_file import IntegerLanguage
from edgesnn.language.integer_image import encode_image
from edgesnn.language.integer_model import IntegerModel
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.language.trace import known_tokens

IN_C = Runtime("model", "edgesnn_language.h", "esnn_lm", "esnn_lm", "egru.md")
#: Headers of the runtime, below ``firmware``.
HEADERS = (
    "include/edgesnn.h", "include/edgesnn_format.h", "include/edgesnn_language.h",
    "src/edgesnn_language_model.h", "src/edgesnn_language_tables.h", "src/edgesnn_network.h",
)  # fmt: skip
#: ``sizeof(esnn_lm)`` where pointers have 4 bytes; a test compiles it.
MODEL_BYTES = 36
#: Of code and tables for a Cortex-M0+ with -Os, rounded up, and the deepest stack there, in
#: ``esnn_lm_load`` and in ``esnn_lm_read``; a test measures them.
CODE_BYTES, LOAD_STACK_BYTES, READ_STACK_BYTES = 10_700, 160, 200

#: Tokens that a self-test reads, unless it is told others.
TEST_TOKENS = 100
_MADE_UP_SEED = 2026
#: Read at a time, for scores of all take 4 bytes for each token of the vocabulary.
_PART = 64


@dataclass(frozen=True)
class _Test:
    """What a text gives.

    tokens      int64 [step]
    crcs        of scores and states up to and with each token
    operations  of all steps, as 32 bits hold them
    best_token  after the last one
    """

    tokens: npt.NDArray[np.int64]
    crcs: list[int]
    operations: int
    best_token: int


def working_bytes(model: IntegerModel) -> int:
    """Bytes that the runtime needs behind its ``esnn_lm``: twin of divide_memory in C."""
    units = [layer.num_units for layer in model.layers]
    total = 4 * max(model.num_tokens, 3 * max(units)) + 4 * len(units)
    total += 5 * sum(units) + 6 * max(units[1:], default=0)
    return (total + 3) & ~3


def made_up_tokens(model: IntegerModel, count: int) -> npt.NDArray[np.int64]:
    """Tokens that the model knows, the same ones each time, int64 [step]."""
    return np.random.default_rng(_MADE_UP_SEED).integers(0, model.num_tokens, count)


def _test(model: IntegerModel, tokens: npt.ArrayLike) -> _Test:
    ids = known_tokens(tokens, model.num_tokens)
    if not len(ids):
        raise InputError("a self-test must read at least one token: take a longer text")
    simulator = IntegerSimulator(model)
    crc, crcs, operations, best_token = 0, [], 0, 0
    for first in range(0, len(ids), _PART):
        trace = simulator.read(ids[first : first + _PART])
        for step, scores in enumerate(trace.scores):
            crc = zlib.crc32(scores.astype("<i4").tobytes(), crc)
            for h in trace.h:
                crc = zlib.crc32(h[step].astype("<i2").tobytes(), crc)
            crcs.append(crc)
        operations += int(trace.operations.sum())
        best_token = int(trace.scores[-1].argmax())
    return _Test(ids, crcs, operations % (1 << 32), best_token)


def _what(language: IntegerLanguage) -> str:
    return "characters" if language.vocabulary.characters else "words"


def _sizes(model: IntegerModel) -> str:
    return " and ".join(str(layer.num_units) for layer in model.layers)


def _header(language: IntegerLanguage, image: bytes, name: str) -> str:
    model, upper = language.model, name.upper()
    return image_header(
        IN_C,
        name,
        image,
        working_bytes(model),
        f"{model.num_tokens} tokens ({_what(language)}), layers of {_sizes(model)} units;\n"
        " * image for flash, size of memory, texts of tokens.",
        f"""
/* Tokens are 0 .. {upper}_NUM_TOKENS - 1; what they are, {_what(language)} in UTF-8. */
#define {upper}_NUM_TOKENS {model.num_tokens}u
extern const char *const {name}_tokens[{upper}_NUM_TOKENS];
""",
    )


def _tokens_source(language: IntegerLanguage, name: str) -> str:
    texts = string_array(f"{name}_tokens", f"{name.upper()}_NUM_TOKENS", language.vocabulary.tokens)
    return f'/* The tokens of {name}, {WRITTEN} */\n#include "{name}_model.h"\n\n{texts}'


def _test_header(test: _Test, name: str, recorded: bool) -> str:
    upper = name.upper()
    origin = "the beginning of a text" if recorded else "made up tokens"
    return header(
        f"{upper}_TEST_H",
        f"For a self-test: {origin}, and what edgesnn's simulator makes of it;\n * {WRITTEN}",
        (f"{name}_model.h",),
        f"""
#define {upper}_TEST_TOKENS {len(test.tokens)}u
extern const uint16_t {name}_test_tokens[{upper}_TEST_TOKENS];

/* CRC-32 of all scores and states up to and with each token, counted from {name}_load on: scores,
 * then the states of each layer. */
extern const uint32_t {name}_test_crcs[{upper}_TEST_TOKENS];

/* Of all tokens, and after the last one. */
#define {upper}_TEST_OPERATIONS {test.operations}u
#define {upper}_TEST_BEST_TOKEN {test.best_token}u
""",
    )


def _test_source(test: _Test, name: str) -> str:
    upper = name.upper()
    return f"""\
/* The self-test of {name}, {WRITTEN} */
#include "{name}_test.h"

const uint16_t {name}_test_tokens[{upper}_TEST_TOKENS] = {{
{rows([str(token) for token in test.tokens.tolist()], 16)}
}};

const uint32_t {name}_test_crcs[{upper}_TEST_TOKENS] = {{
{rows([f"0x{crc:08x}u" for crc in test.crcs], 8)}
}};
"""


def _facts(language: IntegerLanguage) -> str:
    model = language.model
    matrices = [layer.recurrent for layer in model.layers]
    matrices += [layer.inputs for layer in model.layers if layer.inputs is not None]
    weights = sum(int(np.count_nonzero(m.weights)) for m in (*matrices, model.scores))
    return textwrap.fill(
        f"{model.num_tokens:,} tokens ({_what(language)}), layers of {_sizes(model)} units, "
        f"{weights:,} weights of 4 bits that are not 0.",
        100,
    )


def package(
    language: IntegerLanguage, name: str, tokens: npt.ArrayLike | int = TEST_TOKENS
) -> tuple[bytes, dict[str, bytes]]:
    """The memory image, and the files of the folder by name.

    tokens   that the self-test reads, integers [step]; a number makes so many up
    Raises ``InputError`` for a name that C does not take, a model that no image holds, no tokens
    at all, and tokens that the model does not know.
    """
    check_name(name)
    model = language.model
    image = encode_image(model)
    test = _test(model, made_up_tokens(model, tokens) if isinstance(tokens, int) else tokens)
    rest, firmware = working_bytes(model), firmware_dir()
    sources = [firmware / "src" / source for source in SOURCES]
    sources += [firmware / included for included in HEADERS]
    texts = sum(
        len(token.encode("utf-8", "backslashreplace")) + 5 for token in language.vocabulary.tokens
    )
    files = folder_files(
        name,
        f"{name}_model.h",
        sources,
        {"language/README.md": "README.md", "language/main.c": "example/main.c"},
        {
            "kind": "language model",
            "sketch": "",
            "facts": _facts(language),
            "sizes": size_rows(
                [
                    ("flash", f"{len(image):,}", "the image"),
                    ("flash", f"about {CODE_BYTES:,}", "code of the runtime and its tables"),
                    ("flash", f"{texts:,}", "texts of tokens, only if they are used"),
                    ("RAM", f"{MODEL_BYTES + rest:,}", f"memory: {MODEL_BYTES} + {rest:,}"),
                    ("stack", f"{LOAD_STACK_BYTES}", "in `esnn_lm_load`"),
                    ("stack", f"{READ_STACK_BYTES}", "in `esnn_lm_read`"),
                ]
            ),
            "test_tokens": f"{len(test.tokens):,}",
            "text": "made up" if isinstance(tokens, int) else "of a text",
        },
    )
    written = {
        f"src/{name}_model.h": _header(language, image, name),
        f"src/{name}_model.c": image_source(IN_C, name, image),
        f"src/{name}_tokens.c": _tokens_source(language, name),
        f"src/{name}_test.h": _test_header(test, name, tokens is not None),
        f"src/{name}_test.c": _test_source(test, name),
    }
    files |= {target: text.encode() for target, text in written.items()}
    files[f"{name}.bin"] = image
    return image, files


def export(
    language: IntegerLanguage,
    folder: Path,
    name: str,
    tokens: npt.ArrayLike | int = TEST_TOKENS,
    force: bool = False,
) -> Export:
    """Write :func:`package` to a folder, whole or not at all.

    force   replace a folder that was exported
    Raises what :func:`package` and :func:`edgesnn.c_package.check_folder` raise.
    """
    check_folder(folder, force)
    image, files = package(language, name, tokens)
    write_whole_folder(folder, files)
    needed = MODEL_BYTES + working_bytes(language.model)
    return Export(str(folder), name, len(image), needed, sorted(files))
