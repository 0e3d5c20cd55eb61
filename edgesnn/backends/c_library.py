"""The C runtime of ``firmware/``, compiled for this machine and called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn._resources import firmware_dir
from edgesnn.core_config import WORD_BITS
from edgesnn.errors import DesignRuleError, EventLimitError, ModelFileError
from edgesnn.events import EventStream, check_events
from edgesnn.firmware_status import FirmwareStatus, firmware_status_text
from edgesnn.memory_image import pack_placement
from edgesnn.native_compiler import compile_library
from edgesnn.network import LifPopulation, Network
from edgesnn.placement import Placement, check_fits_image, place, place_for_software
from edgesnn.run_result import Counters, RunResult
from edgesnn.synapse_coding import Coding

#: The runtime; what it is called in ``firmware/src``.
SOURCES = ("edgesnn.c", "edgesnn_load.c", "edgesnn_crc32.c")


class _Counters(ctypes.Structure):
    """esnn_counters"""

    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("steps", "events", "sops", "spikes", "dropped")
    )


def runtime_library(flags: Sequence[str] = ("-O3",)) -> Any:
    """The runtime as a shared library with its functions declared.

    Raises ``ToolNotFound`` without a C compiler, ``BuildFailed``.
    """
    firmware = firmware_dir()
    sources = [firmware / "src" / name for name in SOURCES]
    sources.append(firmware / "ports/host/run_steps.c")
    library = ctypes.CDLL(str(compile_library("edgesnn", sources, firmware / "include", flags)))
    u32, handle = ctypes.c_uint32, ctypes.c_void_p
    signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "esnn_required_bytes": (ctypes.c_int32, (handle, u32)),
        "esnn_load": (ctypes.c_int32, (ctypes.POINTER(handle), handle, u32, handle, u32)),
        "esnn_reset": (None, (handle,)),
        "esnn_push_event": (ctypes.c_int32, (handle, u32)),
        "esnn_step": (ctypes.c_int32, (handle,)),
        "esnn_run_steps": (ctypes.c_int32, (handle, handle, handle, u32, handle, handle, handle)),
        "esnn_decision": (ctypes.c_int32, (handle,)),
        "esnn_host_num_accumulators": (u32, (handle,)),
        "esnn_host_accumulator": (ctypes.c_int32, (handle, u32)),
        "esnn_host_counters": (ctypes.POINTER(_Counters), (handle,)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _address(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


class LoadedImage:
    """A memory image in the C runtime, in its state after reset, if ``status`` is 0.

    memory_bytes    what it is given to work in; None: what it asks for, ``required_bytes``
    required_bytes  what it asks for, or why it refuses the header
    """

    def __init__(self, library: Any, image: bytes, memory_bytes: int | None = None) -> None:
        self.library = library
        # No byte more than needed, so that a sanitizer notices one that is used beyond.
        self._image = np.frombuffer(image, np.uint8).copy()
        self.required_bytes: int = library.esnn_required_bytes(_address(self._image), len(image))
        size = max(self.required_bytes, 0) if memory_bytes is None else memory_bytes
        self._memory = np.full(size, 0x5A, np.uint8)
        self.network = ctypes.c_void_p()
        self.status: int = library.esnn_load(
            ctypes.byref(self.network), _address(self._image), len(image),
            _address(self._memory), size,
        )  # fmt: skip

    def check(self) -> None:
        """Raise ``ModelFileError`` (``DesignRuleError`` for overflow) if it was refused."""
        if self.status == FirmwareStatus.CAN_OVERFLOW:
            raise DesignRuleError([firmware_status_text(self.status)])
        if self.status != FirmwareStatus.OK:
            raise ModelFileError(firmware_status_text(self.status))

    def run_steps(
        self,
        stream: EventStream,
        spikes: npt.NDArray[np.uint16] | None = None,
        membranes: npt.NDArray[np.int32] | None = None,
        currents: npt.NDArray[np.int32] | None = None,
    ) -> tuple[Counters, list[int]]:
        """Run all steps from the present state; counters since it was loaded, and accumulators.

        spikes      filled: bitmap of each step, uint16 [num_steps, spike words]
        membranes   filled: int32 [num_steps, lanes, slots]
        currents    likewise
        Raises ``EventLimitError`` for a step that the runtime refuses.
        """
        step_start = np.ascontiguousarray(stream.step_start, np.int64)
        source_ids = np.ascontiguousarray(stream.source_ids, np.uint16)
        status = self.library.esnn_run_steps(
            self.network, _address(step_start), _address(source_ids), stream.num_steps,
            _address(spikes), _address(membranes), _address(currents),
        )  # fmt: skip
        if status != FirmwareStatus.OK:
            raise EventLimitError(firmware_status_text(status))
        outputs = range(self.library.esnn_host_num_accumulators(self.network))
        values = [self.library.esnn_host_accumulator(self.network, i) for i in outputs]
        return self.counters(), values

    def counters(self) -> Counters:
        """All counters since it was loaded."""
        c = self.library.esnn_host_counters(self.network).contents
        return Counters(c.steps, c.events, c.sops, c.spikes, 0, c.dropped)


class CLibraryBackend:
    """The C runtime on this machine.

    coding   force one coding of the synapse words (for tests); None takes the smaller one
    lanes    of the image that it is given, on which no result depends; None: as few as hold it
    flags    of the C compiler

    ``load`` raises ``DesignRuleError``, and ``DoesNotFit`` for a network that no image can hold.
    """

    name = "c"
    counts_cycles = False

    def __init__(
        self,
        coding: Coding | None = None,
        lanes: int | None = None,
        flags: Sequence[str] = ("-O3",),
    ) -> None:
        self.coding = coding
        self.lanes = lanes
        self.library = runtime_library(flags)
        self.loaded: LoadedImage | None = None
        self._placement: Placement | None = None

    def load(self, network: Network) -> None:
        """Pack ``network`` and give the image to the runtime, which checks all of it."""
        if self.lanes is None:
            placement = place_for_software(network, self.coding)
        else:
            placement = place(network, self.lanes, self.coding)
            check_fits_image(placement)
        loaded = LoadedImage(self.library, pack_placement(placement))
        loaded.check()
        self.loaded, self._placement = loaded, placement

    def _running(self) -> tuple[LoadedImage, Placement]:
        if self.loaded is None or self._placement is None:
            raise RuntimeError("a network must be loaded first; call load(network)")
        return self.loaded, self._placement

    def reset(self) -> None:
        """Membranes and currents to 0, no spikes under way, empty accumulators."""
        loaded, _ = self._running()
        self.library.esnn_reset(loaded.network)

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        """Run all steps of ``stream`` from the present state; record=True keeps state words."""
        loaded, placement = self._running()
        network = placement.network
        check_events(network, stream)
        before = loaded.counters()
        steps, lanes, slots = stream.num_steps, placement.lanes, placement.slots
        bitmap = np.zeros((steps, placement.spike_words), np.uint16)
        # Membranes and currents, and the same in the order of neurons.
        states = [np.zeros((steps, lanes, slots), np.int32) for _ in range(2)] if record else []
        counters, accumulators = loaded.run_steps(stream, bitmap, *states)
        bits = np.unpackbits(bitmap.astype("<u2").view(np.uint8), axis=1, bitorder="little")
        spikes = np.zeros((steps, network.num_neurons), bool)
        found = [np.zeros(spikes.shape, np.int32) for _ in states]
        for index, population in enumerate(network.populations):
            if not isinstance(population, LifPopulation):
                continue
            where, size = network.neuron_slice(index), population.size
            first = placement.first_spike_word[index] * WORD_BITS
            spikes[:, where] = bits[:, first : first + size]
            first = placement.first_slot[index]
            for words, by_neuron in zip(states, found, strict=True):
                mine = words[:, :, first : first + placement.num_slots[index]]
                by_neuron[:, where] = mine.transpose(0, 2, 1).reshape(steps, -1)[:, :size]
        decision = self.library.esnn_decision(loaded.network)
        return RunResult(
            spikes,
            np.array(accumulators, np.int64),
            None if decision < 0 else decision,
            counters - before,
            found[0] if record else None,
            currents=found[1] if record else None,
        )

    def close(self) -> None:
        """Forget the network; may be called twice."""
        self.loaded = self._placement = None
