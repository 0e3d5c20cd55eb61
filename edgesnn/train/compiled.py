"""All time steps of one population at once, in compiled code, forward and backward.

PyTorch needs a dozen operations for each step of a recurrent population, each of which costs more
than its arithmetic; and it multiplies with all weights where few are left. Here a step adds, for
each neuron that fires, the weights that are left; where many are left it is a matrix product of all
windows, and only the neurons are compiled. The neuron and its gradient are those of
:mod:`edgesnn.train.lif`; weights that are not in the pattern have no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.neuron import ResetMode, ResetOrder

Floats = npt.NDArray[np.float32]
#: With more than this share of the weights left a matrix product is faster.
_DENSE = 0.15
_NO_RESET, _TO_ZERO, _BEFORE_DECAY, _AFTER_DECAY = range(4)
_RESETS = {
    (ResetMode.NONE, ResetOrder.BEFORE_DECAY): _NO_RESET,
    (ResetMode.NONE, ResetOrder.AFTER_DECAY): _NO_RESET,
    (ResetMode.TO_ZERO, ResetOrder.BEFORE_DECAY): _TO_ZERO,
    (ResetMode.TO_ZERO, ResetOrder.AFTER_DECAY): _TO_ZERO,
    (ResetMode.SUBTRACT, ResetOrder.BEFORE_DECAY): _BEFORE_DECAY,
    (ResetMode.SUBTRACT, ResetOrder.AFTER_DECAY): _AFTER_DECAY,
}


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which weights [source, target] of a population to itself are left, in rows.

    starts   int64 [size + 1], where the targets of each source start
    targets  int64 [number of weights]
    """

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, weights: npt.NDArray[Any]) -> Pattern:
        """Where ``weights`` [size, size] are not 0."""
        counts = np.count_nonzero(weights, axis=1)
        return cls(np.concatenate(([0], np.cumsum(counts))), np.nonzero(weights)[1])

    @property
    def sources(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @cached_property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The same as a matrix [source, target]."""
        size = len(self.starts) - 1
        found = np.zeros((size, size), np.bool_)
        found[self.sources, self.targets] = True
        return found

    @property
    def dense(self) -> bool:
        """Whether so many are left that a matrix product is faster."""
        return len(self.targets) > _DENSE * (len(self.starts) - 1) ** 2


class Neurons(NamedTuple):
    """What all steps of a population have in common; threshold and decay are float32 [size]."""

    threshold: Floats
    decay: Floats
    kind: int
    spiking: bool
    strict: bool
    slope: float


def run_population(
    drive: Tensor,
    weights: Tensor | None,
    pattern: Pattern,
    threshold: Tensor,
    decay: Tensor,
    spiking: bool,
    reset_mode: ResetMode,
    reset_order: ResetOrder,
    strict: bool,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """``v`` and spikes [batch, time_step, size] of a population without synaptic currents.

    drive     float32 [batch, time_step, size], what arrives from outside, bias included
    weights   float32 [size, size] from the population to itself, 0 outside ``pattern``, or None
    slope     steepness of the surrogate gradient

    Spikes of a population that never fires are 0.
    """
    kind = _RESETS[reset_mode, reset_order] if spiking else _NO_RESET
    found = _Population.apply(
        drive, weights, threshold, decay, pattern, (kind, spiking, strict, slope)
    )
    return found[0], found[1]


class _Population(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        weights: Tensor | None,
        threshold: Tensor,
        decay: Tensor,
        pattern: Pattern,
        how: tuple[int, bool, bool, float],
    ) -> tuple[Tensor, Tensor]:
        neurons = Neurons(threshold.numpy(), decay.detach().numpy(), *how)
        driven = drive.detach().contiguous().numpy()
        v, spikes = np.empty((2, *drive.shape), np.float32)
        found = torch.from_numpy(v), torch.from_numpy(spikes)
        if weights is not None and pattern.dense:
            matrix = weights.detach()
            membrane = np.zeros(drive[:, 0].shape, np.float32)
            arriving = torch.zeros(drive[:, 0].shape)
            for t in range(drive.shape[1]):
                if t:
                    torch.matmul(found[1][:, t - 1], matrix, out=arriving)
                _steps(driven[:, t], arriving.numpy(), membrane, neurons, v[:, t], spikes[:, t])
            ctx.weights = matrix
        else:
            left = np.zeros(0, np.float32)
            if weights is not None:
                left = weights.detach().numpy()[pattern.sources, pattern.targets]
            _forward(driven, left, pattern.starts, pattern.targets, neurons, v, spikes)
            ctx.weights = left
        ctx.neurons, ctx.pattern = neurons, pattern
        ctx.recurrent = weights is not None
        ctx.save_for_backward(*found)
        if not neurons.spiking:
            ctx.mark_non_differentiable(found[1])
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        v, spikes = (t.numpy() for t in saved)
        of_v, of_spikes = (g.contiguous().numpy() for g in gradients)
        neurons, pattern = ctx.neurons, ctx.pattern
        of_drive, of_decay = np.empty_like(v), np.zeros(v.shape[2], np.float32)
        drive, of_weights = torch.from_numpy(of_drive), None
        if ctx.recurrent and pattern.dense:
            back, of_membrane = ctx.weights.t(), np.zeros(v[:, 0].shape, np.float32)
            heard = torch.zeros(of_membrane.shape)
            for t in range(v.shape[1] - 1, -1, -1):
                if t + 1 < v.shape[1]:
                    torch.matmul(drive[:, t + 1], back, out=heard)
                _steps_back(
                    v[:, t], spikes[:, t], of_v[:, t], of_spikes[:, t], heard.numpy(), of_membrane,
                    neurons, of_drive[:, t], of_decay,
                )  # fmt: skip
            whole = saved[1][:, :-1].flatten(0, 1).t() @ drive[:, 1:].flatten(0, 1)
            of_weights = whole * torch.from_numpy(pattern.mask)
        else:
            of_left = np.zeros_like(ctx.weights)
            _backward(
                v, spikes, of_v, of_spikes, ctx.weights, pattern.starts, pattern.targets, neurons,
                of_drive, of_left, of_decay,
            )  # fmt: skip
            if ctx.recurrent:
                of_weights = torch.zeros(v.shape[2], v.shape[2])
                of_weights[pattern.sources, pattern.targets] = torch.from_numpy(of_left)
        return drive, of_weights, None, torch.from_numpy(of_decay), None, None


def _step(
    drive: Floats,
    arriving: Floats,
    membrane: Floats,
    neurons: Neurons,
    v: Floats,
    spikes: Floats,
) -> None:
    """One step of one window, all [size]; ``membrane`` is after reset and decay."""
    threshold, decay, kind, spiking, strict, _ = neurons
    for i in range(len(v)):
        now = membrane[i] + (drive[i] + arriving[i])
        fires = spiking and (now > threshold[i] if strict else now >= threshold[i])
        v[i] = now
        spikes[i] = fires
        if kind == _NO_RESET:
            membrane[i] = now * decay[i]
        elif kind == _TO_ZERO:
            membrane[i] = np.float32(0) if fires else now * decay[i]
        elif kind == _BEFORE_DECAY:
            membrane[i] = (now - threshold[i] if fires else now) * decay[i]
        else:
            after = now * decay[i]
            membrane[i] = after - threshold[i] if fires else after


def _step_back(
    v: Floats,
    spikes: Floats,
    of_v: Floats,
    of_spikes: Floats,
    heard: Floats,
    of_membrane: Floats,
    neurons: Neurons,
    of_drive: Floats,
    of_decay: Floats,
) -> None:
    """Gradients of :func:`_step`; ``heard`` is what the spikes' targets pass back."""
    threshold, decay, kind, spiking, _, slope = neurons
    one, steepness = np.float32(1), np.float32(slope)
    for i in range(len(v)):
        after, now, fired = of_membrane[i], v[i], spikes[i]
        here, of_spike = of_v[i] + decay[i] * after, of_spikes[i] + heard[i]
        if kind == _NO_RESET:
            of_decay[i] += now * after
        elif kind == _TO_ZERO:
            here -= fired * decay[i] * after
            of_spike -= now * decay[i] * after
            of_decay[i] += (now - now * fired) * after
        elif kind == _BEFORE_DECAY:
            of_spike -= threshold[i] * decay[i] * after
            of_decay[i] += (now - fired * threshold[i]) * after
        else:
            of_spike -= threshold[i] * after
            of_decay[i] += now * after
        if spiking:
            flatness = one + steepness * abs(now / threshold[i] - one)
            here += of_spike / (flatness * flatness * threshold[i])
        of_drive[i] = here
        of_membrane[i] = here


def _forward(
    drive: Floats,
    left: Floats,
    starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    neurons: Neurons,
    v: Floats,
    spikes: Floats,
) -> None:
    batch, num_steps, size = drive.shape
    recurrent = len(left) > 0
    membrane, arriving = np.empty(size, np.float32), np.empty(size, np.float32)
    for b in range(batch):
        membrane[:] = 0
        arriving[:] = 0
        for t in range(num_steps):
            _step(drive[b, t], arriving, membrane, neurons, v[b, t], spikes[b, t])
            if recurrent:
                arriving[:] = 0
                for i in range(size):
                    if spikes[b, t, i]:
                        for k in range(starts[i], starts[i + 1]):
                            arriving[targets[k]] += left[k]


def _backward(
    v: Floats,
    spikes: Floats,
    of_v: Floats,
    of_spikes: Floats,
    left: Floats,
    starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    neurons: Neurons,
    of_drive: Floats,
    of_left: Floats,
    of_decay: Floats,
) -> None:
    batch, num_steps, size = v.shape
    recurrent = len(left) > 0
    of_membrane, heard = np.empty(size, np.float32), np.zeros(size, np.float32)
    for b in range(batch):
        of_membrane[:] = 0
        heard[:] = 0
        for t in range(num_steps - 1, -1, -1):
            if recurrent and t + 1 < num_steps:
                _hear(spikes[b, t], of_drive[b, t + 1], left, starts, targets, heard, of_left)
            _step_back(
                v[b, t], spikes[b, t], of_v[b, t], of_spikes[b, t], heard, of_membrane,
                neurons, of_drive[b, t], of_decay,
            )  # fmt: skip


def _hear(
    spikes: Floats,
    of_arriving: Floats,
    left: Floats,
    starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    heard: Floats,
    of_left: Floats,
) -> None:
    """What the targets of each neuron pass back to it, and to the weights of those that fired."""
    for i in range(len(spikes)):
        total = np.float32(0)
        for k in range(starts[i], starts[i + 1]):
            total += left[k] * of_arriving[targets[k]]
        heard[i] = total
        if spikes[i]:
            for k in range(starts[i], starts[i + 1]):
                of_left[k] += of_arriving[targets[k]]


def _steps(
    drive: Floats,
    arriving: Floats,
    membrane: Floats,
    neurons: Neurons,
    v: Floats,
    spikes: Floats,
) -> None:
    """:func:`_step` of all windows, [batch, size]."""
    for b in range(len(v)):
        _step(drive[b], arriving[b], membrane[b], neurons, v[b], spikes[b])


def _steps_back(
    v: Floats,
    spikes: Floats,
    of_v: Floats,
    of_spikes: Floats,
    heard: Floats,
    of_membrane: Floats,
    neurons: Neurons,
    of_drive: Floats,
    of_decay: Floats,
) -> None:
    """:func:`_step_back` of all windows, [batch, size]."""
    for b in range(len(v)):
        _step_back(
            v[b], spikes[b], of_v[b], of_spikes[b], heard[b], of_membrane[b], neurons,
            of_drive[b], of_decay,
        )  # fmt: skip


_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
_step, _step_back, _hear = _compile(_step), _compile(_step_back), _compile(_hear)
_forward, _backward = _compile(_forward), _compile(_backward)
_steps, _steps_back = _compile(_steps), _compile(_steps_back)
