"""A language model in floating point to one in integers, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable

from edgesnn.compress.settings import CompressionSettings
from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus
from edgesnn.language.integer_file import IntegerLanguage
from edgesnn.language.languages import (
    GatedIntegers,
    GatedModel,
    Language,
    SpikingModel,
    SpikingNetwork,
)
from edgesnn.language.moments import moments
from edgesnn.language.quantize import quantize_model
from edgesnn.language.spiking import compress_spiking

#: Tokens of the training part, at most, that show what the matrices of a gated model read.
CALIBRATION = 50_000
#: Share of the weights of spiking models that goes unless another one is asked for.
SPARSITY = 0.7


def in_integers(
    language: Language,
    corpus: Corpus,
    sparsity: float | None = None,
    fine_tune_epochs: int = 0,
    progress: Callable[[str], None] | None = None,
) -> GatedIntegers | SpikingNetwork:
    """The model of 4-bit weights.

    corpus             shows what weights read, so that those change that matter least; fine-tunes
                       spiking models
    sparsity           of spiking models, share of all weights that goes; None: 0.7
    fine_tune_epochs   of spiking models

    Raises ``InputError`` for settings that a kind of model does not have, and for a model that is
    in integers already; ``UnsupportedModel`` for layers that have no integers.
    """
    if isinstance(language, GatedModel):
        if sparsity is not None or fine_tune_epochs:
            raise InputError(
                "sparsity and fine-tuning must be of spiking models: a gated one is pruned and "
                "trained on before (edgesnn lm prune)"
            )
        trained = language.trained
        read = moments(trained.model, corpus.training[:CALIBRATION])
        integers = quantize_model(trained.model, read)
        return GatedIntegers(IntegerLanguage(integers, trained.vocabulary, trained.info))
    if not isinstance(language, SpikingModel):
        raise InputError("a model must be in floating point to become integers, but it is in them")
    settings = CompressionSettings(
        sparsity=SPARSITY if sparsity is None else sparsity, fine_tune_epochs=fine_tune_epochs
    )
    return SpikingNetwork(compress_spiking(language.model, corpus, settings, progress)[0])
