"""A recurrent language model: what token comes next, from EGRU, GRU or LSTM layers.

Tokens become vectors, layers of one kind follow, and the scores of the next token come from the
same vectors, so that the last layer is as wide as they are. What is left out at random in training:
whole tokens of the vocabulary, features (alike in all steps of a pass), recurrent weights.

Source: Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models"; Mukherji
et al. 2024, arXiv 2405.00433, for EGRU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from edgesnn.errors import InputError
from edgesnn.language.egru import Egru, EgruSettings, EgruState

KINDS = ("egru", "gru", "lstm")
_SPREAD = 0.1  # of the vectors of tokens at the start
_STEPS = 100  # of a part of a text that is only read
#: What a layer carries from one pass to the next.
LayerState = EgruState | Tensor | tuple[Tensor, Tensor]


@dataclass(frozen=True)
class LanguageSettings:
    """A model.

    kind             of all layers
    vocabulary       tokens
    units            of each layer; the last one's are also the features of a token
    word_dropout     share of the vocabulary that a training pass reads as nothing
    input_dropout    share of features of tokens, and
    between_dropout  of layers, and
    output_dropout   of the last layer, that a training pass leaves out
    drop_connect     share of recurrent weights that a training pass leaves out
    threshold_mean   of EGRU's thresholds
    width            of EGRU's surrogate, and its height
    """

    kind: str
    vocabulary: int
    units: tuple[int, ...]
    word_dropout: float = 0.0
    input_dropout: float = 0.0
    between_dropout: float = 0.0
    output_dropout: float = 0.0
    drop_connect: float = 0.0
    threshold_mean: float = 0.01
    width: float = 3.6

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.vocabulary < 2:
            raise InputError(f"a vocabulary must have at least 2 tokens, not {self.vocabulary}")
        if not self.units or min(self.units) < 1:
            raise InputError(f"units must be at least 1 in at least one layer, not {self.units}")
        parts = ("word_dropout", "input_dropout", "between_dropout", "output_dropout")
        for name in (*parts, "drop_connect"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be in 0..1, below 1, not {getattr(self, name)}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of what enters each layer, and of what leaves the last one."""
        return (self.units[-1], *self.units)


class Said(NamedTuple):
    """Of one pass.

    scores   [time_step, batch, token], of the next token
    states   of each layer after the last step
    sent     of each layer [time_step, batch, unit]: of EGRU 0 where a unit sent nothing
    """

    scores: Tensor
    states: list[LayerState]
    sent: list[Tensor]


class Heard(NamedTuple):
    """Of one pass, before scores.

    features   [time_step, batch, feature] of the last layer
    states, sent   as of :class:`Said`
    """

    features: Tensor
    states: list[LayerState]
    sent: list[Tensor]


class LanguageModel(nn.Module):
    """The model of ``settings``; ``seed`` for all that is random at the start."""

    def __init__(self, settings: LanguageSettings, seed: int = 0) -> None:
        super().__init__()
        self.settings = settings
        generator = torch.Generator().manual_seed(seed)
        self.embedding = nn.Parameter(torch.empty(settings.vocabulary, settings.units[-1]))
        with torch.no_grad():
            self.embedding.uniform_(-_SPREAD, _SPREAD, generator=generator)
        self.bias = nn.Parameter(torch.zeros(settings.vocabulary))
        self.layers = nn.ModuleList(
            _layer(settings, size, units, seed + 1 + place)
            for place, (size, units) in enumerate(
                zip(settings.sizes[:-1], settings.units, strict=True)
            )
        )

    def forward(self, tokens: Tensor, states: Sequence[LayerState] | None = None) -> Said:
        """Scores of what follows tokens, int64 [time_step, batch]; ``states`` of the pass before.

        Raises ``InputError`` if there are no steps.
        """
        return self.say(self.hear(tokens, states))

    def say(self, heard: Heard) -> Said:
        """With the scores of all tokens."""
        scores = nn.functional.linear(heard.features, self.embedding, self.bias)
        return Said(scores, heard.states, heard.sent)

    def hear(self, tokens: Tensor, states: Sequence[LayerState] | None = None) -> Heard:
        """All of a pass but the scores, which are most of the work if the vocabulary is large."""
        if tokens.dim() != 2 or not len(tokens):
            raise InputError(
                f"tokens must be [time_step, batch] with a step at least, not {list(tokens.shape)}"
            )
        s = self.settings
        vectors = self._without_words()
        now = nn.functional.embedding(tokens, vectors)
        # Where there are fewer tokens than steps each is multiplied once, as on a device.
        alike = len(vectors) < tokens.numel() and not (self.training and s.input_dropout)
        after: list[LayerState] = []
        sent: list[Tensor] = []
        for place, layer in enumerate(self.layers):
            now = self._locked(now, s.between_dropout if place else s.input_dropout)
            before = None if states is None else states[place]
            if isinstance(layer, Egru):
                assert before is None or isinstance(before, EgruState)
                arriving = (
                    nn.functional.embedding(tokens, layer.arriving(vectors))
                    if alike and not place
                    else layer.arriving(now)
                )
                now, state = layer.go_on(arriving, before)
            else:
                name = "weight_hh_l0"
                weights = {name: self._dropped(layer.get_parameter(name))}
                now, state = functional_call(layer, weights, (now, before))
            after.append(state)
            sent.append(now)
        return Heard(self._locked(now, s.output_dropout), after, sent)

    def set_drop_connect(self, share: float) -> None:
        """Leave out this share of recurrent weights from the next training pass on."""
        self.settings = replace(self.settings, drop_connect=share)
        for layer in self.layers:
            if isinstance(layer, Egru):
                layer.settings = replace(layer.settings, drop_connect=share)

    def _without_words(self) -> Tensor:
        """Vectors of tokens, some of them 0."""
        share = self.settings.word_dropout
        if not self.training or not share:
            return self.embedding
        kept = torch.rand(len(self.embedding), 1, device=self.embedding.device) >= share
        return self.embedding * (kept / (1 - share))

    def _locked(self, x: Tensor, share: float) -> Tensor:
        """Some features left out, in all steps of a pass the same ones."""
        if not self.training or not share:
            return x
        kept = torch.rand(1, *x.shape[1:], device=x.device) >= share
        return x * (kept / (1 - share))

    def _dropped(self, weights: Tensor) -> Tensor:
        return nn.functional.dropout(weights, self.settings.drop_connect, self.training)


def _layer(settings: LanguageSettings, size: int, units: int, seed: int) -> nn.Module:
    if settings.kind == "egru":
        return Egru(
            EgruSettings(
                size, units, settings.threshold_mean, settings.width, settings.width,
                settings.drop_connect,
            ),
            seed,
        )  # fmt: skip
    layer = (nn.GRU if settings.kind == "gru" else nn.LSTM)(size, units)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("weight"):
                for gate in parameter.chunk(len(parameter) // units):
                    nn.init.xavier_normal_(gate, generator=generator)
            else:
                parameter.zero_()
    return layer


def read(model: LanguageModel, text: Tensor) -> Iterator[Said]:
    """What a model says of tokens [time_step, batch], part by part: as :func:`listen`."""
    for heard in listen(model, text):
        with torch.no_grad():
            yield model.say(heard)


def listen(model: LanguageModel, text: Tensor) -> Iterator[Heard]:
    """What the layers of a model make of tokens [time_step, batch], part by part: nothing is left
    out at random, and nothing is learned."""
    was_training = model.training
    model.eval()
    states: list[LayerState] | None = None
    try:
        for part in text.split(_STEPS):
            with torch.no_grad():
                heard = model.hear(part, states)
            states = heard.states
            yield heard
    finally:
        model.train(was_training)


def detached(states: Sequence[LayerState]) -> list[LayerState]:
    """States from which no gradient flows back into the pass that left them."""
    found: list[LayerState] = []
    for state in states:
        if isinstance(state, EgruState):
            found.append(EgruState(state.h.detach(), state.y.detach()))
        elif isinstance(state, Tensor):
            found.append(state.detach())
        else:
            found.append((state[0].detach(), state[1].detach()))
    return found


def prunable_weights(model: LanguageModel) -> dict[str, nn.Parameter]:
    """What pruning may touch, by name in ``model.layers``: the matrices of all layers, neither
    biases nor vectors of tokens."""
    wanted = ("weights", "weight_ih_l0", "weight_hh_l0")
    return {
        name: parameter
        for name, parameter in model.layers.named_parameters()
        if name.endswith(wanted)
    }
