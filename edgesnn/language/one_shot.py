"""Pruning of a gated model without training: those weights go that change pre-activations least,
and the others make up for them (OBC: Frantar and Alistarh 2022)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from edgesnn.compress import obs
from edgesnn.errors import InputError
from edgesnn.language.corpus import Ids
from edgesnn.language.model import LanguageModel
from edgesnn.language.moments import Moments, moments
from edgesnn.language.pruning import sparsity_of

#: Of the matrices of a layer and their biases: of its inputs, then of its own events.
_NAMES = (
    (("input_weights", "input_bias"), ("recurrent_weights", "recurrent_bias")),
    (("weight_ih_l0", "bias_ih_l0"), ("weight_hh_l0", "bias_hh_l0")),
)


def prune_one_shot(model: LanguageModel, ids: Ids, sparsity: float) -> LanguageModel:
    """``model`` itself, with this share of the weights of all layers together gone.

    ids   a text that shows what its matrices read, in 10 parts side by side

    Losses of all rows are compared as they are, for they are errors of pre-activations. Biases
    move, too. Raises ``InputError`` unless the sparsity is at least what is gone already and
    below 1.
    """
    gone = sparsity_of(model)
    if not gone <= sparsity < 1:
        raise InputError(
            f"sparsity must be at least {gone:.4g}, which is gone, and below 1, not {sparsity}"
        )
    maps = list(_maps(model, moments(model, ids)))
    losses = []
    for weights, bias, hessian in maps:
        found = obs.elimination_losses(hessian, _joined(weights, bias), kept=1)[:, :-1]
        losses.append(found.masked_fill(weights == 0, -1.0).flatten())
    together = torch.cat(losses)
    stay = torch.ones(len(together), dtype=torch.bool)
    stay[together.argsort(stable=True)[: round(sparsity * len(together))]] = False
    parts = stay.split([len(part) for part in losses])
    with torch.no_grad():
        for (weights, bias, hessian), part in zip(maps, parts, strict=True):
            masks = nn.functional.pad(part.view_as(weights), (0, 1), value=True)
            best = obs.compensate(hessian, _joined(weights, bias), masks)
            weights.copy_(best[:, :-1])
            bias.copy_(best[:, -1])
    return model


def _maps(model: LanguageModel, read: Moments) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Weights, biases and damped Hessian of each matrix."""
    before = read.vectors
    for layer, own in zip(model.layers, read.sent, strict=True):
        names = next(pairs for pairs in _NAMES if hasattr(layer, pairs[0][0]))
        for (weights, bias), hessian in zip(names, (before, own), strict=True):
            yield layer.get_parameter(weights), layer.get_parameter(bias), obs.damped(hessian)
        before = own


def _joined(weights: Tensor, bias: Tensor) -> Tensor:
    """Float64 [row, input + 1]."""
    return torch.cat([weights, bias[:, None]], dim=1).detach().double()
