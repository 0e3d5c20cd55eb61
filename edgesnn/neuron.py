"""What a neuron does in one time step, in plain Python integers.

This file is the one home of the semantics; ``docs/neuron.md`` tells it in prose. The Numba
kernels, the gates and the C runtime are twins of it, and tests compare them with it.

Integration comes first: each event adds ``weight_code << weight_shift`` to the stored membrane, or
to the stored synaptic current of a current-based neuron (:func:`integrate`). Then the neuron is
updated once (:func:`lif_step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from edgesnn.number_format import DECAY_ONE, SignedFormat, apply_decay


class ResetMode(IntEnum):
    """What a spike does to the membrane."""

    SUBTRACT = 0
    TO_ZERO = 1
    NONE = 2


class ResetOrder(IntEnum):
    """Whether the reset comes before or after the decay of the same step.

    AFTER_DECAY is snnTorch's delayed subtraction; BEFORE_DECAY is SpikingJelly, Norse, sinabs.
    """

    BEFORE_DECAY = 0
    AFTER_DECAY = 1


@dataclass(frozen=True)
class LifParameters:
    """Parameters of one neuron; integers in the units of its membrane.

    threshold       fires at ``v >= threshold``, or ``v > threshold`` if ``strict``
    decay           0..4096, in 1/4096 per time step; 4096 is no decay
    bias            added once per time step
    spiking         False: a read-out neuron, which never fires
    reset_mode, reset_order, strict
    membrane_bits   the stored membrane is clamped to a signed number of this many bits
    state_bits      width of the state words; sums wrap in it
    synaptic_decay  decay of the synaptic current of a current-based neuron, as ``decay``; else None
    current_bits    the stored current is clamped to a signed number of this many bits; 0 if none
    """

    threshold: int
    decay: int
    bias: int = 0
    spiking: bool = True
    reset_mode: ResetMode = ResetMode.SUBTRACT
    reset_order: ResetOrder = ResetOrder.BEFORE_DECAY
    strict: bool = False
    membrane_bits: int = 16
    state_bits: int = 16
    synaptic_decay: int | None = None
    current_bits: int = 0

    def __post_init__(self) -> None:
        word = SignedFormat(self.state_bits)
        decays = {"decay": self.decay}
        widths = {"membrane_bits": self.membrane_bits}
        if self.synaptic_decay is not None:
            decays["synaptic_decay"] = self.synaptic_decay
            widths["current_bits"] = self.current_bits
        elif self.current_bits:
            raise ValueError(
                f"current_bits must be 0 without a synaptic_decay, not {self.current_bits}"
            )
        for name, value in decays.items():
            if not 0 <= value <= DECAY_ONE:
                raise ValueError(f"{name} must be in 0..{DECAY_ONE}, not {value}")
        for name, value in widths.items():
            if not 2 <= value <= self.state_bits:
                raise ValueError(f"{name} must be in 2..{self.state_bits}, not {value}")
        if not word.contains(self.bias):
            raise ValueError(f"bias must fit {self.state_bits} bits, not {self.bias}")
        if self.spiking and not 1 <= self.threshold + self.strict <= word.maximum:
            raise ValueError(
                f"threshold + strict must be in 1..{word.maximum}, "
                f"not {self.threshold + self.strict}"
            )


@dataclass(frozen=True)
class LifOutcome:
    """Result of one time step of one neuron.

    spike      whether it fired
    value      ``v``: the membrane with current and bias, before reset and decay; what a read-out
               reads
    membrane   the word that is stored for the next step
    overflow   whether ``v`` left the state word (it then wrapped)
    current    the synaptic current that is stored for the next step; 0 if there is none
    """

    spike: bool
    value: int
    membrane: int
    overflow: bool
    current: int = 0


def integrate(state: int, amount: int, state_bits: int) -> tuple[int, bool]:
    """Add an amount to a state word: the new word, and whether it wrapped."""
    word = SignedFormat(state_bits)
    total = state + amount
    return word.wrap(total), not word.contains(total)


def lif_step(parameters: LifParameters, membrane: int, current: int = 0) -> LifOutcome:
    """Update one neuron after all events of the time step were integrated.

    current   of a current-based neuron; 0 for others

    Source: the discrete leaky integrate-and-fire neuron with decay at the end of the step, so
    that what is stored is what the next step's events add to; with a synaptic current, the
    second-order neuron, whose current decays at the end of the step as well.
    """
    p = parameters
    value, overflow = integrate(membrane, current + p.bias, p.state_bits)
    spike = p.spiking and value >= p.threshold + p.strict

    stored = value
    if spike and p.reset_mode is ResetMode.TO_ZERO:
        stored = 0
    subtract = spike and p.reset_mode is ResetMode.SUBTRACT
    if subtract and p.reset_order is ResetOrder.BEFORE_DECAY:
        stored -= p.threshold
    stored = apply_decay(stored, p.decay)
    if subtract and p.reset_order is ResetOrder.AFTER_DECAY:
        stored -= p.threshold
    if p.synaptic_decay is not None:
        current = SignedFormat(p.current_bits).clamp(apply_decay(current, p.synaptic_decay))
    return LifOutcome(spike, value, SignedFormat(p.membrane_bits).clamp(stored), overflow, current)
