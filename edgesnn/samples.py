"""Recorded samples: read from files, and turned into events by a network's encoder."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.encoders import Encoder
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows, LabelledEvents
from edgesnn.files import write_whole

#: So many characters of a line that cannot be read are quoted in the error.
QUOTED = 40
#: So many counts are held at a time while samples become events.
COUNTS_AT_ONCE = 1 << 26
#: Larger integers are not exact in the floating point numbers of a text file.
MAX_LABEL = 1 << 53


@dataclass(frozen=True, eq=False)
class Samples:
    """Windows of samples, each of which asks for one decision.

    windows   float32 [num_windows, samples_per_window, channels]
    labels    int64 [num_windows], the right answers, or None
    left_over samples at the end of a file that fill no window, and were left out
    """

    windows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None = None
    left_over: int = 0

    def __post_init__(self) -> None:
        windows = np.asarray(self.windows)
        if windows.dtype.kind not in "biuf":
            raise InputError(f"samples must be real numbers, not {windows.dtype}")
        with np.errstate(over="ignore"):  # An infinity is refused by every encoder.
            windows = windows.astype(np.float32)
        if windows.ndim == 2:
            windows = windows[:, np.newaxis, :]
        if windows.ndim == 3 and not windows.size:
            raise InputError(
                "samples must hold at least one window, of at least one sample and channel, "
                f"not {list(windows.shape)}: look at what wrote them"
            )
        if windows.ndim != 3:
            raise InputError(
                "samples must have shape [windows, channels] or [windows, samples, channels], "
                f"not {list(windows.shape)}"
            )
        object.__setattr__(self, "windows", windows)
        if self.labels is not None:
            labels = np.asarray(self.labels)
            if labels.shape != windows.shape[:1] or labels.dtype.kind not in "iu":
                raise InputError(
                    f"labels must be {len(windows)} integers, "
                    f"not {labels.dtype} {list(labels.shape)}"
                )
            object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.windows)

    def first(self, count: int) -> Samples:
        """The first ``count`` windows."""
        labels = None if self.labels is None else self.labels[:count]
        return Samples(self.windows[:count], labels)

    def events(self, encoder: Encoder) -> EventWindows:
        """The events of all windows."""
        num_steps = self.windows.shape[1] * encoder.steps_per_sample
        size = max(1, COUNTS_AT_ONCE // (num_steps * encoder.num_sources))
        parts = (self.windows[first : first + size] for first in range(0, len(self), size))
        rasters = (EventWindows.from_rasters(encoder.encode_windows(part)) for part in parts)
        streams = (stream for part in rasters for stream in part.streams())
        return EventWindows.from_streams(streams, encoder.num_sources)

    def labelled(self, encoder: Encoder) -> LabelledEvents:
        """The events of all windows and their labels; raises ``InputError`` without labels."""
        if self.labels is None:
            raise InputError("samples must hold labels: an array or a last column 'label'")
        return LabelledEvents(self.events(encoder), self.labels)


def accuracy(decisions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """Share of right decisions; -1, no decision, is wrong."""
    return float((decisions == labels).mean())


def _words(line: str) -> list[str]:
    for separator in (",", ";", "\t"):
        line = line.replace(separator, " ")
    return line.split()


def parse_line(line: str) -> list[float]:
    """Numbers of one line, separated by commas, semicolons, tabs or blanks.

    An empty line and a comment (``#``) give an empty list. Raises ``InputError``.
    """
    try:
        return [float(word) for word in _words(line.split("#", 1)[0])]
    except ValueError:
        found = line.strip()
        if len(found) > QUOTED:
            found = found[:QUOTED] + "..."
        raise InputError(
            f"a line must hold numbers separated by commas, tabs or blanks, not {found!r}"
        ) from None


#: What NumPy raises for a file that is damaged, or is no archive of plain arrays.
_UNREADABLE = (
    ValueError,
    TypeError,
    OSError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def _read_npz(path: Path) -> Samples:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if "samples" not in file:
                raise InputError(
                    f"{path} must hold an array 'samples' (and may hold 'labels'), "
                    f"not {sorted(file.files)}"
                )
            return Samples(file["samples"], file.get("labels"))
    except _UNREADABLE as error:
        raise InputError(f"{path} must be an NPZ file of plain arrays: {error}") from None


def _read_csv(path: Path, samples_per_window: int) -> Samples:
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} must be a text file of numbers") from None
    header = [word.strip('"').lower() for word in _words(lines[0])] if lines else []
    labelled = header[-1:] == ["label"]
    numbers = []
    for index, line in enumerate(lines[labelled:], 1 + labelled):
        try:
            values = parse_line(line)
        except InputError as error:
            raise InputError(f"{path}, line {index}: {error}") from None
        if values:
            numbers.append(values)
    if not numbers:
        raise InputError(f"{path} must hold at least one line of numbers")
    if len({len(values) for values in numbers}) != 1:
        raise InputError(f"all lines of {path} must hold the same number of values")
    table = np.array(numbers)
    labels = None
    if labelled:
        labels = table[:, -1]
        if not np.array_equal(labels, np.floor(labels)) or (abs(labels) > MAX_LABEL).any():
            raise InputError(f"labels of {path} must be integers")
        labels, table = labels.astype(np.int64), table[:, :-1]
    count, left_over = divmod(len(table), samples_per_window)
    if not count:
        raise InputError(f"{path} must hold at least {samples_per_window} lines for one window")
    windows = table[: count * samples_per_window].reshape(count, samples_per_window, -1)
    if labels is not None:
        labels = labels[samples_per_window - 1 :: samples_per_window][:count]
    return Samples(windows, labels, left_over)


def read_samples(path: Path, samples_per_window: int = 1) -> Samples:
    """Samples from a file.

    ``.npz`` (or any zip archive): an array ``samples`` [windows, channels] or
    [windows, samples, channels], and perhaps ``labels`` [windows]. Else text: one sample a line,
    numbers separated by commas, tabs or blanks; every ``samples_per_window`` lines are a window;
    if the first line ends with ``label``, the last column holds the right answer (of a window:
    that of its last line). Lines at the end that fill no window are left out and counted in
    ``left_over``.

    Raises ``InputError``.
    """
    if not path.is_file():
        raise InputError(f"samples must lie in a file, but {path} does not exist")
    with path.open("rb") as file:
        zipped = path.suffix == ".npz" or file.read(2) == b"PK"
    return _read_npz(path) if zipped else _read_csv(path, samples_per_window)


def write_samples(path: Path, samples: Samples) -> None:
    """Write an NPZ file that :func:`read_samples` reads, at exactly ``path``, whole or not at all.

    Raises ``OSError``.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {"samples": samples.windows}
    if samples.labels is not None:
        arrays["labels"] = samples.labels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())


def samples_from_lines(
    lines: Iterable[str], channels: int, skip_bad: bool = False
) -> Iterator[list[float]]:
    """Samples of a running source, one a line; empty lines and comments are passed over.

    skip_bad   pass over lines that are no sample (a sensor's first line is often cut);
               else they raise ``InputError``
    """
    for number, line in enumerate(lines, 1):
        try:
            values = parse_line(line)
            if values and len(values) != channels:
                raise InputError(f"a sample must have {channels} channels, not {len(values)}")
            if not np.isfinite(values).all():
                raise InputError("a sample must hold finite numbers")
        except InputError as error:
            if skip_bad:
                continue
            raise InputError(f"line {number}: {error}") from None
        if values:
            yield values
