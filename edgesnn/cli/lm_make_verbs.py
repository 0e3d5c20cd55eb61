"""The verbs that make language models: lm train, lm prune, lm compress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import DataFolder, Json, check_choice, check_outputs, share_cores
from edgesnn.cli.output import Output, percent
from edgesnn.cli.train_verb import state_file
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.language.corpus import Corpus
    from edgesnn.language.language_file import Trained
    from edgesnn.language.languages import Language
    from edgesnn.language.presets import Told
    from edgesnn.language.training import Evaluated

#: Shares of the weights that go, one after the other, on the way to the one that is asked for.
STEPS = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95)
#: Of training after each step: epochs, and the learning rate as a part of the preset's.
PRUNED_EPOCHS, PRUNED_RATE = 2, 0.3

LanguageFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A gated language model in floating point, as lm train writes it.",
        exists=True,
        dir_okay=False,
    ),
]
Text = Annotated[
    str | None,
    typer.Option(
        "--text",
        help="Another text: a data set, a file of characters, a folder of words in parts.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        help="Go on with an interrupted training, whose state is in OUTPUT.partial; "
        "--no-resume starts anew.",
    ),
]


def text_of(trained: Language | Trained, text: str | None, data: Path | None) -> Corpus:
    """The text of a model, or another one, as the numbers that the model knows."""
    from edgesnn.language.presets import read_text

    wanted = str(trained.info.get("text", "")) if text is None else text
    return read_text(wanted, trained.vocabulary.characters, data, trained.vocabulary)


def guessed(found: Evaluated, characters: bool) -> str:
    """How well a text was guessed, as the field says it."""
    if characters:
        return f"{found.bits:.3f} bits per character"
    return f"perplexity {found.perplexity:.2f}"


def train(
    preset: Annotated[
        str, typer.Argument(help="Name of a model and its training; a wrong one lists them.")
    ] = "characters",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The trained model.", dir_okay=False)
    ] = Path("language.model"),
    kind: Annotated[
        str | None, typer.Option(help="Of the layers of a gated model: egru (default), gru, lstm.")
    ] = None,
    text: Text = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: the preset's.")] = None,
    units: Annotated[
        int | None, typer.Option(min=1, help="Of each layer, or neurons. Default: the preset's.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the preset's.")] = None,
    data: DataFolder = None,
    resume: Resume = True,
    json: Json = False,
) -> None:
    """Train a language model on a text; the epoch that guesses the validation part best is kept.

    After each epoch the state is written to OUTPUT.partial; after Ctrl-C, or a loss of power, the
    same command goes on from there, and gives the same model as if nothing had happened.

    Example: edgesnn lm train characters -o shakespeare.model
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.language.model import KINDS
        from edgesnn.language.presets import PRESETS, TEXTS, Request, read_text

    check_choice("a preset", preset, PRESETS, "PRESET")
    if kind is not None:
        check_choice("a kind", kind, KINDS, "--kind")
    check_outputs(output)
    out, chosen, state = Output(json), PRESETS[preset], state_file(output)
    name = chosen.text if text is None else text
    corpus = read_text(name, chosen.characters, data)
    info = {
        "preset": preset,
        "text": name if name in TEXTS else str(Path(name).resolve()),
    }
    request = Request(kind, units, epochs, seed)
    if not resume:
        state.unlink(missing_ok=True)
    elif state.exists():
        out.note(f"Going on from {state}.")
    try:
        with _epochs(out, preset, chosen.characters) as tell:
            trained = chosen.train(corpus, request, info, tell, state)
    except KeyboardInterrupt:
        if state.exists():
            out.note(
                f"Interrupted; {state} keeps the state. The same command goes on from there, "
                "with --no-resume it starts anew."
            )
        raise
    trained.write(output)
    state.unlink(missing_ok=True)
    found = trained.guess(corpus.test).found
    out.line(f"{output}: {guessed(found, chosen.characters)} on the test part")
    out.result({"output": str(output), **figures(found)})


def prune(
    model: LanguageFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The pruned model.", dir_okay=False)
    ] = Path("pruned.model"),
    sparsity: Annotated[
        float, typer.Option(help="Share of the layers' weights that goes, below 1.")
    ] = 0.8,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Of training after each step on the way there. Default: {PRUNED_EPOCHS}.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help=f"Learning rate of that, as a part of the preset's. Default: {PRUNED_RATE}."
        ),
    ] = None,
    one_shot: Annotated[
        bool,
        typer.Option(
            "--one-shot",
            help="All at once and without training: those weights whose loss the others can make "
            "up for (OBC).",
        ),
    ] = False,
    text: Text = None,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """Take weights away: the smallest in steps, training the others on; or all at once.

    After each step (50, 70, 80, 85, 90, 95 %, as far as --sparsity) the model so far is written to
    OUTPUT, from which another call can go on. With --one-shot it takes a minute, and loses more.

    Example: edgesnn lm prune shakespeare.model -o sparse.model --sparsity 0.8
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.language.in_integers import CALIBRATION
        from edgesnn.language.language_file import Trained, read_language_model
        from edgesnn.language.language_file import write_language_model as write
        from edgesnn.language.one_shot import prune_one_shot
        from edgesnn.language.operations import operations
        from edgesnn.language.presets import gated_preset, told
        from edgesnn.language.pruning import prune_to, sparsity_of
        from edgesnn.language.training import evaluate

    if not 0 <= sparsity < 1:
        raise typer.BadParameter(f"--sparsity must be at least 0 and below 1, not {sparsity}")
    if one_shot and (epochs is not None or rate is not None):
        raise typer.BadParameter(
            "--epochs and --rate must be left out with --one-shot: no training"
        )
    if rate is not None and not 0 < rate <= 1:
        raise typer.BadParameter(f"--rate must be above 0 and at most 1, not {rate}")
    check_outputs(output)
    out, trained = Output(json), read_language_model(model)
    corpus = text_of(trained, text, data)
    usual = gated_preset(str(trained.info.get("preset"))).training
    how = replace(
        usual,
        epochs=epochs or PRUNED_EPOCHS,
        learning_rate=(rate or PRUNED_RATE) * usual.learning_rate,
        constant=0.0,
        seed=int(trained.info.get("seed", usual.seed)),
    )
    gone, characters = sparsity_of(trained.model), trained.vocabulary.characters
    before = evaluate(trained.model, corpus.test)
    rows = [_row(gone, before, operations(trained.model, corpus.test).per_token, characters)]
    between = [] if one_shot else [s for s in STEPS if gone < s < sparsity]
    for step in [*between, sparsity]:
        name = f"{percent(step)} of the weights gone"
        if one_shot:
            out.note(f"{name}: by what they read")
            pruned = prune_one_shot(trained.model, corpus.training[:CALIBRATION], step)
        else:
            with _epochs(out, name, characters) as tell:
                pruned = prune_to(trained.model, corpus, step, how, lambda e: tell(told(e)))
        write(Trained(pruned, trained.vocabulary, {**trained.info, "pruned": step}), output)
        found = evaluate(pruned, corpus.test)
        rows.append(_row(step, found, operations(pruned, corpus.test).per_token, characters))
    measure = "bits per character" if characters else "perplexity"
    out.table("steps", ("weights gone", measure, "activity", "operations per token"), rows)
    out.line(f"{output}: {guessed(found, characters)} on the test part")
    out.result({"output": str(output), "sparsity": sparsity_of(pruned), **figures(found)})


def compress(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A language model in floating point, of EGRU layers or spiking.",
            exists=True,
            dir_okay=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The model of integers.", dir_okay=False)
    ] = Path("language.esnn"),
    sparsity: Annotated[
        float | None,
        typer.Option(
            help="Of spiking models: share of all weights that goes (default 0.7). Gated ones are "
            "pruned by lm prune."
        ),
    ] = None,
    fine_tune: Annotated[
        int, typer.Option(min=0, help="Of spiking models: epochs of training through the rounding.")
    ] = 0,
    tokens: Annotated[
        int, typer.Option(min=2, help="Of the test part, at most, that both models guess.")
    ] = 10_000,
    text: Text = None,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """A language model in integers of 4 bits.

    EGRU layers compute what docs/egru.md says, with 8-bit events and gates by table; spiking models
    are pruned and rounded as every spiking network.

    Example: edgesnn lm compress sparse.model -o sparse.esnn
    """
    share_cores()
    with needs_extra("language models", "train"):
        from edgesnn.language.in_integers import in_integers
        from edgesnn.language.languages import read_language

    check_outputs(output)
    out, trained = Output(json), read_language(model)
    corpus, characters = text_of(trained, text, data), trained.vocabulary.characters
    ids = corpus.test[:tokens]
    with out.progress("compress") as advance:
        integers = in_integers(
            trained, corpus, sparsity, fine_tune, lambda step: advance(text=f"compress: {step}")
        )
        advance(text="compress: guessing the test part")
        before, after = trained.guess(ids).found, integers.guess(ids).found
    integers.write(output)
    out.line(
        f"{output}: {guessed(after, characters)}, in floating point "
        f"{guessed(before, characters)} ({len(ids):,} tokens of the test part)"
    )
    out.result({"output": str(output), "float": figures(before), "integer": figures(after)})


def figures(found: Evaluated) -> dict[str, object]:
    """For programs."""
    return {
        "perplexity": found.perplexity,
        "bits_per_token": found.bits,
        "activity": list(found.activity),
    }


def _row(gone: float, found: Evaluated, per_token: float, characters: bool) -> tuple[str, ...]:
    guess = found.bits if characters else found.perplexity
    shares = ", ".join(percent(share) for share in found.activity)
    return percent(gone), f"{guess:.3f}", shares, f"{per_token:,.0f}"


@contextmanager
def _epochs(out: Output, name: str, characters: bool) -> Iterator[Callable[[Told], None]]:
    """A progress bar that tells of epochs."""
    with out.progress(name, 0) as advance:

        def tell(epoch: Told) -> None:
            text = f"{name}: {guessed(epoch.validation, characters)}, {epoch.details}"
            advance(epoch.done, text, epoch.total)

        yield tell
