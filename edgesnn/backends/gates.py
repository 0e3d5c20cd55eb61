"""The gates of the core, compiled to C++ and simulated cycle by cycle.

What is simulated is the core itself: events, time steps, memories. The link around it is part of
the virtual board (:mod:`edgesnn.virtual_board`).
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.errors import BuildError, EventLimitError
from edgesnn.events import EventStream, check_events
from edgesnn.memory_image import pack, sections
from edgesnn.memory_layout import CounterWord, Region
from edgesnn.network import LifPopulation, Network
from edgesnn.placement import Placement, place
from edgesnn.readout import decide
from edgesnn.run_result import Counters, RunResult
from edgesnn.synapse_coding import Coding

_START, _RESET, _CLEAR_COUNTERS = range(3)


def _library(config: CoreConfig, compiled: bool) -> Any:
    try:
        if not compiled:
            from edgesnn_hdl.simulation import InterpretedCore

            return InterpretedCore(config)
        from edgesnn_hdl.compiled import compile_design
        from edgesnn_hdl.core import Core
    except ImportError as error:
        raise BuildError(
            f"the gates need the fpga extra ({error}); pip install 'edgesnn[fpga]'"
        ) from error
    library = compile_design(Core(config), "core_harness.cpp")
    words = np.ctypeslib.ndpointer(np.uint32, flags="C_CONTIGUOUS")
    ids = np.ctypeslib.ndpointer(np.uint16, flags="C_CONTIGUOUS")
    u32, u64, handle = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
    library.core_new.restype = handle
    library.core_free.argtypes = [handle]
    library.core_write.argtypes = [handle, u32, u32, u32, words, u32]
    library.core_read.argtypes = [handle, u32, u32, u32, words, u32, u32]
    library.core_push.argtypes = [handle, ids, u32]
    library.core_push.restype = u32
    library.core_command.argtypes = [handle, ctypes.c_int, u64]
    library.core_refused.argtypes = [handle]
    cycles = np.ctypeslib.ndpointer(np.uint64, flags="C_CONTIGUOUS")
    library.core_phases.argtypes = [handle, cycles, u32]
    return library


class GatesBackend:
    """A simulated core of the size ``config``.

    coding     force one coding of the synapse words (for tests); None takes the smaller one
    compiled   False runs the gates in Amaranth's own simulator: no C++ compiler, but a thousand
               times slower

    Needs the ``fpga`` extra, and a C++ compiler if ``compiled``; ``load`` raises ``DoesNotFit``
    for a network that is too large.
    """

    name = "gates"
    counts_cycles = True

    def __init__(
        self,
        config: CoreConfig | None = None,
        coding: Coding | None = None,
        compiled: bool = True,
    ) -> None:
        self.config = config or CoreConfig()
        self.coding = coding
        self._library = _library(self.config, compiled)
        self._core: int | None = self._library.core_new()
        self._placement: Placement | None = None

    def load(self, network: Network) -> None:
        self._load_image(pack(network, self.config, self.coding))
        self._placement = place(network, self.config.lanes, self.coding)

    def load_unchecked(self, placement: Placement, image: bytes) -> None:
        """Load a network that may break design rules (to study what they forbid)."""
        self._load_image(image)
        self._placement = placement

    def _load_image(self, image: bytes) -> None:
        for (region, lane), elements in sections(np.frombuffer(image[:-4], "<u2")):
            words = np.ascontiguousarray(elements.astype(np.uint32))
            self._library.core_write(self._core, region, lane, 0, words, len(words))
        self.reset()

    def reset(self) -> None:
        self._command(_RESET)

    def _command(self, command: int) -> None:
        if self._library.core_command(self._core, command, 1 << 32):
            raise BuildError("the core must come to rest after every command, but does not")

    def read(self, region: Region, lane: int, first: int, count: int) -> npt.NDArray[np.int32]:
        """``count`` elements of a memory of the core, int32, sign-extended."""
        from edgesnn_hdl.core import READ_LATENCY

        words = np.empty(count, np.uint32)
        self._library.core_read(self._core, region, lane, first, words, count, READ_LATENCY)
        return words.view(np.int32)

    def counters(self) -> Counters:
        """All counters since power-up."""
        words = self.read(Region.COUNTER, 0, 0, len(CounterWord)).view(np.uint32)
        return Counters(
            steps=int(words[CounterWord.STEPS]),
            events=int(words[CounterWord.EVENTS]),
            sops=int(words[CounterWord.SOPS]),
            spikes=int(words[CounterWord.SPIKES]),
            overflows=int(words[CounterWord.OVERFLOWS]),
            dropped=int(words[CounterWord.DROPPED]),
            cycles=int(words[CounterWord.CYCLES]),
        )

    def phases(self) -> npt.NDArray[np.int64]:
        """Cycles of all time steps since the last call: int64 [populations of neurons, 3].

        Counted by watching the core; columns as in ``edgesnn.simulator.core_timing.Phase``.
        """
        if self._placement is None:
            raise ValueError("a network must be loaded before its cycles can be told apart")
        cycles = np.zeros((len(self._placement.network.neurons), 3), np.uint64)
        self._library.core_phases(self._core, cycles, len(cycles))
        return cycles.astype(np.int64)

    def _interleaved(self, region: Region, first: int, size: int) -> npt.NDArray[np.int32]:
        """``size`` elements in neuron order, from slot ``first`` of all lanes."""
        lanes = self.config.lanes
        parts = [self.read(region, k, first, -(-size // lanes)) for k in range(lanes)]
        return np.stack(parts, axis=1).reshape(-1)[:size]

    def push(self, source_ids: npt.NDArray[np.uint16]) -> None:
        """Queue events for the next time step, checked by the gates alone."""
        taken = self._library.core_push(
            self._core, np.ascontiguousarray(source_ids), len(source_ids)
        )
        if taken != len(source_ids):
            raise BuildError(f"the core must take {len(source_ids)} events, not {taken}")

    def advance(self) -> None:
        """Run the time step; raises ``EventLimitError`` if the gates refused one of its events."""
        refused = bool(self._library.core_refused(self._core))
        self._command(_START)
        if refused:
            raise EventLimitError("the gates refused the events of this time step")

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        if self._placement is None:
            raise ValueError("a network must be loaded before it can run")
        network = self._placement.network
        check_events(network, stream)
        before = self.counters()
        spikes = np.zeros((stream.num_steps, network.num_neurons), bool)
        states = {Region.MEMBRANE: np.zeros(spikes.shape, np.int32)}
        if network.has_currents:
            states[Region.CURRENT] = np.zeros(spikes.shape, np.int32)
        for step, source_ids in enumerate(stream):
            self.push(source_ids)
            self.advance()
            bits = self.read(Region.SPIKES, 0, 0, self._placement.spike_words)
            bitmap = np.unpackbits(bits.astype("<u2").view(np.uint8), bitorder="little")
            for index, population in enumerate(network.populations):
                if not isinstance(population, LifPopulation):
                    continue
                where = network.neuron_slice(index)
                first = self._placement.first_spike_word[index] * WORD_BITS
                spikes[step, where] = bitmap[first : first + population.size]
                for region, words in states.items() if record else ():
                    words[step, where] = self._interleaved(
                        region, self._placement.first_slot[index], population.size
                    )
        readout = network.populations[network.readout.population]
        accumulators = self._interleaved(Region.ACCUMULATOR, 0, readout.size).astype(np.int64)
        return RunResult(
            spikes,
            accumulators,
            decide(network.readout.rule, accumulators.tolist()),
            self.counters() - before,
            states[Region.MEMBRANE] if record else None,
            currents=states.get(Region.CURRENT) if record else None,
        )

    def close(self) -> None:
        if self._core is not None:
            self._library.core_free(self._core)
            self._core = None
