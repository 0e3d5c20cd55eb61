"""Models and trainings that are known to work, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from edgesnn.data import find_data_set
from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus, Vocabulary, read_characters, read_words
from edgesnn.language.language_file import Trained
from edgesnn.language.languages import GatedModel, Language, SpikingModel
from edgesnn.language.model import LanguageModel, LanguageSettings
from edgesnn.language.spiking import spiking_model, train_spiking
from edgesnn.language.training import Evaluated, LanguageEpoch, LanguageTraining, train_language
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Epoch

AnyTraining = TypeVar("AnyTraining", LanguageTraining, TrainingSettings)
#: Data sets that are texts.
TEXTS = ("ptb", "tinyshakespeare")


@dataclass(frozen=True)
class Told:
    """What there is to tell after an epoch of any training."""

    done: int
    total: int
    validation: Evaluated
    details: str


#: Called after each epoch.
Tell = Callable[[Told], None]


@dataclass(frozen=True)
class Request:
    """What a user may want otherwise than a preset has it; None: as it has it.

    kind   of the layers of a gated model
    units  of each layer, or neurons
    """

    kind: str | None = None
    units: int | None = None
    epochs: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Preset:
    """A gated model: what is trained, on what, and how.

    text         name of a data set
    characters   whether tokens are characters, else words
    layers       fields of :class:`edgesnn.language.model.LanguageSettings`, but kind and vocabulary
    """

    name: str
    text: str
    characters: bool
    layers: Mapping[str, Any]
    training: LanguageTraining

    def settings(self, kind: str, vocabulary: Vocabulary) -> LanguageSettings:
        """Of a model of that kind that knows these tokens."""
        return LanguageSettings(kind, len(vocabulary), **self.layers)

    def train(
        self, corpus: Corpus, request: Request, info: dict[str, Any], tell: Tell, resume: Path
    ) -> Language:
        """The trained model; ``resume`` keeps the state after each epoch.

        Raises as :func:`edgesnn.language.training.train_language`.
        """
        settings = self.settings(request.kind or "egru", corpus.vocabulary)
        if request.units is not None:
            settings = replace(settings, units=(request.units,) * len(settings.units))
        how = _as_wanted(self.training, request)

        model = LanguageModel(settings, how.seed)
        train_language(model, corpus, how, progress=lambda e: tell(told(e)), resume=resume)
        info = {**info, "epochs": how.epochs, "seed": how.seed}
        return GatedModel(Trained(model, corpus.vocabulary, info))


def told(epoch: LanguageEpoch) -> Told:
    """Of a gated model."""
    activity = ", ".join(f"{100 * share:.0f}" for share in epoch.validation.activity)
    details = (
        f"{activity} % active, gradient {epoch.gradient_norm:.2f}, "
        f"{epoch.tokens_per_second:,.0f} tokens/s"
    )
    return Told(epoch.done, epoch.total, epoch.validation, details)


def _as_wanted(usual: AnyTraining, request: Request) -> AnyTraining:
    return replace(
        usual,
        epochs=usual.epochs if request.epochs is None else request.epochs,
        seed=usual.seed if request.seed is None else request.seed,
    )


GATED: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        # Words of newspapers, one layer: for a laptop.
        Preset(
            "ptb",
            "ptb",
            False,
            {"units": (256,), "input_dropout": 0.2, "output_dropout": 0.2, "width": 1.0},
            LanguageTraining(
                epochs=8, batch=32, window=35, learning_rate=3e-3, constant=0.4, beta=0.9,
                weight_decay=0.02, candidates=2000,
            ),
        ),
        # Characters of Shakespeare, one layer: minutes on a laptop.
        Preset(
            "characters",
            "tinyshakespeare",
            True,
            {"units": (384,), "output_dropout": 0.2},
            LanguageTraining(
                epochs=10, batch=20, window=64, vary_window=False, learning_rate=3e-3,
                constant=0.3, beta=0.9, weight_decay=0.01, gradient_norm=1.0,
            ),
        ),
        # The paper's own size and schedule: 32 M weights, 1,000 epochs (Mukherji et al. 2024, and
        # the settings in its authors' repository EvNN, May 2024).
        Preset(
            "paper-ptb",
            "ptb",
            False,
            {
                "units": (1350, 1350, 750), "word_dropout": 0.1, "input_dropout": 0.6,
                "between_dropout": 0.25, "output_dropout": 0.5, "drop_connect": 0.7,
                "threshold_mean": 0.01, "width": 3.6,
            },
            LanguageTraining(
                epochs=1000, batch=64, window=70, learning_rate=1.2e-3, constant=0.7, beta=0.0,
                weight_decay=0.1, gradient_norm=0.1, hand_over_h=False, seed=9612,
            ),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class SpikingPreset:
    """A spiking language model, which cores run.

    text, characters   as of :class:`Preset`
    neurons            of its recurrent population
    """

    name: str
    text: str
    characters: bool
    neurons: int
    training: TrainingSettings

    def train(
        self, corpus: Corpus, request: Request, info: dict[str, Any], tell: Tell, resume: Path
    ) -> Language:
        """As :meth:`Preset.train`. Raises ``InputError`` if a kind is asked for."""
        if request.kind is not None:
            raise InputError(f"a spiking model must have no kind of layers, not {request.kind!r}")
        how = _as_wanted(self.training, request)
        info = {**info, "epochs": how.epochs, "seed": how.seed}
        neurons = self.neurons if request.units is None else request.units
        fresh = spiking_model(corpus.vocabulary, neurons, how.seed, info)

        def progress(epoch: Epoch) -> None:
            assert epoch.validation_loss is not None
            validation = Evaluated(epoch.validation_loss, ())
            tell(Told(epoch.done, epoch.total, validation, f"training {epoch.loss:.3f}"))

        return SpikingModel(train_spiking(fresh, corpus, how, progress, resume))


SPIKING: dict[str, SpikingPreset] = {
    preset.name: preset
    for preset in (
        SpikingPreset(
            "spiking",
            "tinyshakespeare",
            True,
            512,
            TrainingSettings(
                epochs=10, batch_size=20, learning_rate=5e-3, learn_decay=True,
                surrogate_slope=2.0, gradient_norm=1.0,
            ),
        ),
    )
}  # fmt: skip


PRESETS: dict[str, Preset | SpikingPreset] = {**GATED, **SPIKING}


def gated_preset(name: str) -> Preset:
    """The preset of a gated model; ``InputError`` lists what there is."""
    if name not in GATED:
        raise InputError(f"a preset must be one of {', '.join(GATED)}, not {name!r}")
    return GATED[name]


def read_text(
    text: str, characters: bool, folder: Path | None = None, vocabulary: Vocabulary | None = None
) -> Corpus:
    """A text in parts.

    text         name of a data set, or a path: a file of characters, a folder or archive of words
    folder       where data sets lie
    vocabulary   of a model that is to read it; None: that of the text itself

    Raises ``InputError`` if it is not there or holds what the model does not know.
    """
    if text in TEXTS:
        path = find_data_set(text).find(folder)
    elif text and Path(text).exists():
        path = Path(text)
    else:
        raise InputError(
            f"a text must be a path that exists, or one of {', '.join(TEXTS)}, not {text!r}"
        )
    return (read_characters if characters else read_words)(path, vocabulary)
