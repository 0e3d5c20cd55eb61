"""Sound to events: a bank of band-pass filters, the logarithm of each band's level, its changes.

Everything is integer arithmetic that C99 does alike in ``int32_t`` and ``int64_t``. For each
sample x (16 bits) and each band:

1. *Filter*, a resonator with zeros at 0 and at half the sample rate, direct form I::

       y = trunc((gain * ((x << 4) - (x2 << 4)) - a1 * y1 - a2 * y2) / 2**14)

   clamped to 28 bits. ``x2`` is the sample before the last, ``y1``, ``y2`` are the last two
   results. Rounding toward zero lets the filter fall silent, with no small cycle left over.
   Coefficients have at most 17 bits with sign, so the sum stays below 2**47.
2. *Rectify and add* over a frame: the sum of abs(y), below 2**44 for frames of up to 2**16.
3. *Logarithm* to base 2 in units of 1/16 (0.38 dB), straight between powers of two: the position
   of the highest set bit times 16, plus the four bits after it; less ``floor``, at least 0.
   With ``smooth`` > 0 the value first goes through ``s += trunc((16 * value - s) / 2**smooth)``.
4. *Events*, in one time step for each frame: a rate (error diffusion) of one event for each
   ``rate_unit`` of the level and frame; and up and down events when the level has moved by
   ``threshold`` (send on delta, from 0). A source sends at most ``max_events``; what is held back
   of a rate is lost, of a change is sent later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgesnn.encoders.encoder import Codes, State, at_least_one, checked
from edgesnn.events import EventStream
from edgesnn.network import MAX_EVENTS_PER_SOURCE

#: Coefficients are in units of 1 / 2**14.
COEFFICIENT_BITS = 14
#: Filters carry so many bits below a sample's last one.
GUARD_BITS = 4
#: Results of a filter are clamped to -2**27..2**27 - 1.
FILTER_BITS = 28
#: The logarithm has so many bits after the point.
LOG_BITS = 4
#: A smoothed level has so many bits more than a level.
SMOOTH_BITS = 4
MAX_COEFFICIENT = (1 << 16) - 1
MAX_FRAME = 1 << 16
Coefficients = tuple[tuple[int, int, int], ...]


def _trunc_shift(values: Codes, bits: int) -> Codes:
    """values / 2**bits, rounded toward zero."""
    return (values + ((values >> 63) & ((1 << bits) - 1))) >> bits


def _log2(sums: Codes) -> Codes:
    """Base-2 logarithm of sums >= 0 in units of 1/16, straight between powers of two; 0 of 0."""
    value = np.maximum(sums, 1)
    # Exact: sums are below 2**53, and frexp only takes the exponent apart.
    position = np.frexp(value.astype(np.float64))[1].astype(np.int64) - 1
    down = np.maximum(position - LOG_BITS, 0)
    up = np.maximum(LOG_BITS - position, 0)
    fraction = ((value >> down) << up) & ((1 << LOG_BITS) - 1)
    return (position << LOG_BITS) + fraction


@dataclass(frozen=True)
class FilterBankEncoder:
    """A frame of sound becomes the events of one time step.

    channels      samples in a frame (of 16 bits, mono)
    coefficients  (gain, a1, a2) of each band, in 1 / 2**14; :meth:`design` makes them
    floor         what is taken off the logarithm, 1/16 octaves of level; quieter bands are silent
    rate_unit     level that sends one event in each frame; 0: no rates
    threshold     change of level that sends one event; 0: no changes
    smooth        time constant of the level, 2**smooth frames; 0: none
    max_events    most events of one source in one time step, 1..15

    Sources: rates of all bands (if any), then up events of all bands, then down events (if any).
    """

    kind: ClassVar[str] = "filter_bank"
    channels: int
    coefficients: Coefficients
    floor: int = 128
    rate_unit: int = 16
    threshold: int = 0
    smooth: int = 0
    max_events: int = 4

    def __post_init__(self) -> None:
        at_least_one(channels=self.channels, max_events=self.max_events)
        bands = tuple(tuple(band) for band in self.coefficients)
        object.__setattr__(self, "coefficients", bands)
        numbers = [c for band in bands for c in band]
        if not bands or any(len(band) != 3 for band in bands):
            raise ValueError("coefficients must be three integers for each of one or more bands")
        if any(type(c) is not int or abs(c) > MAX_COEFFICIENT for c in numbers):
            raise ValueError(
                f"coefficients must be integers in -{MAX_COEFFICIENT}..{MAX_COEFFICIENT}"
            )
        whole = (self.floor, self.rate_unit, self.threshold, self.smooth)
        if any(type(v) is not int or not 0 <= v < 1 << 16 for v in whole) or self.smooth > 15:
            raise ValueError(
                "floor, rate_unit and threshold must be integers in 0..65535, smooth in 0..15"
            )
        if not (self.rate_unit or self.threshold):
            raise ValueError("rate_unit or threshold must be above 0, else nothing is sent")
        if self.max_events > MAX_EVENTS_PER_SOURCE or self.channels > MAX_FRAME:
            raise ValueError(
                f"max_events must be in 1..{MAX_EVENTS_PER_SOURCE} and channels in 1..{MAX_FRAME}"
            )

    @staticmethod
    def design(
        num_bands: int, low_hz: float, high_hz: float, sample_rate_hz: float, overlap: float = 1.0
    ) -> Coefficients:
        """Coefficients of bands that are evenly spaced on the mel scale.

        low_hz, high_hz  centres of the first and of the last band
        overlap          bandwidth as a multiple of the distance of neighbours

        Mel scale: D. O'Shaughnessy, Speech Communication, 1987: 2595 log10(1 + f / 700).
        Resonator: K. Steiglitz, A note on constant-gain digital resonators, Computer Music
        Journal 18(4), 1994: zeros at +-1, gain (1 - r**2) / 2.
        """
        low, high = (2595 * np.log10(1 + f / 700) for f in (low_hz, high_hz))
        mels = np.linspace(low, high, num_bands)
        centres = 700 * (10 ** (mels / 2595) - 1)
        widths = overlap * np.gradient(centres) if num_bands > 1 else centres
        one = 1 << COEFFICIENT_BITS
        bands = []
        for centre, width in zip(centres, widths, strict=True):
            radius = np.exp(-np.pi * width / sample_rate_hz)
            angle = 2 * np.pi * centre / sample_rate_hz
            exact = ((1 - radius**2) / 2, -2 * radius * np.cos(angle), radius**2)
            gain, a1, a2 = (round(float(one * c)) for c in exact)
            bands.append((max(gain, 1), a1, a2))
        return tuple(bands)

    @property
    def num_bands(self) -> int:
        return len(self.coefficients)

    @property
    def num_sources(self) -> int:
        return self.num_bands * (bool(self.rate_unit) + 2 * bool(self.threshold))

    @property
    def steps_per_sample(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        """floor(value + 1/2), clamped to 16 bits."""
        values = checked(samples, self.channels, None)
        return np.clip(np.floor(values + 0.5), -32768, 32767).astype(np.int64)

    def initial_state(self) -> State:
        """int64 [6, num_bands]: x1, x2 (the same in all bands), y1, y2, level sent, rate's rest;
        with ``smooth`` a seventh row, the smoothed level."""
        return np.zeros((6 + bool(self.smooth), self.num_bands), np.int64)

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(checked(sample, self.channels, 1))
        states = self.initial_state() if state is None else state
        assert states is not None
        new = states.copy()[:, np.newaxis]
        counts = self._frame(codes[np.newaxis], new)
        return EventStream.from_raster(counts), new[:, 0]

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(checked(windows, self.channels, 3))
        first = self.initial_state()
        assert first is not None
        states = np.repeat(first[:, np.newaxis], len(codes), axis=1)
        counts = np.zeros((*codes.shape[:2], self.num_sources), np.uint8)
        for t in range(codes.shape[1]):
            counts[:, t] = self._frame(codes[:, t], states)
        return counts

    def _levels(self, frames: Codes, states: Codes) -> Codes:
        """Level of each band [window, band] over frames [window, sample]; moves the filters on."""
        gain, a1, a2 = np.array(self.coefficients, np.int64).T
        x1, x2, y1, y2 = states[:4].copy()
        sums = np.zeros_like(y1)
        limit = 1 << (FILTER_BITS - 1)
        for x in (frames << GUARD_BITS).T:
            change = x[:, np.newaxis] - x2
            y = _trunc_shift(gain * change - a1 * y1 - a2 * y2, COEFFICIENT_BITS)
            np.clip(y, -limit, limit - 1, out=y)
            sums += np.abs(y)
            x1, x2, y1, y2 = np.broadcast_to(x[:, np.newaxis], x1.shape), x1, y, y1
        states[:4] = x1, x2, y1, y2
        return np.maximum(_log2(sums) - self.floor, 0)

    def _frame(self, frames: Codes, states: Codes) -> npt.NDArray[np.uint8]:
        """Events [window, source] of frames [window, sample]; changes ``states`` in place."""
        level = self._levels(frames, states)
        if self.smooth:
            states[6] += _trunc_shift((level << SMOOTH_BITS) - states[6], self.smooth)
            level = states[6] >> SMOOTH_BITS
        parts = []
        if self.rate_unit:
            wanted = states[5] + level
            parts.append(np.minimum(wanted // self.rate_unit, self.max_events))
            states[5] = wanted % self.rate_unit
        if self.threshold:
            change = level - states[4]
            events = np.minimum(np.abs(change) // self.threshold, self.max_events)
            states[4] += np.sign(change) * events * self.threshold
            parts += [np.where(change > 0, events, 0), np.where(change < 0, events, 0)]
        return np.concatenate(parts, axis=1).astype(np.uint8)
