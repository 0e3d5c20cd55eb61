"""Sum pooling and convolution of :class:`edgesnn.model.ConvConnection` in PyTorch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edgesnn.connections import ConvConnection


def sum_pool(x: Tensor, pool: tuple[int, ...]) -> Tensor:
    """Sums over pools that do not overlap, of the last dimensions of ``x``; exact for integers."""
    for axis, size in enumerate(pool, x.ndim - len(pool)):
        if size > 1:
            whole = x.narrow(axis, 0, x.shape[axis] // size * size)
            x = whole.unflatten(axis, (-1, size)).sum(axis + 1)
    return x


def convolve(c: ConvConnection, x: Tensor, parameters: Tensor) -> Tensor:
    """[..., target size] from [..., source size], with the weights ``parameters``."""
    kernel = parameters.T.reshape(c.kernel.shape)
    pooled = sum_pool(x.reshape(-1, *c.input_shape), c.pool)
    function = functional.conv1d if len(c.pool) == 1 else functional.conv2d
    return function(pooled, kernel, stride=c.stride, padding=c.padding).reshape(*x.shape[:-1], -1)
