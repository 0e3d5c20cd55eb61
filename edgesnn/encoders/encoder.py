"""What all encoders offer, and the checks that they share."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.events import EventStream

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


def checked(samples: npt.ArrayLike, channels: int, dimensions: int | None) -> npt.NDArray[Any]:
    """``samples`` [..., channels] as float64; raises ``InputError`` unless they are numbers."""
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


def at_least_one(**values: object) -> None:
    """Raise ``ValueError`` unless all are integers of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {value!r}")


def in_range(least: int, most: int, **values: object) -> None:
    """Raise ``ValueError`` unless all are integers of ``least`` to ``most``."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{name} must be an integer in {least}..{most}, not {value!r}")
