"""The verbs that use language models: lm eval, lm generate, lm chat."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from edgesnn.cli.lm_make_verbs import Text, figures, guessed, text_of
from edgesnn.cli.options import (
    Baud,
    BoardOrNone,
    DataFolder,
    Json,
    NetworkFile,
    Port,
    find_board_or_none,
    share_cores,
)
from edgesnn.cli.output import Output, percent
from edgesnn.cli.run_verbs import simulator_or_device
from edgesnn.errors import InputError
from edgesnn.extras import needs_extra

AnyLanguageFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A language model, in floating point or (.esnn) in integers.",
        exists=True,
        dir_okay=False,
    ),
]
Tokens = Annotated[int, typer.Option(min=1, help="Words or characters that follow.")]
Temperature = Annotated[
    float, typer.Option(min=0.0, help="0: always the likeliest token; 1: as they are likely.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")]


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
    with needs_extra("language models", "train"):
        from edgesnn.language.languages import read_language

    out, language = Output(json), read_language(model)
    ids = text_of(language, text, data).test[:tokens]
    with out.progress("guessing"):
        guess = language.guess(ids)
    shares = ", ".join(percent(share) for share in guess.found.activity)
    out.line(
        f"{guessed(guess.found, language.vocabulary.characters)} on {len(ids):,} tokens; units "
        f"that send in a step: {shares}; {guess.operations:,.0f} operations per token"
    )
    out.result(
        {**figures(guess.found), "tokens": len(ids), "operations_per_token": guess.operations}
    )


def generate(
    model: AnyLanguageFile,
    prompt: Annotated[str, typer.Argument(help="Text that the model goes on with.")],
    tokens: Tokens = 200,
    temperature: Temperature = 0.8,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Go on with a text.

    Example: edgesnn lm generate sparse.esnn "ROMEO:" --tokens 200
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.language.generate import generate as go_on
        from edgesnn.language.languages import read_language

    out, language = Output(json), read_language(model)
    vocabulary = language.vocabulary
    ids = vocabulary.encode_prompt(prompt)
    said = vocabulary.decode(go_on(language.reader(), ids, tokens, temperature, seed))
    out.line(f"{prompt}{'' if vocabulary.characters else ' '}{said}")
    out.result({"prompt": prompt, "text": said})


def chat(
    network: NetworkFile,
    tokens: Tokens = 200,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    board: BoardOrNone = "icebreaker",
    port: Port = None,
    baud: Baud = None,
    json: Json = False,
) -> None:
    """Type a prompt, and a spiking language model goes on with it: simulated, or on a device.

    Each line of the standard input is a prompt. Every character is one event over the serial link,
    and the membranes of the read-out come back. With --json every reply is one line.

    Example: echo "ROMEO:" | edgesnn lm chat spiking.esnn --tokens 100
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.chat import reply
        from edgesnn.language.spiking import vocabulary_of
    from edgesnn import model_file

    out, loaded = Output(json), model_file.read(network)
    vocabulary_of(loaded)
    backend = simulator_or_device(out, loaded, find_board_or_none(board), port, baud)
    try:
        backend.load(loaded)
        for prompt in _prompts(out):
            try:
                said = reply(backend, loaded, prompt, tokens, temperature, seed)
            except InputError as error:
                out.note(str(error))
                continue
            tokens_read = said.counters.steps
            rate = tokens_read / max(said.seconds, 1e-9)
            sops, cycles = said.counters.sops / tokens_read, said.counters.cycles / tokens_read
            out.line(f"{prompt}{said.text}")
            counted = f", {cycles:,.0f} cycles" if cycles else ""
            out.line(f"({rate:,.0f} tokens/s; each {sops:,.0f} synaptic operations{counted})")
            out.result(
                {
                    "prompt": prompt,
                    "text": said.text,
                    "tokens_per_second": rate,
                    "operations_per_token": sops,
                    "cycles_per_token": cycles,
                }
            )
    finally:
        backend.close()


def _prompts(out: Output) -> Iterator[str]:
    """Lines of the standard input, without their ends; empty ones are passed over."""
    if sys.stdin.isatty():
        out.note("Type a prompt; an end of file (Ctrl-D) ends the chat.")
    for line in iter(sys.stdin.readline, ""):
        if line.rstrip("\n"):
            yield line.rstrip("\n")
