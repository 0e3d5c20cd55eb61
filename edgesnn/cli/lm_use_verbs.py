"""The verbs that use language models: lm eval, lm generate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.lm_make_verbs import Text, figures, guessed
from edgesnn.cli.options import DataFolder, Json, share_cores
from edgesnn.cli.output import Output, percent
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.language.integer_file import IntegerLanguage
    from edgesnn.language.language_file import Trained

AnyLanguageFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A language model, in floating point or (.esnn) in integers.",
        exists=True,
        dir_okay=False,
    ),
]


def evaluate(
    model: AnyLanguageFile,
    text: Text = None,
    tokens: Annotated[
        int | None, typer.Option(min=2, help="Of the test part, at most. Default: all.")
    ] = None,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """How well a language model guesses the test part of its text, or of another one.

    Example: edgesnn lm eval sparse.esnn --tokens 10000
    """
    share_cores()
    language = _read(model)
    from edgesnn.language.language_file import Trained
    from edgesnn.language.presets import read_text

    out, vocabulary = Output(json), language.vocabulary
    wanted = text or str(language.info.get("text", ""))
    ids = read_text(wanted, vocabulary.characters, data, vocabulary).test[:tokens]
    with out.progress("guessing"):
        if isinstance(language, Trained):
            from edgesnn.language.operations import operations
            from edgesnn.language.training import evaluate as guess

            rows = 1 if len(ids) < 1000 else 10
            found = guess(language.model, ids, rows)
            per_token = operations(language.model, ids, rows).per_token
        else:
            from edgesnn.language.integer_evaluation import evaluate_integers

            counted = evaluate_integers(language.model, ids)
            found, per_token = counted, counted.operations
    shares = ", ".join(percent(share) for share in found.activity)
    out.line(
        f"{guessed(found, vocabulary.characters)} on {len(ids):,} tokens; units that send in a "
        f"step: {shares}; {per_token:,.0f} operations per token"
    )
    out.result({**figures(found), "tokens": len(ids), "operations_per_token": per_token})


def generate(
    model: AnyLanguageFile,
    prompt: Annotated[str, typer.Argument(help="Text that the model goes on with.")],
    tokens: Annotated[int, typer.Option(min=1, help="Words or characters that follow.")] = 200,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="0: always the likeliest token; 1: as they are likely.")
    ] = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 0,
    json: Json = False,
) -> None:
    """Go on with a text.

    Example: edgesnn lm generate sparse.esnn "ROMEO:" --tokens 200
    """
    share_cores()
    language = _read(model)
    from edgesnn.language.generate import FloatReader, IntegerReader, Reader
    from edgesnn.language.generate import generate as go_on
    from edgesnn.language.integer_simulator import IntegerSimulator
    from edgesnn.language.language_file import Trained

    out, vocabulary = Output(json), language.vocabulary
    reader: Reader = (
        FloatReader(language.model)
        if isinstance(language, Trained)
        else IntegerReader(IntegerSimulator(language.model))
    )
    ids = vocabulary.encode(prompt)
    # A prompt of words is a line that has not ended.
    ids = ids if vocabulary.characters else ids[:-1]
    said = vocabulary.decode(go_on(reader, ids, tokens, temperature, seed))
    joint = "" if vocabulary.characters else " "
    out.line(f"{prompt}{joint}{said}")
    out.result({"prompt": prompt, "text": said})


def _read(path: Path) -> Trained | IntegerLanguage:
    """A language model of either kind, by the ending of its name."""
    with needs_extra("language models", "train"):
        from edgesnn.language import integer_file
        from edgesnn.language.language_file import read_language_model

    return integer_file.read(path) if path.suffix == ".esnn" else read_language_model(path)
