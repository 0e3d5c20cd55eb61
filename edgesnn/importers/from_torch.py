"""From a trained ``nn.Sequential`` of PyTorch, with the neurons of :mod:`edgesnn.train.neurons`.

The module runs on ``[batch, time_step, *input_shape]``, and the model does what it does: batch norm
is folded into the weights before it, an average pool into the weights after it. What the model
cannot do is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgesnn.errors import UnsupportedModel
from edgesnn.model import AnyConnection, ConvConnection, Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.train import neurons
from edgesnn.train.lif import Lif

Numbers = npt.NDArray[np.float64]
_Handlers: TypeAlias = dict[type[nn.Module], Callable[[str, Any], None]]

#: These do nothing once a network is trained.
_IGNORED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity)
_CONVOLUTIONS: dict[type[nn.Module], int] = {nn.Conv1d: 1, nn.Conv2d: 2}
_BATCH_NORMS: tuple[type[nn.Module], ...] = (nn.BatchNorm1d, nn.BatchNorm2d)
_AVERAGE_POOLS: dict[type[nn.Module], int] = {nn.AvgPool1d: 1, nn.AvgPool2d: 2}
_NEURONS: tuple[type[nn.Module], ...] = (
    neurons.If,
    neurons.Lif,
    neurons.CurrentLif,
    neurons.RecurrentLif,
    neurons.Readout,
)
_ADVICE: dict[type[nn.Module], str] = {
    nn.MaxPool1d: "use AvgPool1d or SumPool",
    nn.MaxPool2d: "use AvgPool2d or SumPool",
    nn.ReLU: "use the neurons of edgesnn.train.neurons",
    nn.ConvTranspose2d: "use Conv2d",
}


@dataclass
class _Weights:
    """A linear map that still waits for its neurons.

    weights   [output, ...] of a Linear, or a kernel
    bias      [output]
    pool      sizes of the sum pool before it, empty without
    """

    weights: Numbers
    bias: Numbers
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    pool: tuple[int, ...] = ()


def from_torch(
    module: nn.Sequential,
    input_shape: tuple[int, ...],
    readout: ReadoutRule,
    window_steps: int,
    info: Mapping[str, Any] | None = None,
) -> Model:
    """The model that does what ``module`` does.

    input_shape    of one time step: (features,) or (channels, *size)
    readout        rule by which the last neurons decide
    window_steps   time steps of one decision
    info           what travels along: encoder, labels

    Raises ``UnsupportedModel`` that names the module that cannot be taken, and what to do instead.
    """
    builder = _Builder(tuple(input_shape))
    for name, part, per_step in _parts(module, "", False):
        builder.add(name, part, per_step)
    return builder.model(readout, window_steps, info or {})


def _parts(module: nn.Module, prefix: str, per_step: bool) -> Iterator[tuple[str, nn.Module, bool]]:
    """All modules in order, with their names, and whether they see single time steps."""
    for name, part in module.named_children():
        full = f"{prefix}{name}"
        if type(part) in (nn.Sequential, neurons.PerStep):
            inside = per_step or isinstance(part, neurons.PerStep)
            yield from _parts(part, f"{full}.", inside)
        else:
            yield f"{full} ({type(part).__name__})", part, per_step


def _numbers(tensor: Tensor) -> Numbers:
    return tensor.detach().cpu().double().numpy()


def _sizes(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else tuple(value)


class _Builder:
    """Populations and connections so far, and what waits for the next neurons."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        if not shape or min(shape) < 1 or len(shape) > 3:
            raise UnsupportedModel(
                "input_shape must be (features,), (channels, length) or (channels, height, width), "
                f"not {shape}"
            )
        self.shape = shape  # of the features here
        self.source_shape = shape  # of the population that sends them
        self.pool: tuple[int, ...] = ()
        self.scale = 1.0
        self.waiting: _Weights | None = None
        self.populations: list[InputPopulation | ModelPopulation] = [
            InputPopulation("input", prod(shape))
        ]
        self.connections: list[AnyConnection] = []

    def add(self, name: str, part: nn.Module, per_step: bool) -> None:
        """Take the next module; ``per_step``: it sees each time step by itself."""
        kind = type(part)
        if kind in _IGNORED:
            return
        # Subclasses may do anything, so only the classes themselves are known.
        without_time: _Handlers = {
            nn.Flatten: self._flatten,
            nn.Unflatten: self._unflatten,
            **dict.fromkeys(_CONVOLUTIONS, self._convolution),
            **dict.fromkeys(_BATCH_NORMS, self._batch_norm),
            **dict.fromkeys(_AVERAGE_POOLS, self._average_pool),
        }
        with_time: _Handlers = dict.fromkeys(_NEURONS, self._neurons)
        either: _Handlers = {
            nn.Linear: self._linear,
            neurons.SumPool: self._sum_pool,
        }
        handlers = without_time | with_time | either
        if kind not in handlers:
            advice = _ADVICE.get(kind, "leave it out, or use modules that are supported")
            raise UnsupportedModel(f"{name} is not supported: {advice}")
        self._refuse_unless(
            per_step or kind not in without_time, name, "must stand in PerStep: it knows no time"
        )
        self._refuse_unless(
            not per_step or kind not in with_time, name, "must stand outside of PerStep"
        )
        handlers[kind](name, part)

    def _refuse_unless(self, holds: bool, name: str, rule: str) -> None:
        if not holds:
            raise UnsupportedModel(f"{name} {rule}")

    def _begin_weights(self, name: str) -> None:
        self._refuse_unless(
            self.waiting is None,
            name,
            "must have neurons before it: two linear maps in a row are one, so merge them",
        )

    def _linear(self, name: str, part: nn.Linear) -> None:
        self._begin_weights(name)
        self._refuse_unless(
            self.shape == (part.in_features,),
            name,
            f"must have one dimension of {part.in_features} features before it, not "
            f"{list(self.shape)}: put Flatten before it, or mind the sizes",
        )
        weights = self.scale * _numbers(part.weight)
        if self.pool:  # It reads pools: a convolution whose kernel covers all of them.
            sizes = zip(self.source_shape[1:], self.pool, strict=True)
            pooled = (self.source_shape[0], *(n // p for n, p in sizes))
            weights = weights.reshape(len(weights), *pooled)
        self.waiting = _Weights(weights, self._bias(part), pool=self.pool)
        self.shape = (part.out_features,)

    def _bias(self, part: nn.Linear | nn.Conv1d | nn.Conv2d) -> Numbers:
        return np.zeros(len(part.weight)) if part.bias is None else _numbers(part.bias)

    def _convolution(self, name: str, part: nn.Conv1d | nn.Conv2d) -> None:
        self._begin_weights(name)
        dimensions = _CONVOLUTIONS[type(part)]
        self._refuse_unless(part.groups == 1, name, "must have groups=1")
        self._refuse_unless(set(part.dilation) == {1}, name, "must have dilation=1")
        self._refuse_unless(part.padding_mode == "zeros", name, "must have padding_mode='zeros'")
        self._refuse_unless(
            not isinstance(part.padding, str), name, "must have its padding as numbers, not words"
        )
        self._refuse_unless(
            len(self.shape) == dimensions + 1 and self.shape[0] == part.in_channels,
            name,
            f"must have {part.in_channels} channels of {dimensions} dimension(s) before it, not "
            f"{list(self.shape)}",
        )
        stride, padding = (_sizes(v, dimensions) for v in (part.stride, part.padding))  # type: ignore[arg-type]
        kernel = self.scale * _numbers(part.weight)
        self.waiting = _Weights(kernel, self._bias(part), stride, padding, self.pool)
        self.shape = self._conv_connection(self.waiting).output_shape

    def _batch_norm(self, name: str, part: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        waiting = self.waiting
        known_sizes = (1, 2) if isinstance(part, nn.BatchNorm1d) else (3,)
        if (
            waiting is None
            or len(waiting.bias) != part.num_features
            or self.shape[0] != part.num_features
            or len(self.shape) not in known_sizes
        ):
            raise UnsupportedModel(
                f"{name} must follow Linear or a convolution of {part.num_features} outputs"
            )
        mean, variance, seen = part.running_mean, part.running_var, part.num_batches_tracked
        if mean is None or variance is None or (part.training and not int(seen or 0)):
            raise UnsupportedModel(
                f"{name} must have running statistics: train it with track_running_stats=True"
            )
        factor = 1 / np.sqrt(_numbers(variance) + part.eps)
        shift = -_numbers(mean) * factor
        if part.affine:
            gain = _numbers(part.weight)
            factor, shift = factor * gain, shift * gain + _numbers(part.bias)
        by_output = (len(factor), *(1,) * (waiting.weights.ndim - 1))
        waiting.weights = waiting.weights * factor.reshape(by_output)
        waiting.bias = waiting.bias * factor + shift

    def _average_pool(self, name: str, part: nn.AvgPool1d | nn.AvgPool2d) -> None:
        dimensions = _AVERAGE_POOLS[type(part)]
        sizes = _sizes(part.kernel_size, dimensions)
        self._refuse_unless(
            _sizes(part.stride, dimensions) == sizes
            and not any(_sizes(part.padding, dimensions))
            and not part.ceil_mode,
            name,
            "must have pools that do not overlap: stride as kernel_size, no padding, no ceil_mode",
        )
        self._pool(name, sizes)
        self.scale /= getattr(part, "divisor_override", None) or prod(sizes)

    def _sum_pool(self, name: str, part: neurons.SumPool) -> None:
        self._pool(name, part.kernel_size)

    def _pool(self, name: str, sizes: tuple[int, ...]) -> None:
        self._refuse_unless(
            self.waiting is None, name, "must follow neurons: a pool sums spikes, not weights"
        )
        self._refuse_unless(
            len(self.shape) == len(sizes) + 1
            and all(n >= size for n, size in zip(self.shape[1:], sizes, strict=True)),
            name,
            f"must have channels of {len(sizes)} dimension(s) before it, not smaller than its "
            f"pools {list(sizes)}, not {list(self.shape)}",
        )
        # Pools of pools are larger pools.
        before = self.pool or (1,) * len(sizes)
        self.pool = tuple(b * size for b, size in zip(before, sizes, strict=True))
        pooled = (n // size for n, size in zip(self.shape[1:], sizes, strict=True))
        self.shape = (self.shape[0], *pooled)

    def _flatten(self, name: str, part: nn.Flatten) -> None:
        self._refuse_unless(
            part.start_dim == 1 and part.end_dim in (-1, len(self.shape)),
            name,
            "must flatten all features: start_dim=1, end_dim=-1",
        )
        self.shape = (prod(self.shape),)

    def _unflatten(self, name: str, part: nn.Unflatten) -> None:
        shape = part.unflattened_size
        self._refuse_unless(
            part.dim == 1
            and len(self.shape) == 1
            and self.source_shape == self.shape
            and self.waiting is None
            and all(isinstance(n, int) for n in shape)
            and prod(shape) == self.shape[0],
            name,
            f"must follow {list(self.shape)} flat features of neurons or inputs, and make all of "
            "them channels and sizes: Unflatten(1, (channels, *size)) with plain numbers",
        )
        self.shape = self.source_shape = tuple(shape)

    def _conv_connection(self, w: _Weights) -> ConvConnection:
        target = len(self.populations)
        kernel = w.weights.astype(np.float32)
        return ConvConnection(
            target - 1, target, kernel, self.source_shape, w.stride, w.padding, w.pool
        )

    def _neurons(self, name: str, part: neurons.Neurons) -> None:
        w = self.waiting
        if w is None:
            raise UnsupportedModel(f"{name} must follow Linear or a convolution")
        target = len(self.populations)
        if w.weights.ndim == 2:
            weights = w.weights.T.astype(np.float32)
            self.connections.append(ModelConnection(target - 1, target, weights))
        else:
            self.connections.append(self._conv_connection(w))
        size = prod(self.shape)
        bias = np.repeat(w.bias, size // len(w.bias))
        with torch.no_grad():
            constants = part.constants()
        if isinstance(part, neurons.CurrentLif):
            self._refuse_unless(
                not bias.any(),
                name,
                "must have no bias and no BatchNorm before it: that would go into the current; "
                "use the bias of CurrentLif",
            )
            bias = self._per_neuron(name, part.bias)
        if isinstance(part, neurons.RecurrentLif):
            recurrent = _numbers(part.recurrent.weight).T.astype(np.float32)
            self._refuse_unless(
                recurrent.shape == (size, size), name, f"must have size {size}, as what arrives"
            )
            self.connections.append(ModelConnection(target, target, recurrent))
        self.populations.append(self._population(name, constants, bias.astype(np.float32)))
        self.source_shape = self.shape
        self.waiting, self.pool, self.scale = None, (), 1.0

    def _population(self, name: str, lif: Lif, bias: npt.NDArray[np.float32]) -> ModelPopulation:
        def floats(values: Tensor) -> npt.NDArray[np.float32]:
            return self._per_neuron(name, values).astype(np.float32)

        return ModelPopulation(
            f"layer{len(self.populations)}",
            threshold=floats(lif.threshold),
            decay=floats(lif.decay),
            bias=bias,
            spiking=lif.spiking,
            reset_mode=lif.reset_mode,
            reset_order=lif.reset_order,
            strict=lif.strict,
            synaptic_decay=None if lif.synaptic_decay is None else floats(lif.synaptic_decay),
        )

    def _per_neuron(self, name: str, values: Tensor) -> Numbers:
        """One number for each neuron, in their order."""
        try:
            return np.broadcast_to(_numbers(values), self.shape).ravel()
        except ValueError:
            raise UnsupportedModel(
                f"{name} must have parameters that broadcast to its features "
                f"{list(self.shape)}, not {list(values.shape)}"
            ) from None

    def model(self, rule: ReadoutRule, window_steps: int, info: Mapping[str, Any]) -> Model:
        if self.waiting is not None or self.pool or len(self.populations) == 1:
            raise UnsupportedModel(
                "the network must end with neurons: add Readout, or neurons that fire"
            )
        last = len(self.populations) - 1
        readout = Readout(last, rule, window_steps)
        return Model(tuple(self.populations), tuple(self.connections), readout, info)
