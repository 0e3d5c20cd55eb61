"""A trained model of EGRU layers as the integers of docs/egru.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.compress import obs
from edgesnn.compress.grid import Grid
from edgesnn.compress.rounding import Rows as RowsToCode
from edgesnn.compress.rounding import by_descent
from edgesnn.errors import InputError, UnsupportedModel
from edgesnn.language.egru import Egru
from edgesnn.language.integer_model import (
    ACTIVATION_ONE,
    EVENT_BITS,
    LARGEST_SUM,
    LARGEST_WEIGHT,
    MULTIPLIER_BITS,
    STATE_ONE,
    IntegerLayer,
    IntegerModel,
    Rows,
)
from edgesnn.language.model import LanguageModel
from edgesnn.language.moments import Moments

Values = npt.NDArray[np.float64]
#: Scales that are tried for each row, as parts of that by which its largest weight is just held.
_SHARES = np.linspace(0.4, 1.0, 25)


def quantize_model(model: LanguageModel, read: Moments | None = None) -> IntegerModel:
    """Weights to 15 levels with a scale for each row, biases and the table of the first layer to
    the nearest pre-activation; zeros stay zeros.

    read   what its matrices read: codes, scales and biases are those that change pre-activations
           least, and make up for each other. None: each weight to the nearest code

    Raises ``UnsupportedModel`` if it is not of EGRU layers, ``InputError`` if weights are not
    finite or too large.
    """
    layers = [layer for layer in model.layers if isinstance(layer, Egru)]
    if len(layers) != len(model.layers):
        raise UnsupportedModel(
            f"a model must be of EGRU layers to become integers, not of {model.settings.kind}"
        )
    if not all(bool(p.isfinite().all()) for p in model.parameters()):
        raise InputError("weights must be finite to become integers: train the model again")
    embedding = _values(model.embedding)
    first = layers[0]
    arriving = embedding @ _values(first.input_weights).T + _values(first.input_bias)
    heard = [None] * len(layers) if read is None else list(read.sent)
    return IntegerModel(
        np.clip(np.round(arriving * ACTIVATION_ONE), -(1 << 15), (1 << 15) - 1).astype(np.int16),
        tuple(
            IntegerLayer(
                _rows(layer.input_weights, layer.input_bias, heard[i - 1]) if i else None,
                _rows(layer.recurrent_weights, layer.recurrent_bias, heard[i]),
                np.round(np.clip(_values(layer.thresholds), 0, 1) * STATE_ONE).astype(np.int16),
            )
            for i, layer in enumerate(layers)
        ),
        _rows(model.embedding, model.bias, heard[-1]),
    )


def _values(parameter: object) -> Values:
    found: Values = parameter.detach().cpu().double().numpy()  # type: ignore[attr-defined]
    return found


def _rows(weights: object, bias: object, hessian: Tensor | None) -> Rows:
    present, added = _values(weights), _values(bias)
    codes, scales = nearest_codes(present)
    if hessian is not None:
        codes, scales, added = _least_change(present, added, hessian, scales)
    # An event's value has 8 bits behind the point, a pre-activation 11.
    unit = ACTIVATION_ONE / (1 << EVENT_BITS) * (1 << MULTIPLIER_BITS)
    multipliers, biases = np.round(scales * unit), np.round(added * ACTIVATION_ONE)
    if max(multipliers.max(), np.abs(biases).max()) > LARGEST_SUM:
        raise InputError(
            f"weights must be below {LARGEST_WEIGHT * LARGEST_SUM / unit:g} and biases below "
            f"{LARGEST_SUM / ACTIVATION_ONE:g} to become integers: train with more weight decay"
        )
    return Rows(codes, multipliers.astype(np.int32), biases.astype(np.int32))


def _least_change(
    weights: Values, bias: Values, hessian: Tensor, scales: Values
) -> tuple[npt.NDArray[np.int8], Values, Values]:
    """Codes, scales and biases that change sums least."""
    present = torch.from_numpy(np.concatenate([weights, bias[:, np.newaxis]], axis=1))
    masks = present != 0
    masks[:, -1] = True
    start = torch.from_numpy(scales)
    coded = by_descent(RowsToCode(obs.damped(hessian), present, masks, start, Grid(), kept=1))
    return (
        coded.codes[:, :-1].numpy().astype(np.int8),
        coded.scale.numpy(),
        coded.free[:, 0].numpy(),
    )


def nearest_codes(weights: Values) -> tuple[npt.NDArray[np.int8], Values]:
    """Codes int8 [row, source] of -7..7 and the scale of each row, by the least squared error."""
    largest = np.abs(weights).max(axis=1, keepdims=True)
    widest = np.where(largest > 0, largest, 1.0) / LARGEST_WEIGHT
    best = np.full(len(weights), np.inf)
    codes, scales = np.zeros(weights.shape, np.int8), widest[:, 0].copy()
    for share in _SHARES:
        scale = share * widest
        found = np.clip(np.round(weights / scale), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        error = ((found * scale - weights) ** 2).sum(axis=1)
        better = error < best
        best[better] = error[better]
        codes[better], scales[better] = found[better].astype(np.int8), scale[better, 0]
    return codes, scales
