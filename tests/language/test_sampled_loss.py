"""A loss from a part of the vocabulary, against the loss from all of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from edgesnn.language.sampled_loss import sampled_loss


def drawn(
    tokens: int = 60, steps: int = 40, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(steps, 5, generator=generator, dtype=torch.float64)
    embedding = torch.randn(tokens, 5, generator=generator, dtype=torch.float64) / 3
    bias = torch.randn(tokens, generator=generator, dtype=torch.float64)
    after = torch.randint(tokens, (steps,), generator=generator)
    return features.requires_grad_(), after, embedding.requires_grad_(), bias.requires_grad_()


def test_all_tokens_give_the_loss_of_all() -> None:
    features, after, embedding, bias = drawn()
    exact = cross_entropy(linear(features, embedding, bias), after)
    assert sampled_loss(features, after, embedding, bias, 60) == exact


@pytest.mark.parametrize("seed", range(3))
def test_nearly_all_tokens_give_nearly_that_loss_and_its_gradients(seed: int) -> None:
    parts = drawn(tokens=400, seed=seed)
    features, after, embedding, bias = parts
    exact = cross_entropy(linear(features, embedding, bias), after)
    wanted = torch.autograd.grad(exact, [features, embedding, bias])
    torch.manual_seed(seed)
    found = sampled_loss(*parts, 398)
    assert float(found.detach()) == pytest.approx(float(exact.detach()), rel=0.02)
    for one, other in zip(
        torch.autograd.grad(found, [features, embedding, bias]), wanted, strict=True
    ):
        assert float((one - other).norm()) < 0.25 * float(other.norm())


def test_the_sum_over_all_tokens_is_right_in_the_mean() -> None:
    features, after, embedding, bias = drawn(steps=12)
    with torch.no_grad():
        scores = linear(features, embedding, bias)
        wanted = scores.logsumexp(dim=1).exp().numpy()
        own = scores.gather(1, after[:, None])[:, 0]
        sums = []
        for seed in range(4000):
            torch.manual_seed(seed)
            # One step at a time, for the loss is a mean over steps.
            step = seed % len(after)
            loss = sampled_loss(features[[step]], after[[step]], embedding, bias, 20)
            sums.append((step, float((loss + own[step]).exp())))
    for step in range(len(after)):
        of_step = [value for at, value in sums if at == step]
        error = np.std(of_step) / np.sqrt(len(of_step))
        assert abs(np.mean(of_step) - wanted[step]) < 4 * error + 1e-9


def test_a_rare_token_that_came_is_in_the_sum_once_whether_drawn_or_not() -> None:
    # All scores are 0: the sum is the number of tokens, whatever is drawn.
    features, embedding, bias = torch.zeros(1, 2), torch.zeros(30, 2), torch.zeros(30)
    sums = set()
    for seed in range(50):
        torch.manual_seed(seed)
        sums.add(
            round(float(sampled_loss(features, torch.tensor([29]), embedding, bias, 10).exp()), 3)
        )
    # 5 frequent ones, and 5 drawn that stand for 25: one of them may be the one that came.
    assert sums == {5 + 25 + 1, 5 + 20 + 1}
