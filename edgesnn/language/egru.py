"""EGRU: a gated recurrent unit that sends its state on only when it crosses a threshold.

Of a unit's state only events travel, the value with them; all others see 0. So of a product with
recurrent weights, or with those of the next layer, only the columns of units that sent are needed.

    z = sigmoid(W_z x + b_z + R_z y' + b'_z)            y', h': of the step before
    r = sigmoid(W_r x + b_r + R_r y' + b'_r)
    g = tanh(W_g x + b_g + r (R_g y' + b'_g))
    c = z h' + (1 - z) g
    o = 1 if c > threshold else 0                       h = c - o threshold      y = o c

Backward the step o has the slope dampening * max(0, 1 - width |c - threshold|).

Source: Subramoney et al. 2023, "Efficient recurrent architectures through activity sparsity and
sparse back-propagation through time", equations 1 to 6; Mukherji et al. 2024, arXiv 2405.00433.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from edgesnn.errors import InputError


@dataclass(frozen=True)
class EgruSettings:
    """One layer.

    num_inputs, num_units
    threshold_mean   of the Beta distribution that thresholds are drawn from, 0 < mean < 1
    width            of the surrogate: its support reaches 1 / width to both sides
    dampening        height of the surrogate
    drop_connect     share of recurrent weights that a training pass leaves out
    """

    num_inputs: int
    num_units: int
    threshold_mean: float = 0.01
    width: float = 3.6
    dampening: float = 3.6
    drop_connect: float = 0.0

    def __post_init__(self) -> None:
        for name in ("num_inputs", "num_units"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.threshold_mean < 1:
            raise InputError(f"threshold_mean must be between 0 and 1, not {self.threshold_mean}")
        for name in ("width", "dampening"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")
        if not 0 <= self.drop_connect < 1:
            raise InputError(f"drop_connect must be in 0..1, below 1, not {self.drop_connect}")


class EgruState(NamedTuple):
    """What a layer carries from step to step: internal state and what was sent, [batch, unit]."""

    h: Tensor
    y: Tensor


class Egru(nn.Module):
    """A layer of event-based gated recurrent units.

    input_weights      [3 * unit, input], rows of z, then r, then g
    recurrent_weights  [3 * unit, unit]
    input_bias, recurrent_bias   [3 * unit]
    thresholds         [unit], clamped to 0..1 when they are used

    seed   of all that is random at the start
    """

    def __init__(self, settings: EgruSettings, seed: int = 0) -> None:
        super().__init__()
        self.settings = settings
        rows = 3 * settings.num_units
        self.input_weights = nn.Parameter(torch.empty(rows, settings.num_inputs))
        self.recurrent_weights = nn.Parameter(torch.empty(rows, settings.num_units))
        self.input_bias = nn.Parameter(torch.zeros(rows))
        self.recurrent_bias = nn.Parameter(torch.zeros(rows))
        # Beta(3 m / (1 - m), 3) has the mean m.
        shape = 3 * settings.threshold_mean / (1 - settings.threshold_mean)
        drawn = np.random.default_rng(seed).beta(shape, 3, settings.num_units)
        self.thresholds = nn.Parameter(torch.from_numpy(drawn).float())
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weights in (self.input_weights, self.recurrent_weights):
                for gate in weights.chunk(3):  # each gate is a matrix of its own
                    nn.init.xavier_normal_(gate, generator=generator)

    def start(self, batch: int) -> EgruState:
        """Nothing happened yet."""
        zero = self.thresholds.new_zeros(batch, self.settings.num_units)
        return EgruState(zero, zero)

    def forward(self, inputs: Tensor, state: EgruState | None = None) -> tuple[Tensor, EgruState]:
        """Events ``y`` [time_step, batch, unit] of inputs [time_step, batch, input], and the state
        after them. Raises ``InputError`` if there are no steps or inputs do not fit."""
        if inputs.dim() != 3 or not len(inputs) or inputs.shape[2] != self.settings.num_inputs:
            raise InputError(
                f"inputs must be [time_step, batch, {self.settings.num_inputs}] with at least one "
                f"step, not {list(inputs.shape)}"
            )
        return self.go_on(self.arriving(inputs), state)

    def arriving(self, inputs: Tensor) -> Tensor:
        """What inputs [..., input] bring to the gates, [..., 3 * unit]."""
        return nn.functional.linear(inputs, self.input_weights, self.input_bias)

    def go_on(self, arriving: Tensor, state: EgruState | None = None) -> tuple[Tensor, EgruState]:
        """As :meth:`forward`, from what arrives [time_step, batch, 3 * unit]."""
        before = self.start(arriving.shape[1]) if state is None else state
        recurrent = nn.functional.dropout(
            self.recurrent_weights, self.settings.drop_connect, self.training
        )
        y, h = _Steps.apply(
            arriving,
            recurrent,
            self.recurrent_bias,
            self.thresholds.clamp(0, 1),
            *before,
            (self.settings.dampening, self.settings.width),
        )
        return y, EgruState(h, y[-1])


class _Steps(torch.autograd.Function):
    """All time steps as one operation: PyTorch keeps no graph of them, and the way back does what
    is one product for all steps at once."""

    @staticmethod
    def forward(
        ctx: Any,
        arriving: Tensor,
        weights: Tensor,
        bias: Tensor,
        threshold: Tensor,
        h: Tensor,
        y: Tensor,
        surrogate: tuple[float, float],
    ) -> tuple[Tensor, Tensor]:
        size = h.shape[1]
        gates, heard = torch.empty_like(arriving), torch.empty_like(arriving[..., :size])
        candidates, sent = torch.empty_like(heard), torch.empty_like(heard)
        states = torch.empty(len(arriving) + 1, *h.shape, dtype=h.dtype, device=h.device)
        states[0] = h
        first, columns = y, weights.t()
        for t, step in enumerate(arriving):
            back = torch.addmm(bias, y, columns)
            torch.sigmoid(step[:, : 2 * size] + back[:, : 2 * size], out=gates[t, :, : 2 * size])
            z, r, g = gates[t].chunk(3, 1)
            heard[t] = back[:, 2 * size :]
            torch.tanh(torch.addcmul(step[:, 2 * size :], r, heard[t]), out=g)
            c = torch.lerp(g, h, z, out=candidates[t])
            fired = (c > threshold).to(c.dtype)
            y = torch.mul(fired, c, out=sent[t])
            h = torch.addcmul(c, fired, threshold, value=-1, out=states[t + 1])
        ctx.save_for_backward(weights, threshold, gates, heard, candidates, states, sent, first)
        ctx.surrogate = surrogate
        return sent, h.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weights, threshold, gates, heard, candidates, states, sent, first = ctx.saved_tensors
        of_sent, of_h = gradients
        dampening, width = ctx.surrogate
        of_arriving, of_back = torch.empty_like(gates), torch.empty_like(gates)
        of_threshold = torch.zeros_like(threshold)
        of_y = torch.zeros_like(first)
        for t in range(len(gates) - 1, -1, -1):
            z, r, g = gates[t].chunk(3, 1)
            c, dy = candidates[t], of_sent[t] + of_y
            fired = (c > threshold).to(c.dtype)
            slope = (1 - width * (c - threshold).abs()).clamp_(min=0).mul_(dampening)
            of_event = (c * dy - threshold * of_h) * slope
            of_threshold -= (of_event + fired * of_h).sum(0)
            of_c = fired * dy + of_h + of_event
            of_z, of_r, of_g = of_arriving[t].chunk(3, 1)
            of_z.copy_(of_c * (states[t] - g) * z * (1 - z))
            of_g.copy_(of_c * (1 - z) * (1 - g * g))
            of_r.copy_(of_g * heard[t] * r * (1 - r))
            of_back[t] = of_arriving[t]
            of_back[t].chunk(3, 1)[2].mul_(r)
            of_y = of_back[t] @ weights
            of_h = of_c * z
        before = torch.cat([first[None], sent[:-1]])
        of_weights = of_back.flatten(0, 1).t() @ before.flatten(0, 1)
        of_bias = of_back.sum((0, 1))
        return of_arriving, of_weights, of_bias, of_threshold, of_h, of_y, None
