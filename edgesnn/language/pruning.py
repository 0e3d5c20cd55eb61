"""Weights of a language model that go: the smallest of all layers together, step by step.

Source: Mukherji et al. 2024, arXiv 2405.00433 (magnitude pruning with fine-tuning); of the steps
between only the idea is published, so they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from edgesnn.errors import InputError
from edgesnn.language.corpus import Corpus
from edgesnn.language.model import LanguageModel, prunable_weights
from edgesnn.language.training import LanguageEpoch, LanguageTraining, train_language


def magnitude_masks(model: LanguageModel, sparsity: float) -> dict[str, Tensor]:
    """By name of the parameter in ``model``, 1 where a weight stays: the largest of all layers
    together; biases, thresholds and vectors of tokens are left alone.

    Exactly ``sparsity`` of the weights are gone, to the nearest one. Raises ``InputError`` if it is
    not at least 0 and below 1.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"sparsity must be at least 0 and below 1, not {sparsity}")
    weights = prunable_weights(model)
    sizes = torch.cat([w.detach().abs().flatten() for w in weights.values()])
    gone = sizes.argsort(stable=True)[: round(sparsity * len(sizes))]
    mask = torch.ones_like(sizes)
    mask[gone] = 0
    parts = mask.split([w.numel() for w in weights.values()])
    return {
        f"layers.{name}": part.view_as(w)
        for (name, w), part in zip(weights.items(), parts, strict=True)
    }


def apply_masks(model: LanguageModel, masks: Mapping[str, Tensor]) -> None:
    """Set what is gone to 0."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, mask in masks.items():
            parameters[name].mul_(mask)


def sparsity_of(model: LanguageModel) -> float:
    """Share of the weights that are 0."""
    weights = prunable_weights(model).values()
    zeros = sum(int((w == 0).sum()) for w in weights)
    return zeros / sum(w.numel() for w in weights)


def prune_to(
    model: LanguageModel,
    corpus: Corpus,
    sparsity: float,
    fine_tuning: LanguageTraining,
    progress: Callable[[LanguageEpoch], None] | None = None,
) -> LanguageModel:
    """One step: the smallest weights of ``model`` go, then the others are trained on.

    The share of recurrent weights that training leaves out at random falls with the share that is
    there. What went before is 0, and goes first. ``model`` itself changes.

    Raises ``InputError`` if more is gone already, and as training does.
    """
    gone = sparsity_of(model)
    weights = sum(w.numel() for w in prunable_weights(model).values())
    if round(sparsity * weights) < round(gone * weights):
        raise InputError(f"sparsity must be at least {gone:.4g}, which is gone, not {sparsity}")
    masks = magnitude_masks(model, sparsity)
    apply_masks(model, masks)
    model.set_drop_connect(model.settings.drop_connect * (1 - sparsity) / (1 - gone))
    return train_language(model, corpus, fine_tuning, masks=masks, progress=progress)
