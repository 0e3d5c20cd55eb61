"""A small spiking language model of four characters, trained and in integers."""

from __future__ import annotations

from functools import cache

from edgesnn.compress.settings import CompressionSettings
from edgesnn.language.corpus import Corpus, corpus_of
from edgesnn.language.spiking import compress_spiking, spiking_model, train_spiking
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.train.settings import TrainingSettings

#: Every other character is certain, and so are the others for who remembers two steps.
PART = "cabcdabd"
NEURONS = 24
SETTINGS = TrainingSettings(
    epochs=30, batch_size=8, learning_rate=2e-2, learn_decay=True, surrogate_slope=2.0,
    gradient_norm=1.0,
)  # fmt: skip


@cache
def spiking_corpus() -> Corpus:
    return corpus_of(PART * 300, PART * 30, PART * 30, characters=True)


@cache
def trained() -> Model:
    corpus = spiking_corpus()
    return train_spiking(spiking_model(corpus.vocabulary, NEURONS, 0), corpus, SETTINGS)


@cache
def network() -> Network:
    settings = CompressionSettings(sparsity=0.3, threads=1)
    return compress_spiking(trained(), spiking_corpus(), settings)[0]
