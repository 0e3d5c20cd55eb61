"""Inputs that are changed a little so that a network decides wrongly.

Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgesnn.train.classifier import INPUTS_AT_ONCE


def projected_gradient(
    module: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    epsilon: float,
    step: float | None = None,
    iterations: int = 20,
) -> Tensor:
    """Attacked inputs, as ``inputs`` [n, ...], which are in 0..1 and stay there.

    epsilon      the most that any number of an input changes
    step         of an iteration; a tenth of ``epsilon`` by default
    iterations   each goes along the sign of the gradient of the loss, from the input itself

    The module runs as it is: put it into evaluation mode before.
    Raises ``ValueError`` if ``epsilon`` or ``iterations`` cannot be.
    """
    if not epsilon >= 0 or iterations < 1:
        raise ValueError("epsilon must be at least 0 and iterations at least 1")
    size = epsilon / 10 if step is None else step
    parts = zip(inputs.split(INPUTS_AT_ONCE), labels.split(INPUTS_AT_ONCE), strict=True)
    return torch.cat([_attacked(module, x, right, epsilon, size, iterations) for x, right in parts])


def _attacked(
    module: nn.Module, clean: Tensor, labels: Tensor, epsilon: float, step: float, iterations: int
) -> Tensor:
    low, high = (clean - epsilon).clamp(min=0), (clean + epsilon).clamp(max=1)
    x = clean.clone()
    for _ in range(iterations):
        x.requires_grad_()
        loss = nn.functional.cross_entropy(module(x), labels)
        (gradient,) = torch.autograd.grad(loss, x)
        x = torch.minimum(torch.maximum(x.detach() + step * gradient.sign(), low), high)
    return x
