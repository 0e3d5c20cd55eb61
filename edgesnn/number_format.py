"""How numbers are stored: widths, ranges, wrapping, clamping, rounding.

Everything is a plain Python integer here. The other executors (Numba, gates, C) are compared
with these functions, never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SignedFormat:
    """A two's complement integer of ``bits`` bits.

    Raises ``ValueError`` if ``bits`` is not in 2..32.
    """

    bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 32:
            raise ValueError(f"bits must be in 2..32, not {self.bits}")

    @property
    def minimum(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def maximum(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def contains(self, value: int) -> bool:
        return self.minimum <= value <= self.maximum

    def wrap(self, value: int) -> int:
        """``value`` modulo 2**bits, as a signed number."""
        return ((value - self.minimum) & ((1 << self.bits) - 1)) + self.minimum

    def clamp(self, value: int) -> int:
        """The nearest number of this format."""
        return min(max(value, self.minimum), self.maximum)


#: Weights are 4-bit two's complement codes.
WEIGHT_CODE = SignedFormat(4)
#: ``weight_shift`` of a connection is stored in four bits.
MAX_WEIGHT_SHIFT = 15
#: ``delay`` of a connection is, too.
MAX_DELAY = 15
#: Decay factors are in units of 1 / DECAY_ONE; DECAY_ONE itself means "no decay".
DECAY_FRACTION_BITS = 12
DECAY_ONE = 1 << DECAY_FRACTION_BITS
#: Widths of the state word that a network may ask for. 32-bit hosts hold every one of them.
STATE_BITS = (16, 18, 24)
#: Accumulators of the read-out.
ACCUMULATOR = SignedFormat(32)


def divide_toward_zero(numerator: int, shift: int) -> int:
    """``numerator / 2**shift``, rounded toward zero."""
    magnitude = abs(numerator) >> shift
    return magnitude if numerator >= 0 else -magnitude


def apply_decay(value: int, decay: int) -> int:
    """``value * decay / 4096``, rounded toward zero (so every state reaches 0 and stays there)."""
    return divide_toward_zero(value * decay, DECAY_FRACTION_BITS)
