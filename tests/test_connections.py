"""Convolutions written out as matrices, compared with PyTorch's own convolution."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from edgesnn.errors import UnsupportedModel
from edgesnn.model import ConvConnection, ModelConnection


@st.composite
def convolutions(draw: st.DrawFn) -> ConvConnection:
    dimensions = draw(st.integers(1, 2))

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(
            draw(st.lists(st.integers(low, high), min_size=dimensions, max_size=dimensions))
        )

    size, pool, stride, padding = sizes(4, 7), sizes(1, 2), sizes(1, 3), sizes(0, 2)
    channels, outputs, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3)), sizes(1, 2)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    values = rng.integers(1, 8, (outputs, channels, *kernel))
    return ConvConnection(0, 1, values, (channels, *size), stride, padding, pool)


def by_torch(c: ConvConnection, counts: np.ndarray) -> np.ndarray:
    """The convolution of PyTorch, in integers that floats hold exactly: [n, target size]."""
    x = torch.from_numpy(counts).float().reshape(-1, *c.input_shape)
    if len(c.pool) == 1:
        x = x[:, :, None]
        pooled = functional.avg_pool2d(x, (1, *c.pool), divisor_override=1)[:, :, 0]
        convolve = functional.conv1d
    else:
        pooled = functional.avg_pool2d(x, c.pool, divisor_override=1)
        convolve = functional.conv2d
    kernel = torch.tensor(c.kernel)
    return convolve(pooled, kernel, stride=c.stride, padding=c.padding).flatten(1).numpy()


@settings(max_examples=60)
@given(convolutions())
def test_matrix_of_a_convolution_does_what_the_convolution_does(c: ConvConnection) -> None:
    counts = np.random.default_rng(1).integers(0, 4, (5, prod(c.input_shape)))
    expected = by_torch(c, counts)
    assert c.shape == (counts.shape[1], expected.shape[1])
    assert np.array_equal(counts @ c.weights, expected)


@settings(max_examples=60)
@given(convolutions())
def test_patches_times_parameters_are_the_convolution(c: ConvConnection) -> None:
    counts = np.random.default_rng(2).integers(0, 4, (5, prod(c.input_shape)))
    patches = c.patches(counts)
    assert patches.dtype == counts.dtype
    assert patches.shape == (5, c.num_positions, len(c.parameters))
    found = (patches @ c.parameters).transpose(0, 2, 1).reshape(5, -1)
    assert np.array_equal(found, by_torch(c, counts))


@given(convolutions())
def test_integer_codes_are_written_out_as_they_are(c: ConvConnection) -> None:
    codes = c.parameters.astype(np.int8)
    assert c.expand(codes).dtype == np.int8
    assert np.array_equal(c.expand(codes), c.weights)


@given(convolutions())
def test_parameters_come_back(c: ConvConnection) -> None:
    again = c.with_parameters(c.parameters + 1)
    assert np.array_equal(again.kernel, c.kernel + 1)
    assert np.array_equal(again.parameters, c.parameters + 1)
    assert (again.stride, again.padding, again.pool) == (c.stride, c.padding, c.pool)


def test_dense_connection_is_its_own_matrix() -> None:
    c = ModelConnection(0, 1, np.arange(6).reshape(2, 3))
    assert c.shape == (2, 3)
    assert c.num_positions == 1
    assert c.expand(c.parameters) is c.weights
    assert np.array_equal(c.with_parameters(2 * c.parameters).weights, 2 * c.weights)
    counts = np.arange(8).reshape(4, 2)
    assert np.array_equal(c.patches(counts)[:, 0] @ c.weights, counts @ c.weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": np.ones((2, 3))}, "kernel 0 -> 1 must have 3 or 4 dimension"),
        ({"kernel": np.full((2, 1, 3, 3), np.nan)}, "must hold finite numbers, but 18 of 18"),
        ({"kernel": np.ones((2, 1, 9, 9))}, "must fit into its padded input"),
        ({"kernel": np.ones((0, 1, 3, 3))}, "must fit into its padded input"),
        ({"input_shape": (2, 6, 6)}, "input_shape of .* must be 1 channels and 2 size"),
        ({"input_shape": (1, 6)}, "input_shape of .* must be 1 channels and 2 size"),
        ({"stride": (1,)}, "stride of .* must be 2 integers of at least 1, not"),
        ({"stride": (0, 1)}, "stride of .* must be 2 integers of at least 1, not"),
        ({"padding": (-1, 0)}, "padding of .* must be 2 integers of at least 0, not"),
        ({"pool": (0, 1)}, "pool of .* must be 2 integers of at least 1, not"),
    ],
)
def test_convolution_refuses_what_cannot_work(change: dict[str, object], message: str) -> None:
    good = {"kernel": np.ones((2, 1, 3, 3)), "input_shape": (1, 6, 6)}
    with pytest.raises(UnsupportedModel, match=message):
        ConvConnection(0, 1, **{**good, **change})  # type: ignore[arg-type]


def test_parameters_of_another_shape_are_refused() -> None:
    c = ConvConnection(0, 1, np.ones((2, 1, 3)), (1, 6))
    with pytest.raises(UnsupportedModel, match=r"parameters 0 -> 1 must have shape \(3, 2\)"):
        c.with_parameters(np.ones((2, 3)))
