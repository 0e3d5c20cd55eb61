"""What layers in PyTorch tell apart: gram matrices of outputs, for :mod:`edgesnn.analysis.cka`.

Outputs of a module are heard by forward hooks and become gram matrices at once, so that no more
than one layer's features are held beside what PyTorch itself needs for a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgesnn.analysis.cka import batches
from edgesnn.analysis.population_features import (
    BATCH_SIZE,
    Signal,
    chosen_names,
    named_grams,
    represented,
)
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.train.dynamics import Dynamics

Values = npt.NDArray[np.float64]


def module_grams(
    module: nn.Module,
    inputs: Tensor,
    layers: Sequence[str] | None = None,
    *,
    by_step: bool = False,
    batch_size: int = BATCH_SIZE,
) -> Iterator[dict[str, Values]]:
    """Gram matrices of the outputs of layers, batch by batch, of any module.

    inputs    [n, ...]; a batch of them is the only argument that the module is called with
    layers    names as in ``module.named_modules()``; None: all that give features of each input
    by_step   each time step by itself, as a layer ``NAME @ STEP``: time is the second axis

    The module runs in evaluation mode and without gradients, and is left in the mode it had.

    Of an output the first tensor counts. A layer that sees time folded into the batch, as those of
    :class:`edgesnn.train.neurons.PerStep`, gives [n * steps, ...], which is unfolded. Calls of a
    layer that is called several times, once for each step, add up to one representation.

    Raises ``InputError`` if a layer is not known, is never called, or gives no features of each
    input; and for fewer inputs than CKA needs.
    """
    known = [name for name, _ in module.named_modules() if name]
    names = chosen_names(known, layers, "layer")
    for part in batches(len(inputs), batch_size):
        chosen = inputs[part]
        heard = _Heard(len(chosen), by_step, strict=layers is not None)
        with _evaluating(module), _hooks(module, names, heard.hear), torch.no_grad():
            module(chosen)
        if layers is not None:
            heard.check(names)
        yield heard.grams


class _Heard:
    """Gram matrices of one batch of ``num_inputs``, as outputs come in.

    strict   whether an output without features of each input is an error, or is passed over
    """

    def __init__(self, num_inputs: int, by_step: bool, *, strict: bool) -> None:
        self.grams: dict[str, Values] = {}
        self._num_inputs = num_inputs
        self._by_step = by_step
        self._strict = strict
        self._called: set[str] = set()

    def hear(self, name: str, output: Any) -> None:
        features = self._of_each_input(output)
        if features is None or (self._by_step and features.ndim < 2):
            if self._strict:
                raise InputError(
                    f"layer {name!r} must give a tensor with {self._num_inputs} rows, one for each "
                    f"input{', and steps behind' if self._by_step else ''}: choose another layer"
                )
            return
        if self._by_step and name in self._called:
            raise InputError(
                f"layer {name!r} must get all time steps in one call to be looked at step by step"
            )
        self._called.add(name)
        for key, found in named_grams({name: features}, self._by_step).items():
            self.grams[key] = self.grams[key] + found if key in self.grams else found

    def _of_each_input(self, output: Any) -> npt.NDArray[Any] | None:
        """[num_inputs, ...], or None if that cannot be."""
        while isinstance(output, tuple | list) and output:
            output = output[0]
        if not isinstance(output, Tensor) or output.ndim < 2 or not len(output):
            return None
        if len(output) % self._num_inputs:
            return None
        if len(output) > self._num_inputs:
            output = output.unflatten(0, (self._num_inputs, -1))
        features: npt.NDArray[Any] = output.detach().cpu().numpy()
        return features

    def check(self, names: Sequence[str]) -> None:
        """Raise ``InputError`` if a layer was not heard."""
        silent = [name for name in names if name not in self._called]
        if silent:
            raise InputError(f"layers must be called by the module, and {silent} are not")


@contextmanager
def _hooks(
    module: nn.Module, names: Sequence[str], hear: Callable[[str, Any], None]
) -> Iterator[None]:
    """Inside, ``hear(name, output)`` is called after each call of a layer."""

    def listen(name: str, _module: nn.Module, _arguments: Any, output: Any) -> None:
        hear(name, output)

    handles = [
        module.get_submodule(name).register_forward_hook(partial(listen, name)) for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, the module and all in it are in evaluation mode."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def model_grams(
    model: Model,
    events: EventWindows,
    populations: Sequence[str] | None = None,
    *,
    signal: Signal = Signal.SPIKES,
    by_step: bool = False,
    batch_size: int = BATCH_SIZE,
) -> Iterator[dict[str, Values]]:
    """As :func:`edgesnn.analysis.population_features.network_grams`, in floating point."""
    neurons = {
        p.name: (i, p) for i, p in enumerate(model.populations) if isinstance(p, ModelPopulation)
    }
    names = chosen_names(list(neurons), populations, "population")
    dynamics = Dynamics(model)
    for part in batches(len(events), batch_size):
        run = dynamics.record(events.select(np.arange(part.start, part.stop)))
        features = {}
        for name in names:
            index, p = neurons[name]
            v = run.values[index]
            assert v is not None
            features[name] = represented(
                signal,
                p.spiking,
                run.spikes[index].double().numpy(),
                v.double().numpy(),
                p.threshold.astype(np.float64),
                p.decay.astype(np.float64),
            )
        yield named_grams(features, by_step)
