"""The loss of a large vocabulary from a part of it: frequent tokens always, others by chance.

A loss is log Z less the score of the token that came; Z is the sum of exp(score) over all tokens.
Most of Z is from the frequent tokens, which are all there; the rest is estimated from some tokens
that are drawn for each pass, each counted as often as it stands for others. The estimate of Z is
unbiased.

Source: Bengio and Senecal 2008, "Adaptive importance sampling to accelerate training of a neural
probabilistic language model", for the idea; that all frequent tokens are kept is ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sampled_loss(
    features: Tensor, after: Tensor, embedding: Tensor, bias: Tensor, candidates: int
) -> Tensor:
    """Mean negative logarithm of the probability of the tokens that came, a scalar.

    features     [step, feature], what the last layer says
    after        int64 [step], tokens that came, numbered by falling frequency
    embedding    [token, feature], and
    bias         [token], that scores come from
    candidates   tokens in Z but for the one that came: half of them the most frequent ones, half
                 drawn from all others by PyTorch's generator; all if there are not so many
    """
    tokens = len(embedding)
    if candidates >= tokens:
        return nn.functional.cross_entropy(nn.functional.linear(features, embedding, bias), after)
    frequent = candidates // 2
    drawn = torch.randperm(tokens - frequent, device=after.device)[: candidates - frequent]
    drawn = drawn.sort().values + frequent
    stands_for = math.log((tokens - frequent) / len(drawn))
    chosen = torch.cat([torch.arange(frequent, device=after.device), drawn])
    scores = nn.functional.linear(features, embedding[chosen], bias[chosen])
    scores[:, frequent:] += stands_for
    own = (features * embedding[after]).sum(dim=1) + bias[after]
    # The one that came is in Z once: among the frequent ones, or by its own score.
    at = torch.searchsorted(drawn, after.contiguous()).clamp(max=len(drawn) - 1)
    steps = (drawn[at] == after).nonzero()[:, 0]
    scores[steps, frequent + at[steps]] = -torch.inf
    rare = own.masked_fill(after < frequent, -torch.inf)
    return (torch.logaddexp(scores.logsumexp(dim=1), rare) - own).mean()
