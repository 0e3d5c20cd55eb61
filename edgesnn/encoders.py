"""How sensor samples become events: in integers, sample by sample, the same on every host.

An encoder is a set of parameters; what it remembers between samples is a state that goes in and
comes out. A window (one decision) starts from the initial state::

    state = encoder.initial_state()
    for sample in samples:
        events, state = encoder.encode(sample, state)

:meth:`encode_windows` does the same for many windows at once. The parameters travel in
``network.info["encoder"]``, and :func:`encoder_from_info` makes the encoder again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.network import MAX_EVENTS_PER_SOURCE

Codes = npt.NDArray[np.int64]
State = npt.NDArray[np.int64] | None

#: Samples are quantized to codes of at most this size, so that sums of codes stay exact.
MAX_CODE = 1 << 30


class Encoder(Protocol):
    """What all encoders offer.

    channels          numbers in one sample
    num_sources       sources of events
    steps_per_sample  time steps that one sample takes
    max_events        most events that one source sends in one time step
    """

    kind: ClassVar[str]

    @property
    def channels(self) -> int: ...
    @property
    def num_sources(self) -> int: ...
    @property
    def steps_per_sample(self) -> int: ...
    @property
    def max_events(self) -> int: ...

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        """Integer codes of samples [..., channels]."""
        ...

    def initial_state(self) -> State:
        """What is remembered at the start of a window."""
        ...

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        """Events of one sample [channels], ``steps_per_sample`` time steps, and the new state."""
        ...

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Event counts of many windows, each from the initial state.

        windows [num_windows, samples_per_window, channels] gives
        uint8 [num_windows, samples_per_window * steps_per_sample, num_sources].
        """
        ...


def _checked(samples: npt.ArrayLike, channels: int, dimensions: int | None) -> npt.NDArray[Any]:
    try:
        values = np.asarray(samples, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"samples must be numbers: {error}") from None
    if dimensions is not None and values.ndim != dimensions:
        raise InputError(f"samples must have {dimensions} dimension(s), not {values.ndim}")
    if values.ndim < 1 or values.shape[-1] != channels:
        found = values.shape[-1] if values.ndim else 1
        raise InputError(f"a sample must have {channels} channels, not {found}")
    if not np.isfinite(values).all():
        raise InputError("samples must be finite numbers, without NaN or infinity")
    return values


def _at_least_one(**values: object) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {value!r}")


@dataclass(frozen=True)
class RateEncoder:
    """Each channel sends events at a rate that is proportional to its value.

    Deterministic error diffusion: in each time step an accumulator grows by the code of the
    channel; when it reaches ``full_scale``, the channel sends one event and the accumulator drops
    by ``full_scale``. Over T steps that are code * T / full_scale events, rounded as ``start``
    says: 0 rounds down, full_scale // 2 to the nearest.

    channels          numbers in one sample; source c is channel c
    low, high         the value that never sends, and the one that sends in every step
    full_scale        the largest code; code = floor((value - low) / (high - low) * full_scale
                      + 1/2), clamped to 0..full_scale
    start             accumulators at the start of a window, 0..full_scale - 1
    steps_per_sample  time steps for which one sample is held
    """

    kind: ClassVar[str] = "rate"
    channels: int
    low: float = 0.0
    high: float = 1.0
    full_scale: int = 256
    start: int = 0
    steps_per_sample: int = 1

    def __post_init__(self) -> None:
        _at_least_one(
            channels=self.channels,
            full_scale=self.full_scale,
            steps_per_sample=self.steps_per_sample,
        )
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")
        if not 0 <= self.start < self.full_scale <= MAX_CODE:
            raise ValueError(
                f"start must be in 0..full_scale - 1 and full_scale at most {MAX_CODE}, "
                f"not {self.start} and {self.full_scale}"
            )

    @property
    def num_sources(self) -> int:
        return self.channels

    @property
    def max_events(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        values = _checked(samples, self.channels, None)
        scaled = (values - self.low) / (self.high - self.low) * self.full_scale
        return np.clip(np.floor(scaled + 0.5), 0, self.full_scale).astype(np.int64)

    def initial_state(self) -> State:
        return np.full(self.channels, self.start, np.int64)

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(_checked(sample, self.channels, 1))
        accumulators = self.initial_state() if state is None else state.copy()
        assert accumulators is not None
        steps = []
        for _ in range(self.steps_per_sample):
            accumulators += codes
            sending = np.flatnonzero(accumulators >= self.full_scale)
            accumulators[sending] -= self.full_scale
            steps.append(sending)
        return EventStream.from_steps(steps), accumulators

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(_checked(windows, self.channels, 3))
        held = np.repeat(codes, self.steps_per_sample, axis=1)
        # Events up to a step are the whole multiples of full_scale in the sum so far.
        so_far = (self.start + np.cumsum(held, axis=1)) // self.full_scale
        return np.diff(so_far, axis=1, prepend=0).astype(np.uint8)


@dataclass(frozen=True)
class DeltaEncoder:
    """Send on delta: a channel sends when its value has moved by a threshold.

    Each channel has a level. While the code is at least ``threshold`` above the level, the channel
    sends an up event and the level rises by ``threshold``; likewise down. The first sample of a
    window sets the levels and sends nothing. What ``max_events`` holds back is sent later.

    channels    numbers in one sample; source c is "channel c up", channels + c is "channel c down"
    resolution  value of one code: code = floor(value / resolution + 1/2), clamped to +-2^30
    threshold   in codes
    max_events  most events of one source in one time step, 1..15
    """

    kind: ClassVar[str] = "delta"
    channels: int
    resolution: float = 1.0
    threshold: int = 1
    max_events: int = MAX_EVENTS_PER_SOURCE

    def __post_init__(self) -> None:
        _at_least_one(channels=self.channels, threshold=self.threshold, max_events=self.max_events)
        if not (np.isfinite(self.resolution) and self.resolution > 0):
            raise ValueError(f"resolution must be above 0, not {self.resolution}")
        if self.max_events > MAX_EVENTS_PER_SOURCE:
            raise ValueError(
                f"max_events must be in 1..{MAX_EVENTS_PER_SOURCE}, not {self.max_events}"
            )

    @property
    def num_sources(self) -> int:
        return 2 * self.channels

    @property
    def steps_per_sample(self) -> int:
        return 1

    def quantize(self, samples: npt.ArrayLike) -> Codes:
        values = _checked(samples, self.channels, None)
        with np.errstate(over="ignore"):
            scaled = np.floor(values / self.resolution + 0.5)
        return np.clip(scaled, -MAX_CODE, MAX_CODE).astype(np.int64)

    def initial_state(self) -> State:
        return None

    def encode(self, sample: npt.ArrayLike, state: State) -> tuple[EventStream, State]:
        codes = self.quantize(_checked(sample, self.channels, 1))
        if state is None:
            return EventStream.from_steps([[]]), codes
        level = state.copy()
        sources: list[int] = []
        for channel, code in enumerate(codes.tolist()):
            for direction, first in ((1, 0), (-1, self.channels)):
                for _ in range(self.max_events):
                    if direction * (code - int(level[channel])) < self.threshold:
                        break
                    level[channel] += direction * self.threshold
                    sources.append(first + channel)
        return EventStream.from_steps([sources]), level

    def encode_windows(self, windows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        codes = self.quantize(_checked(windows, self.channels, 3))
        counts = np.zeros((*codes.shape[:2], self.num_sources), np.uint8)
        if not codes.shape[1]:
            return counts
        level = codes[:, 0].copy()
        for t in range(1, codes.shape[1]):
            change = codes[:, t] - level
            events = np.minimum(np.abs(change) // self.threshold, self.max_events)
            level += np.sign(change) * events * self.threshold
            counts[:, t, : self.channels] = np.where(change > 0, events, 0)
            counts[:, t, self.channels :] = np.where(change < 0, events, 0)
        return counts


ENCODERS: dict[str, type[RateEncoder] | type[DeltaEncoder]] = {
    encoder.kind: encoder for encoder in (RateEncoder, DeltaEncoder)
}


def encoder_to_info(encoder: RateEncoder | DeltaEncoder) -> dict[str, Any]:
    """JSON values from which :func:`encoder_from_info` makes the same encoder."""
    return {"kind": encoder.kind, **dataclasses.asdict(encoder)}


def encoder_from_info(info: Mapping[str, Any]) -> RateEncoder | DeltaEncoder:
    """The encoder that a network's ``info`` declares.

    Raises ``InputError`` if there is none, or if it is not one that this version knows.
    """
    declared = info.get("encoder")
    if declared is None:
        raise InputError("the network must declare an encoder in info['encoder'] to take samples")
    kind = declared.get("kind") if isinstance(declared, Mapping) else None
    if not isinstance(kind, str) or kind not in ENCODERS:
        raise InputError(f"info['encoder'] must have a kind among {sorted(ENCODERS)}")
    encoder = ENCODERS[kind]
    parameters = {name: value for name, value in declared.items() if name != "kind"}
    known = {f.name for f in dataclasses.fields(encoder)}
    if unknown := sorted(set(parameters) - known):
        raise InputError(
            f"the {encoder.kind} encoder must have fields {sorted(known)}, not {unknown}"
        )
    try:
        return encoder(**parameters)
    except (TypeError, ValueError) as error:
        raise InputError(f"info['encoder'] cannot be used: {error}") from None
