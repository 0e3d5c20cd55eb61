"""Connections of a trained model: dense matrices and convolutions, with one face for both.

A *row* is what shares its weights: one target neuron of a dense connection, one output channel of a
convolution, whose neurons are its *positions*. ``parameters`` holds the weights of each row as a
column: what pruning and quantization work on. ``expand`` writes them out as a matrix from source to
target: what executors run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from edgesnn.errors import UnsupportedModel

Floats = npt.NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)


def finite_floats(name: str, values: npt.ArrayLike, dimensions: tuple[int, ...]) -> Floats:
    """A float32 array that nobody can change; ``UnsupportedModel`` names what is wrong with it."""
    array = np.array(values, dtype=np.float32)
    if array.ndim not in dimensions:
        allowed = " or ".join(map(str, dimensions))
        raise UnsupportedModel(f"{name} must have {allowed} dimension(s), not {array.ndim}")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise UnsupportedModel(
            f"{name} must hold finite numbers, but {count} of {array.size} are NaN or infinite"
        )
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class ModelConnection:
    """A weight for each pair of neurons.

    source, target   indices of populations
    weights          float32 [source size, target size]; 0 is no synapse
    """

    source: int
    target: int
    weights: Floats

    def __post_init__(self) -> None:
        name = f"weights {self.source} -> {self.target}"
        object.__setattr__(self, "weights", finite_floats(name, self.weights, (2,)))

    @property
    def shape(self) -> tuple[int, int]:
        """(source size, target size)"""
        sources, targets = self.weights.shape
        return sources, targets

    @property
    def num_positions(self) -> int:
        """Target neurons that share one row's weights: 1."""
        return 1

    @property
    def parameters(self) -> Floats:
        """float32 [fan_in, rows]: the weights themselves."""
        return self.weights

    def with_parameters(self, parameters: npt.ArrayLike) -> ModelConnection:
        """The same connection with other weights [fan_in, rows]."""
        return replace(self, weights=np.asarray(parameters, np.float32))

    def expand(self, parameters: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """[source size, target size], of the same type, from an array [fan_in, rows]."""
        return parameters

    def patches(self, counts: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """What each row reads: [n, positions, fan_in] from counts [n, source size]."""
        return counts[:, np.newaxis, :]


@dataclass(frozen=True, eq=False)
class ConvConnection:
    """A convolution in one or two dimensions, after a sum pooling of the source.

    Neurons are numbered channel by channel, and row by row within a channel, as ``torch.flatten``
    does. As in PyTorch a kernel is not flipped, and what fills no whole pool or stride is left out.

    kernel        float32 [output channels, input channels, *size]
    input_shape   (input channels, *size) of the source
    stride, padding   of the convolution in each dimension, in pools; padding with zeros
    pool          size of the pools in each dimension; pools do not overlap and are summed;
                  1: no pooling
    """

    source: int
    target: int
    kernel: Floats
    input_shape: tuple[int, ...]
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    pool: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        name = f"kernel {self.source} -> {self.target}"
        object.__setattr__(self, "kernel", finite_floats(name, self.kernel, (3, 4)))
        dimensions = self.kernel.ndim - 2
        object.__setattr__(self, "input_shape", tuple(int(n) for n in self.input_shape))
        for field, default in (("stride", 1), ("padding", 0), ("pool", 1)):
            values = tuple(int(n) for n in getattr(self, field)) or (default,) * dimensions
            object.__setattr__(self, field, values)
            if len(values) != dimensions or min(values) < min(default, 1):
                raise UnsupportedModel(
                    f"{field} of {name} must be {dimensions} integers of at least "
                    f"{min(default, 1)}, not {list(values)}"
                )
        if len(self.input_shape) != dimensions + 1 or self.input_shape[0] != self.kernel.shape[1]:
            raise UnsupportedModel(
                f"input_shape of {name} must be {self.kernel.shape[1]} channels and {dimensions} "
                f"size(s), not {list(self.input_shape)}"
            )
        if min(self.output_shape) < 1 or not self.kernel.size:
            raise UnsupportedModel(f"{name} must fit into its padded input {self._pooled_size}")

    @property
    def _pooled_size(self) -> tuple[int, ...]:
        return tuple(n // p for n, p in zip(self.input_shape[1:], self.pool, strict=True))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(output channels, *size) of the target."""
        sizes = zip(
            self._pooled_size, self.kernel.shape[2:], self.stride, self.padding, strict=True
        )
        return len(self.kernel), *((n + 2 * p - k) // s + 1 for n, k, s, p in sizes)

    @property
    def shape(self) -> tuple[int, int]:
        """(source size, target size)"""
        return prod(self.input_shape), prod(self.output_shape)

    @property
    def num_positions(self) -> int:
        """Target neurons that share one row's weights."""
        return prod(self.output_shape[1:])

    @property
    def parameters(self) -> Floats:
        """float32 [fan_in, rows]: a column for each output channel."""
        return self.kernel.reshape(len(self.kernel), -1).T

    def with_parameters(self, parameters: npt.ArrayLike) -> ConvConnection:
        """The same connection with other weights [fan_in, rows]."""
        values = np.asarray(parameters, np.float32)
        if values.shape != self.parameters.shape:
            raise UnsupportedModel(
                f"parameters {self.source} -> {self.target} must have shape "
                f"{self.parameters.shape}, not {values.shape}"
            )
        return self.with_kernel(values.T.reshape(self.kernel.shape))

    def with_kernel(self, kernel: npt.ArrayLike) -> ConvConnection:
        """The same connection with another kernel."""
        return replace(self, kernel=np.asarray(kernel, np.float32))

    @property
    def weights(self) -> Floats:
        """float32 [source size, target size]: the convolution as a matrix."""
        return self.expand(self.parameters)

    @cached_property
    def _taps(self) -> npt.NDArray[np.int64]:
        """[positions, fan_in] the pool that a parameter reads, or -1 for padding."""
        sizes, kernel = self._pooled_size, self.kernel.shape[2:]
        channels = self.kernel.shape[1]
        position = np.indices(self.output_shape[1:]).reshape(len(sizes), -1)
        offset = np.indices(kernel).reshape(len(kernel), -1)
        place = np.zeros((position.shape[1], offset.shape[1]), np.int64)
        inside = np.ones(place.shape, bool)
        for d, size in enumerate(sizes):
            start = position[d] * self.stride[d] - self.padding[d]
            at = start[:, np.newaxis] + offset[d]
            inside &= (at >= 0) & (at < size)
            place = place * size + at
        first = np.arange(channels)[:, np.newaxis] * prod(sizes)
        taps = first + place[:, np.newaxis, :]
        return np.where(inside[:, np.newaxis, :], taps, -1).reshape(len(place), -1)

    @cached_property
    def _pool_of_source(self) -> npt.NDArray[np.int64]:
        """[source size] the pool that a source is in, or -1 where it is left out."""
        place = np.zeros(1, np.int64)
        inside = np.ones(1, bool)
        sizes = zip(self.input_shape, (1, *self.pool), strict=True)
        for size, pool in sizes:
            at = np.arange(size) // pool
            place = (place[:, np.newaxis] * (size // pool) + at).ravel()
            inside = (inside[:, np.newaxis] & (at < size // pool)).ravel()
        return np.where(inside, place, -1)

    def expand(self, parameters: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """[source size, target size], of the same type, from an array [fan_in, rows].

        No two parameters meet in one synapse, so integers stay what they are.
        """
        taps, rows = self._taps, parameters.shape[1]
        num_pools = self.input_shape[0] * prod(self._pooled_size)
        fan_in = len(parameters)
        # Last row and last parameter stand for "none": padding, and pools that no kernel reads.
        reader = np.full((num_pools + 1, len(taps)), fan_in)
        reader[taps, np.arange(len(taps))[:, np.newaxis]] = np.arange(fan_in)
        reader[-1] = fan_in
        known = np.concatenate([parameters, np.zeros((1, rows), parameters.dtype)])
        matrix = known[reader[self._pool_of_source]]
        return np.ascontiguousarray(matrix.transpose(0, 2, 1)).reshape(self.shape)

    def patches(self, counts: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """What each row reads at each position: [n, positions, fan_in] from [n, source size]."""
        pools: npt.NDArray[Any] = counts.reshape(-1, *self.input_shape)
        for axis, (pool, size) in enumerate(zip(self.pool, self._pooled_size, strict=True), 2):
            whole = pools.take(np.arange(size * pool), axis)
            split = (*whole.shape[:axis], size, pool, *whole.shape[axis + 1 :])
            pools = whole.reshape(split).sum(axis + 1, dtype=counts.dtype)
        flat = pools.reshape(len(counts), -1)
        known = np.concatenate([flat, np.zeros((len(flat), 1), flat.dtype)], axis=1)
        return known[:, self._taps]


AnyConnection: TypeAlias = ModelConnection | ConvConnection
