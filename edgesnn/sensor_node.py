"""A sensor node in an emulator: a microcontroller that feeds a device by itself, UART to UART.

Its program (``firmware/ports/node.c``) replays a recording as its sensor would give it, makes
events of the samples in C and is the host of the device. This computer only carries the bytes
between the two, as a wire would, and reads what the node says on a second line.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from edgesnn.encoders import (
    DeltaEncoder,
    FilterBankEncoder,
    LevelCrossingEncoder,
    encoder_from_info,
    encoder_to_c,
)
from edgesnn.errors import BuildFailed, InputError, LinkTimeout
from edgesnn.microcontroller import LAST_LINES, TARGETS, TIED, build, c_array
from edgesnn.network import Network
from edgesnn.protocol import NO_DECISION
from edgesnn.samples import Samples
from edgesnn.streaming import check_windows

#: Longest time step, so that a period fits the clock of any port.
MAX_STEP_SECONDS = 60.0
#: Seconds after which a request is sent again; a virtual board may take a while.
TIMEOUT = 1.0
#: 8 kB for samples and 8 kB for events.
QUEUE_WORDS = 4096
#: The node ends if, after its last sample, nothing has been decided for so long.
PATIENCE = 20.0
#: Time of an emulated instruction, 2^6 ns: about a Cortex-M of 25 MHz. The clock of the node goes
#: with its instructions and not ahead of this computer's. While the node sleeps it goes with that:
#: wakened late, it has missed ticks of its timer, and the replay takes so much longer.
_ICOUNT = "shift=6,align=on"


def num_windows(network: Network, seconds: float) -> int:
    """Windows of the network that take at least so long; raises ``InputError``."""
    step = network.info.get("step_seconds")
    if not isinstance(step, (int, float)) or not 0 < step <= MAX_STEP_SECONDS:
        raise InputError(
            f"info['step_seconds'] must be above 0 and at most {MAX_STEP_SECONDS:g} for a node, "
            f"not {step}"
        )
    return max(1, math.ceil(seconds / (step * network.readout.window_steps)))


def node_data(
    network: Network,
    samples: Samples,
    seconds: float,
    timeout_seconds: float = TIMEOUT,
    queue_words: int = QUEUE_WORDS,
) -> str:
    """The header that node.c includes: recording, encoder, times.

    seconds           time of the replay; the recording is repeated, and a last window completed
    timeout_seconds   a request that has no answer for so long is sent again
    queue_words       16-bit words for samples that wait, and as many for events that do; a power
                      of two, enough for two samples and for the events of two

    Raises ``InputError`` if the network declares no encoder that the firmware has, or no
    ``step_seconds``, or if the samples do not fill its windows.
    """
    windows = num_windows(network, seconds)
    encoder = encoder_from_info(network.info)
    source = encoder_to_c(encoder)  # refuses all but these
    check_windows(network, encoder, samples)
    assert isinstance(encoder, DeltaEncoder | LevelCrossingEncoder | FilterBankEncoder)
    sound = isinstance(encoder, FilterBankEncoder)
    codes = encoder.quantize(samples.windows)
    per_window = codes[0].size if sound else codes.shape[1]
    steps = network.readout.window_steps
    period = network.info["step_seconds"] * steps / per_window
    numbers: dict[str, int | str] = {
        "SOUND": int(sound),
        "VALUES": 1 if sound else encoder.channels,
        "MAX_EVENTS": f"{encoder.num_sources * encoder.max_events}u",
        "WINDOW_STEPS": f"{steps}u",
        "WINDOWS": f"{windows}u",
        "SAMPLES": f"{windows * per_window}u",
        "RECORDING_VALUES": f"{codes.size}u",
        "PERIOD_NS": f"{round(1e9 * period)}ull",
        "QUEUE_WORDS": queue_words,
        "TIMEOUT_MS": math.ceil(1e3 * timeout_seconds),
        "PATIENCE_MS": round(1e3 * PATIENCE),
    }
    if isinstance(encoder, FilterBankEncoder):
        numbers["BANDS"] = encoder.num_bands
    else:
        numbers["START"] = f"esnn_{encoder.kind}_start"
        numbers["ENCODE"] = f"esnn_{encoder.kind}_encode"
    lines = "".join(f"#define NODE_{name} {number}\n" for name, number in numbers.items())
    kind = "int16_t" if sound else "int32_t"
    return lines + source + c_array(kind, "node_recording", codes.ravel().tolist())


@dataclass(frozen=True)
class NodeRun:
    """What a node has done.

    decisions        of the windows, in order
    windows          that were to be decided
    samples          that the sensor gave; late_samples: more than half a period after their
                     time, because this computer was busy; they are given all the same
    dropped_samples  that found no room, because the device or the line was behind
    events           sent to the device
    dropped_events   that found no room
    retransmissions  requests that were sent again
    stray_frames     that answered nothing that was asked
    lost_steps       that the device refused, and lost_events of them
    status           last one of the device
    image_crc        of the network on the device
    seconds          on the clock of the node, from the start of the sensor to the last decision
    """

    decisions: tuple[int | None, ...]
    windows: int
    samples: int
    late_samples: int
    dropped_samples: int
    events: int
    dropped_events: int
    retransmissions: int
    stray_frames: int
    lost_steps: int
    lost_events: int
    status: int
    image_crc: int
    seconds: float


class EmulatedNode:
    """A sensor node in QEMU, joined to a device's line; a context manager. It starts at once.

    network   with encoder and ``step_seconds`` in its info; loaded into the device beforehand
    samples   the recording: windows, replayed one after the other, and again from the first
    line      of the device, ``socket://HOST:PORT``; nobody else may be connected
    seconds   time of the replay; this and the last two: see :func:`node_data`

    Raises ``InputError``, ``ToolNotFound``, ``BuildFailed``.
    """

    def __init__(
        self,
        network: Network,
        samples: Samples,
        line: str,
        seconds: float,
        *,
        target_name: str = "cortex-m3",
        timeout_seconds: float = TIMEOUT,
        queue_words: int = QUEUE_WORDS,
    ) -> None:
        address = urlsplit(line)
        if address.scheme != "socket" or not address.hostname or not address.port:
            raise InputError(f"the line of a node must be socket://HOST:PORT, not {line}")
        self._windows = num_windows(network, seconds)
        self._folder = tempfile.TemporaryDirectory(prefix="edgesnn-")
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[str] | None = None
        self._words: dict[str, list[int]] = {}
        self._decisions: list[int | None] = []
        try:
            folder = Path(self._folder.name)
            data = node_data(network, samples, seconds, timeout_seconds, queue_words)
            (folder / "node_data.h").write_text(data)
            elf = build(TARGETS[target_name], "node", folder, NODE_DATA=str(folder))
            self._log = folder / "qemu.log"
            # A pipe of its own: on its standard output the emulator says when it is late.
            read, write = os.pipe()
            self._said = os.fdopen(read)
            joined = f"socket,id=line,host={address.hostname},port={address.port},server=off"
            tied = TIED if shutil.which(TIED[0]) else ()
            with self._log.open("wb") as log, os.fdopen(write, "wb"):
                self._process = subprocess.Popen(
                    [*tied, *TARGETS[target_name].emulator, "-kernel", str(elf), "-display",
                     "none", "-monitor", "none", "-chardev", f"{joined},nodelay=on",
                     "-serial", "chardev:line", "-serial", f"file:/dev/fd/{write}",
                     "-icount", _ICOUNT, "-semihosting-config", "enable=on,target=native"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[write],
                )  # fmt: skip
        except BaseException:
            self.close()
            raise

    def decisions(self) -> Iterator[int | None]:
        """Decisions of the windows, as they come, until the node has ended."""
        assert self._said is not None
        for text in self._said:
            name, *numbers = text.split()
            words = [int(number, 16) for number in numbers]
            if name == "decision":
                self._decisions.append(None if words[0] == NO_DECISION else words[0])
                yield self._decisions[-1]
            else:
                self._words[name] = words

    def finish(self) -> NodeRun:
        """Wait until the recording has been replayed: what the node counted.

        Raises ``BuildFailed`` if the emulator fails, ``LinkTimeout`` if not all windows were
        decided.
        """
        for _ in self.decisions():
            pass
        assert self._process is not None
        if self._process.wait() or "end" not in self._words:
            lines = self._log.read_text().strip().splitlines()[-LAST_LINES:]
            raise BuildFailed("the emulator of the node failed\n" + "\n".join(lines))
        samples, dropped_samples, late_samples = self._words["sensor"]
        events, dropped, again, stray, steps, lost, status, crc = self._words["node"]
        low, high = self._words["time"]
        (khz,) = self._words["clock"]
        run = NodeRun(
            tuple(self._decisions), self._windows, samples, late_samples, dropped_samples, events,
            dropped, again, stray, steps, lost, status, crc, (low + (high << 32)) / (1e3 * khz),
        )  # fmt: skip
        if len(run.decisions) < run.windows:
            raise LinkTimeout(
                f"the device must decide {run.windows} windows, not {len(run.decisions)}; its last "
                f"status was {status}: load the network first, and let "
                f"nobody else use the line ({run})"
            )
        return run

    def close(self) -> None:
        """End the emulator; may be called twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._said is not None:
            self._said.close()
        self._folder.cleanup()

    def __enter__(self) -> EmulatedNode:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
