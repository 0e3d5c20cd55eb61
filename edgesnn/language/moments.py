"""What the matrices of a gated model read of a text: the Hessians of second-order pruning and
rounding.

The error of a pre-activation is that of one product, so its square over all steps is a quadratic
form in the weights, H = sum of x x^T over steps; x ends with a 1, for the bias. Source: Frantar and
Alistarh 2022, "Optimal Brain Compression".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgesnn.language.corpus import Ids, in_rows
from edgesnn.language.model import LanguageModel, listen


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean of x x^T, float64 [input + 1, input + 1].

    vectors   of tokens, which the first layer reads
    sent      of what each layer sends: read by itself, by the next one, and by the scores
    """

    vectors: Tensor
    sent: tuple[Tensor, ...]


def moments(model: LanguageModel, ids: Ids, rows: int = 10) -> Moments:
    """Of a text, read in ``rows`` parts side by side.

    Raises ``InputError`` if it has not two tokens for each.
    """
    text = torch.from_numpy(in_rows(ids, rows))
    sums = [torch.zeros(n + 1, n + 1, dtype=torch.float64) for n in model.settings.units]
    for heard in listen(model, text):
        for place, y in enumerate(heard.sent):
            sums[place] += _squares(y.flatten(0, 1), torch.ones(y[..., 0].numel()))
    counts = np.bincount(ids, minlength=len(model.embedding))
    vectors = _squares(model.embedding.detach(), torch.from_numpy(counts))
    return Moments(vectors / counts.sum(), tuple(total / text.numel() for total in sums))


def _squares(values: Tensor, counts: Tensor) -> Tensor:
    """Sum of x x^T of ``values`` [step, input], each as often as it counts [step]."""
    x = torch.nn.functional.pad(values.double(), (0, 1), value=1.0)
    return x.t() @ (x * counts.double()[:, None])
