"""Attacked inputs: as near as was promised, and worse for the network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgesnn.errors import InputError
from edgesnn.train.attack import projected_gradient
from edgesnn.train.classifier import ClassifierSettings, share_right, train_classifier


def linear() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Which of two halves is brighter, learned by a linear map."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((300, 10), generator=generator)
    labels = (x[:, :5].sum(1) > x[:, 5:].sum(1)).long()
    torch.manual_seed(0)
    module = nn.Linear(10, 2)
    train_classifier(module, x, labels, ClassifierSettings(epochs=20))
    return module, x, labels


def test_an_attack_of_a_linear_map_goes_to_the_corner_of_the_box() -> None:
    module, x, labels = linear()
    found = projected_gradient(module, x, labels, 0.05, iterations=20)
    # The gradient of the loss has the sign of the difference of the weights, everywhere.
    worse = (module.weight[1 - labels] - module.weight[labels]).detach().sign()
    expected = (x + 0.05 * worse).clamp(0, 1)
    assert torch.allclose(found, expected, atol=1e-6)
    assert share_right(module, found, labels) < share_right(module, x, labels) - 0.1
    assert not module.weight.grad_fn
    assert torch.equal(projected_gradient(module, x, labels, 0.0), x)


def test_an_attack_stays_near_and_in_range() -> None:
    module, x, labels = linear()
    found = projected_gradient(nn.Sequential(module, nn.Tanh()), x, labels, 0.1, 0.07, 5)
    assert float((found - x).abs().max()) <= 0.1 + 1e-6
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


def test_settings_and_data_that_cannot_be_are_refused() -> None:
    module, x, labels = linear()
    with pytest.raises(ValueError, match="epsilon must be at least 0"):
        projected_gradient(module, x, labels, -0.1)
    with pytest.raises(ValueError, match="epochs and batch_size must be at least 1"):
        ClassifierSettings(epochs=0)
    with pytest.raises(InputError, match="a label for each, not 300 and 299"):
        train_classifier(module, x, labels[1:], ClassifierSettings())
    with pytest.raises(InputError, match="loss must stay finite, but did not in epoch 1: lower"):
        train_classifier(module, x * torch.inf, labels, ClassifierSettings())


def test_the_same_seed_trains_the_same_module() -> None:
    one, other = (linear()[0] for _ in range(2))
    assert torch.equal(one.weight, other.weight)
