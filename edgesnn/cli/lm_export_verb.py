"""The verb that writes a language model as C: lm export-c."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.export_verb import tell_export
from edgesnn.cli.lm_make_verbs import Text, text_of
from edgesnn.cli.options import (
    CFolder,
    DataFolder,
    Json,
    NameInC,
    ReplaceExport,
    name_and_folder,
    share_cores,
)
from edgesnn.cli.output import Output
from edgesnn.errors import EdgesnnError
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.language.corpus import Ids


def export_c(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A language model of EGRU layers in integers, as lm compress writes it (.esnn).",
            exists=True,
            dir_okay=False,
        ),
    ],
    output: CFolder = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="That the self-test reads. Default: a hundred.")
    ] = None,
    text: Text = None,
    data: DataFolder = None,
    name: NameInC = None,
    force: ReplaceExport = False,
    json: Json = False,
) -> None:
    """Write a language model and what runs it as C, for a microcontroller: a folder that compiles.

    It holds the image for flash, as an array and as it is, and an example that reads a text and
    compares all scores and states with the simulator's. Spiking models are for edgesnn export-c.

    Example: edgesnn lm export-c sparse.esnn -o sparse_c
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.export_language_c import TEST_TOKENS, export
        from edgesnn.language.languages import GatedIntegers, read_gated_integers

    out = Output(json)
    name, folder = name_and_folder(model, name, output, force)
    language = read_gated_integers(model)
    count = TEST_TOKENS if tokens is None else tokens
    ids: Ids | int
    try:
        ids = text_of(GatedIntegers(language), text, data).test[:count]
    except EdgesnnError as error:
        if text is not None or data is not None:
            raise
        out.note(f"The self-test reads made up tokens, as there is no text: {error}")
        ids = count
    tell_export(out, export(language, folder, name, ids, force), "model")
