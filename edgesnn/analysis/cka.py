"""Centred kernel alignment: how alike two representations of the same inputs are.

The unbiased estimator over minibatches: similarities of inputs within a batch are all that is ever
held, however many features a layer has and however many batches there are.

Source: Nguyen, Raghu and Kornblith 2021, "Do wide and deep networks learn the same things?",
equations 2 and 3; the estimator of HSIC is that of Song et al. 2012, equation 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

Values = npt.NDArray[np.float64]
#: The estimator divides by n - 3.
FEWEST_INPUTS = 4


def gram(features: npt.ArrayLike) -> Values:
    """Similarities [n, n] of n inputs by their features [n, ...]; the diagonal is 0."""
    rows = np.asarray(features, np.float64)
    rows = rows.reshape(len(rows), prod(rows.shape[1:]))
    found: Values = rows @ rows.T
    np.fill_diagonal(found, 0.0)
    return found


def hsic(of_x: Values, of_y: Values) -> Values:
    """Unbiased estimates of HSIC, times n (n - 3), of all pairs: [i, j] of [i, n, n], [j, n, n]."""
    n = of_x.shape[-1]
    rows_x, rows_y = of_x.sum(axis=2), of_y.sum(axis=2)
    products = of_x.reshape(len(of_x), -1) @ of_y.reshape(len(of_y), -1).T
    sums = np.outer(rows_x.sum(axis=1), rows_y.sum(axis=1)) / ((n - 1) * (n - 2))
    found: Values = products + sums - 2 / (n - 2) * (rows_x @ rows_y.T)
    return found


class MinibatchCka:
    """CKA of every layer of one network with every layer of another, batch by batch.

    Layers are known by name; each must come with every batch. Memory: layers times n^2 numbers
    during a batch of n inputs, and one number a pair of layers from batch to batch.
    """

    def __init__(self) -> None:
        self.names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self.num_batches = 0
        self._across: Values = np.zeros((0, 0))
        self._within: list[Values] = []

    def add(self, x: Mapping[str, npt.ArrayLike], y: Mapping[str, npt.ArrayLike]) -> None:
        """One batch: features [n, ...] of each layer, of the same n inputs in the same order.

        Everything behind the first axis is a feature; of spikes [n, time_step, neuron] thus each
        neuron in each time step. Raises ``InputError`` as :meth:`add_grams`.
        """
        self.add_grams(*({name: gram(of) for name, of in side.items()} for side in (x, y)))

    def add_grams(self, x: Mapping[str, Values], y: Mapping[str, Values]) -> None:
        """One batch, of which features are already gone: :func:`gram` of each layer.

        Raises ``InputError`` if there are fewer than 4 inputs, if numbers of inputs or names differ
        or if a feature is not finite.
        """
        names = tuple(x), tuple(y)
        if not all(names):
            raise InputError("there must be a layer or more on each side, not none: name some")
        if self.num_batches and names != self.names:
            raise InputError(f"every batch must have the layers {self.names}, not {names}")
        grams = [self._stacked(side) for side in (x, y)]
        sizes = {len(g[0]) for g in grams}
        if len(sizes) > 1:
            raise InputError(f"both sides must have the same inputs, not {sorted(sizes)} of them")
        n = sizes.pop()
        scale = 1 / (n * (n - 3))
        if not self.num_batches:
            self.names = names
            self._across = np.zeros((len(x), len(y)))
            self._within = [np.zeros(len(side)) for side in (x, y)]
        self._across += scale * hsic(*grams)
        self._within = [
            so_far + scale * np.array([hsic(g[None], g[None])[0, 0] for g in side])
            for so_far, side in zip(self._within, grams, strict=True)
        ]
        self.num_batches += 1

    @staticmethod
    def _stacked(side: Mapping[str, Values]) -> Values:
        for name, found in side.items():
            if len(found) < FEWEST_INPUTS:
                raise InputError(
                    f"a batch must have {FEWEST_INPUTS} inputs or more, not {len(found)}: "
                    "take larger batches, and leave out a small one at the end"
                )
            if not np.isfinite(found).all():
                raise InputError(f"features of {name!r} must be finite numbers, and some are not")
        lengths = {len(found) for found in side.values()}
        if len(lengths) > 1:
            raise InputError(f"all layers must have the same inputs, not {sorted(lengths)} of them")
        return np.stack(list(side.values()))

    def result(self) -> Values:
        """CKA [layers of x, layers of y]: 1 for the same up to rotation and scale, about 0 for
        independent ones.

        NaN where a layer gives every input the same, as one that never fires: it is like nothing.
        Raises ``InputError`` if there was no batch.
        """
        if not self.num_batches:
            raise InputError("there must be a batch of inputs before there is a result: add one")
        size = np.sqrt(np.outer(*(np.maximum(within, 0.0) for within in self._within)))
        found: Values = np.full_like(size, np.nan)
        np.divide(self._across, size, out=found, where=size > 0)
        return found


@dataclass(frozen=True, eq=False)
class LayerCka:
    """CKA of every layer of one network with every layer of another.

    rows, columns   names of the layers of the one and of the other
    values          float64 [rows, columns]; NaN where a layer is the same for every input
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Values

    def twins(self) -> dict[str, float]:
        """CKA of each layer with the layer of the same name, where there is one."""
        return {
            name: float(self.values[i, self.columns.index(name)])
            for i, name in enumerate(self.rows)
            if name in self.columns
        }

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": self.columns, "cka": self.values.tolist()}


def compare(
    x: Iterable[Mapping[str, Values]], y: Iterable[Mapping[str, Values]] | None = None
) -> LayerCka:
    """CKA of the layers of two networks, from their :func:`gram` matrices, batch by batch.

    x, y   for each batch those of every layer, by name, of the same inputs in the same order; they
           are taken one by one, so that one batch is held at a time. Without ``y``, x with itself

    Raises ``InputError`` as :meth:`MinibatchCka.add_grams`, and if one side has more batches.
    """
    one = MinibatchCka()
    both: Iterator[tuple[Any, Any]]
    both = ((side, side) for side in x) if y is None else zip_longest(x, y)
    for of_x, of_y in both:
        if of_x is None or of_y is None:
            raise InputError(
                f"both sides must have the same batches, but one ends after {one.num_batches}"
            )
        one.add_grams(of_x, of_y)
    return LayerCka(*one.names, one.result())


def cka(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """CKA of two representations [n, ...] of the same n inputs; as :class:`MinibatchCka`."""
    one = MinibatchCka()
    one.add({"x": x}, {"y": y})
    return float(one.result()[0, 0])


def batches(num_inputs: int, size: int) -> Sequence[slice]:
    """Parts of ``num_inputs`` inputs of ``size`` each; the last may be smaller, but not too small.

    Raises ``InputError`` if there are fewer inputs than the estimator needs.
    """
    if size < FEWEST_INPUTS or num_inputs < FEWEST_INPUTS:
        raise InputError(
            f"inputs and batch size must be {FEWEST_INPUTS} or more, not {num_inputs} and {size}"
        )
    starts = range(0, num_inputs, size)
    parts = [slice(start, min(start + size, num_inputs)) for start in starts]
    if parts[-1].stop - parts[-1].start < FEWEST_INPUTS:
        parts[-2:] = [slice(parts[-2].start, num_inputs)]
    return parts
