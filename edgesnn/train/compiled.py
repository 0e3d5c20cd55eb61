"""All time steps of one population at once, in compiled code, forward and backward.

PyTorch needs a dozen operations for each step of a recurrent population, each of which costs more
than its arithmetic; and it multiplies with all weights where few are left. Here a step adds, for
each neuron that fires, the weights that are left. The neuron and its gradient are those of
:mod:`edgesnn.train.lif`; weights that are not in the pattern have no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgesnn.neuron import ResetMode, ResetOrder

Floats = npt.NDArray[np.float32]
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
    weights   float32 [size, size] from the population to itself, or None; with ``pattern``
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
        kind, spiking, strict, _ = how
        left = np.zeros(0, np.float32)
        if weights is not None:
            left = weights.detach().numpy()[pattern.sources, pattern.targets]
        arrays = (left, pattern.starts, pattern.targets, threshold.numpy(), decay.detach().numpy())
        v, spikes = np.empty((2, *drive.shape), np.float32)
        _forward(drive.detach().contiguous().numpy(), *arrays, kind, spiking, strict, v, spikes)
        ctx.arrays, ctx.how, ctx.pattern = arrays, how, pattern
        ctx.recurrent = weights is not None
        found = torch.from_numpy(v), torch.from_numpy(spikes)
        ctx.save_for_backward(*found)
        if not spiking:
            ctx.mark_non_differentiable(found[1])
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, spikes = (t.numpy() for t in ctx.saved_tensors)
        of_v, of_spikes = (g.contiguous().numpy() for g in gradients)
        kind, spiking, _, slope = ctx.how
        left, starts, targets, threshold, decay = ctx.arrays
        of_drive = np.empty_like(v)
        of_left, of_decay = np.zeros_like(left), np.zeros(v.shape[2], np.float32)
        _backward(
            v, spikes, of_v, of_spikes, left, starts, targets, threshold, decay,
            kind, spiking, slope,
            of_drive, of_left, of_decay,
        )  # fmt: skip
        of_weights = None
        if ctx.recurrent:
            whole = np.zeros((v.shape[2], v.shape[2]), np.float32)
            whole[ctx.pattern.sources, ctx.pattern.targets] = of_left
            of_weights = torch.from_numpy(whole)
        return torch.from_numpy(of_drive), of_weights, None, torch.from_numpy(of_decay), None, None


def _forward(
    drive: Floats,
    left: Floats,
    starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    threshold: Floats,
    decay: Floats,
    kind: int,
    spiking: bool,
    strict: bool,
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
            for i in range(size):
                now = membrane[i] + (drive[b, t, i] + arriving[i])
                arriving[i] = 0
                fires = spiking and (now > threshold[i] if strict else now >= threshold[i])
                v[b, t, i] = now
                spikes[b, t, i] = fires
                if kind == _NO_RESET:
                    membrane[i] = now * decay[i]
                elif kind == _TO_ZERO:
                    membrane[i] = np.float32(0) if fires else now * decay[i]
                elif kind == _BEFORE_DECAY:
                    membrane[i] = (now - threshold[i] if fires else now) * decay[i]
                else:
                    after = now * decay[i]
                    membrane[i] = after - threshold[i] if fires else after
            if recurrent:
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
    threshold: Floats,
    decay: Floats,
    kind: int,
    spiking: bool,
    slope: float,
    of_drive: Floats,
    of_left: Floats,
    of_decay: Floats,
) -> None:
    batch, num_steps, size = v.shape
    recurrent = len(left) > 0
    one, steepness = np.float32(1), np.float32(slope)
    of_membrane = np.empty(size, np.float32)  # after the reset and decay of a step
    for b in range(batch):
        of_membrane[:] = 0
        for t in range(num_steps - 1, -1, -1):
            sends = recurrent and t + 1 < num_steps
            of_arriving = of_drive[b, min(t + 1, num_steps - 1)]
            for i in range(size):
                after, now, fired = of_membrane[i], v[b, t, i], spikes[b, t, i]
                here, of_spike = of_v[b, t, i] + decay[i] * after, of_spikes[b, t, i]
                if sends and fired:
                    for k in range(starts[i], starts[i + 1]):
                        arrived = of_arriving[targets[k]]
                        of_spike += left[k] * arrived
                        of_left[k] += arrived
                elif sends:
                    for k in range(starts[i], starts[i + 1]):
                        of_spike += left[k] * of_arriving[targets[k]]
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
                of_drive[b, t, i] = here
                of_membrane[i] = here


_compile = numba.njit(cache=True, nogil=True, error_model="numpy")
_forward = _compile(_forward)
_backward = _compile(_backward)
