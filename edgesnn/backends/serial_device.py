"""A device on a serial port, virtual or real, behind the interface of every executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.events import EventStream, check_events
from edgesnn.memory_image import pack
from edgesnn.memory_layout import Region
from edgesnn.network import LifPopulation, Network
from edgesnn.placement import Placement, place
from edgesnn.protocol import (
    ADVANCE,
    MAX_ELEMENTS,
    MAX_REPORT_WORDS,
    MAX_WORDS,
    NO_DECISION,
    DeviceCounters,
    Identity,
    Message,
    decode_elements,
    read_memory_argument,
    run_argument,
)
from edgesnn.run_result import RunResult
from edgesnn.serial_link import DEFAULT_BAUD, Port, SerialLink

#: Called with the bytes sent and the bytes in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class _Loaded:
    """The network on the device, and where its parts lie."""

    network: Network
    placement: Placement
    config: CoreConfig

    def spike_words(self, population: int) -> range:
        """Words of the spike bitmap that belong to a population."""
        first = self.placement.first_spike_word[population]
        return range(first, first + -(-self.network.populations[population].size // WORD_BITS))


class SerialDevice:
    """An FPGA board, a virtual one or a microcontroller on a serial port.

    port      path or address, see ``edgesnn.serial_link``; or an open port
    baud      rate of the line, as in the bitstream; virtual boards do not care
    progress  called while an image is being sent

    ``run`` without ``record`` reports the spikes of the read-out population only: in
    ``RunResult.spikes`` all other neurons are False (their number is in the counters). With
    ``record`` it reads every spike and membrane back after each step, which is slow.
    ``counts_cycles`` is as the device says when a network is loaded.
    """

    name = "device"

    def __init__(
        self,
        port: str | Port,
        baud: int = DEFAULT_BAUD,
        progress: Progress | None = None,
        **link: float,
    ) -> None:
        self.link = SerialLink(port, baud, **link)  # type: ignore[arg-type]
        self.counts_cycles = True
        self._progress = progress
        self._network: _Loaded | None = None

    def identify(self) -> Identity:
        """What the device is. Raises ``LinkTimeout``, ``ProtocolMismatch``."""
        return Identity.from_reply(self.link.request(Message.IDENTIFY))

    def load(self, network: Network) -> None:
        """Pack ``network`` for the device's core and send it; the device then checks all of it.

        Raises ``DesignRuleError`` and ``DoesNotFit`` before anything is sent, ``LinkError``.
        """
        identity = self.identify()
        config = identity.config
        self.counts_cycles = identity.counts_cycles
        image = pack(network, config)
        self._network = None
        self.load_image(image)
        self._network = _Loaded(network, place(network, config.lanes), config)

    def load_image(self, image: bytes) -> None:
        """Send a memory image as it is. Raises ``DeviceReported`` if the device refuses it."""
        self.link.request(Message.LOAD_BEGIN, len(image) // 2)
        for first in range(0, len(image), 2 * MAX_WORDS):
            part = image[first : first + 2 * MAX_WORDS]
            self.link.request(Message.LOAD_DATA, first // 2, part)
            if self._progress is not None:
                self._progress(first + len(part), len(image))
        self.link.request(Message.LOAD_END)

    def _loaded(self) -> _Loaded:
        if self._network is None:
            raise RuntimeError("a network must be loaded first; call load(network)")
        return self._network

    def reset(self) -> None:
        """Membranes and currents to 0, no spikes under way, empty accumulators; the timer stops."""
        self._loaded()
        self.link.request(Message.RESET)

    def counters(self, clear: bool = False) -> DeviceCounters:
        """What the device counted since it was cleared last; clear=True starts over."""
        return DeviceCounters.from_reply(self.link.request(Message.READ_COUNTERS, int(clear)))

    def set_timer(self, period_seconds: float) -> None:
        """Let the device advance by itself, one time step each period; 0 stops it.

        Raises ``ValueError`` if its clock cannot make that period.
        """
        cycles = round(period_seconds * self.identify().clock_khz * 1000)
        if not 0 <= cycles < 2**32 or (period_seconds and not cycles):
            raise ValueError(
                f"period_seconds must be 0 or give 1..2**32 - 1 clock cycles, not {cycles}"
            )
        self.link.request(Message.SET_TIMER, cycles)

    def push(self, source_ids: npt.ArrayLike) -> None:
        """Queue events for the next time step without advancing (for a device on its timer)."""
        words = np.asarray(source_ids, dtype="<u2")
        for first in range(0, len(words), MAX_WORDS):
            self.link.request(Message.RUN, 0, words[first : first + MAX_WORDS].tobytes())

    def read_out(self) -> tuple[int | None, npt.NDArray[np.int64]]:
        """The decision that the device took, or None, and the accumulators."""
        loaded = self._loaded()
        size = loaded.network.populations[loaded.network.readout.population].size
        values: list[int] = []
        decision = NO_DECISION
        while len(values) < size:
            reply = self.link.request(Message.READ_OUT, len(values))
            decision = reply.result
            count = min(size - len(values), MAX_ELEMENTS)
            values += decode_elements(reply, count, signed=True)
        return None if decision == NO_DECISION else decision, np.array(values, np.int64)

    def read_memory(
        self, region: Region, lane: int, first: int, count: int
    ) -> npt.NDArray[np.int64]:
        """``count`` elements of a memory of the core, sign-extended."""
        values: list[int] = []
        while len(values) < count:
            part = min(count - len(values), MAX_ELEMENTS)
            argument = read_memory_argument(region, lane, first + len(values), part)
            reply = self.link.request(Message.READ_MEMORY, argument)
            values += decode_elements(reply, part, signed=True)
        return np.array(values, np.int64)

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        """Run all steps of ``stream`` from the present state; record=True keeps state words.

        Raises ``InputError`` or ``EventLimitError`` before anything is sent, ``LinkError``.
        """
        loaded = self._loaded()
        network = loaded.network
        check_events(network, stream)
        before = self.counters()
        spikes = np.zeros((stream.num_steps, network.num_neurons), bool)
        membranes = np.zeros_like(spikes, np.int32)
        currents = np.zeros_like(spikes, np.int32)
        readout = network.readout.population
        reported = loaded.spike_words(readout)
        in_frame = len(reported) <= MAX_REPORT_WORDS and not record
        most_steps = MAX_REPORT_WORDS // len(reported) if in_frame else 1
        at = 0
        for words in _frames(stream, most_steps):
            argument = run_argument(reported.start, len(reported)) if in_frame else 0
            reply = self.link.request(Message.RUN, argument, words.tobytes())
            if in_frame:
                for bits in _bitmaps(reply.data, len(reported)):
                    self._note(spikes[at], readout, bits)
                    at += 1
            elif reply.result:
                for population in range(len(network.populations)) if record else (readout,):
                    self._read_spikes(spikes[at], population)
                if record:
                    self._read_states(Region.MEMBRANE, membranes[at])
                if record and network.has_currents:
                    self._read_states(Region.CURRENT, currents[at])
                at += 1
        decision, accumulators = self.read_out()
        counters = self.counters().since(before)
        return RunResult(
            spikes,
            accumulators,
            decision,
            counters,
            membranes if record else None,
            currents=currents if record else None,
        )

    def _note(
        self, spikes: npt.NDArray[np.bool_], population: int, bits: npt.NDArray[np.uint8]
    ) -> None:
        network = self._loaded().network
        spikes[network.neuron_slice(population)] = bits[: network.populations[population].size]

    def _read_spikes(self, spikes: npt.NDArray[np.bool_], population: int) -> None:
        loaded = self._loaded()
        if isinstance(loaded.network.populations[population], LifPopulation):
            where = loaded.spike_words(population)
            words = self.read_memory(Region.SPIKES, 0, where.start, len(where))
            (bits,) = _bitmaps(words.astype("<u2").tobytes(), len(where))
            self._note(spikes, population, bits)

    def _read_states(self, region: Region, states: npt.NDArray[np.int32]) -> None:
        loaded = self._loaded()
        lanes, slots = loaded.config.lanes, loaded.placement.slots
        by_lane = [self.read_memory(region, lane, 0, slots) for lane in range(lanes)]
        in_order = np.stack(by_lane, axis=1)
        for index, population in enumerate(loaded.network.populations):
            if isinstance(population, LifPopulation):
                first = loaded.placement.first_slot[index]
                mine = in_order[first:].reshape(-1)[: population.size]
                states[loaded.network.neuron_slice(index)] = mine

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        self.link.close()

    def __enter__(self) -> SerialDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _frames(stream: EventStream, most_steps: int) -> Iterator[npt.NDArray[np.uint16]]:
    """The words of each RUN: as many as fit, with at most ``most_steps`` steps to advance."""
    words: list[int] = []
    steps = 0
    for source_ids in stream:
        for word in (*source_ids.tolist(), ADVANCE):
            words.append(word)
            steps += word == ADVANCE
            if len(words) == MAX_WORDS or steps == most_steps:
                yield np.array(words, "<u2")
                words, steps = [], 0
    if words:
        yield np.array(words, "<u2")


def _bitmaps(data: bytes, words: int) -> Iterator[npt.NDArray[np.uint8]]:
    """One array of bits for each ``words`` words of spike bitmap."""
    for first in range(0, len(data), 2 * words):
        part = np.frombuffer(data[first : first + 2 * words], np.uint8)
        yield np.unpackbits(part, bitorder="little")
