"""Multiplications of a token: counted event by event, and by the model of their cost.

Source: Mukherji et al. 2024, arXiv 2405.00433: for layers of n units with G gates, a share a of
which sends and a share s of whose weights is gone, G n (n_before a_before + n a) (1 - s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.language.corpus import Ids, in_rows
from edgesnn.language.egru import Egru
from edgesnn.language.model import LanguageModel, listen

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Operations:
    """Multiply-accumulate operations for each token, float64 [layer, 2]: of a layer's inputs, and
    of its own events.

    counted    a weight that is not 0, of a unit that sent something
    modelled   from shares alone

    The inputs of the first layer are a row of a table, one for each token: they cost nothing. The
    scores of the next token, which cost the same whatever the layers are, do not count.
    """

    counted: Values
    modelled: Values

    @property
    def per_token(self) -> float:
        return float(self.counted.sum())


def operations(model: LanguageModel, ids: Ids, rows: int = 10) -> Operations:
    """Of a text, read in ``rows`` parts side by side."""
    text = torch.from_numpy(in_rows(ids, rows))
    matrices = [_matrices(layer) for layer in model.layers]
    left = [[(m != 0).sum(dim=0).double() for m in pair] for pair in matrices]
    counted = np.zeros((len(matrices), 2))
    sending = np.zeros(len(matrices))
    last = [torch.zeros(1, rows, pair[1].shape[1]) for pair in matrices]
    for heard in listen(model, text):
        for place, y in enumerate(heard.sent):
            # A layer hears its own events one step later.
            before = torch.cat([last[place], y[:-1]]) != 0
            counted[place, 1] += float((before.double() @ left[place][1]).sum())
            if place + 1 < len(left):
                counted[place + 1, 0] += float(((y != 0).double() @ left[place + 1][0]).sum())
            last[place] = y[-1:]
            sending[place] += float((y != 0).double().mean()) * len(y)
    tokens, activity = text.numel(), sending / len(text)
    modelled = np.zeros_like(counted)
    for place, (of_inputs, of_own) in enumerate(left):
        if place:
            modelled[place, 0] = float(of_inputs.sum()) * activity[place - 1]
        modelled[place, 1] = float(of_own.sum()) * activity[place]
    return Operations(counted / tokens, modelled)


def _matrices(layer: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """[rows, input] and [rows, unit] of a layer."""
    if isinstance(layer, Egru):
        return layer.input_weights, layer.recurrent_weights
    return layer.get_parameter("weight_ih_l0"), layer.get_parameter("weight_hh_l0")
