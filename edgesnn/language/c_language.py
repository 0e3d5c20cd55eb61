"""Language models in the C runtime of ``firmware/``, compiled for this machine, through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn._resources import firmware_dir
from edgesnn.errors import InputError, ModelFileError
from edgesnn.firmware_status import FirmwareStatus, firmware_status_text
from edgesnn.language.integer_image import encode_image
from edgesnn.language.integer_model import IntegerModel
from edgesnn.language.trace import Trace, known_tokens
from edgesnn.native_compiler import compile_library

#: The runtime of language models; what it is called in ``firmware/src``.
SOURCES = ("edgesnn_language.c", "edgesnn_language_load.c", "edgesnn_crc32.c")


def language_library(flags: Sequence[str] = ("-O3",)) -> Any:
    """The runtime as a shared library with its functions declared.

    Raises ``ToolNotFound`` without a C compiler, ``BuildFailed``.
    """
    firmware = firmware_dir()
    sources = [firmware / "src" / name for name in SOURCES]
    sources.append(firmware / "ports/host/read_tokens.c")
    library = ctypes.CDLL(str(compile_library("language", sources, firmware / "include", flags)))
    u32, i32, handle = ctypes.c_uint32, ctypes.c_int32, ctypes.c_void_p
    signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "esnn_lm_required_bytes": (i32, (handle, u32)),
        "esnn_lm_load": (i32, (ctypes.POINTER(handle), handle, u32, handle, u32)),
        "esnn_lm_reset": (None, (handle,)),
        "esnn_lm_read": (i32, (handle, u32)),
        "esnn_lm_read_tokens": (i32, (handle, handle, u32, handle, handle, handle, handle)),
        "esnn_lm_best_token": (u32, (handle,)),
        "esnn_host_lm_num_tokens": (u32, (handle,)),
        "esnn_host_lm_num_layers": (u32, (handle,)),
        "esnn_host_lm_num_units": (u32, (handle, u32)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _address(array: npt.NDArray[Any]) -> int:
    return array.ctypes.data


class LoadedLanguageImage:
    """A memory image in the C runtime, which has read nothing, if ``status`` is 0.

    memory_bytes    what it is given to work in; None: what it asks for, ``required_bytes``
    required_bytes  what it asks for, or why it refuses counts and offsets
    """

    def __init__(self, library: Any, image: bytes, memory_bytes: int | None = None) -> None:
        self.library = library
        # No byte more than needed, so that a sanitizer notices one that is used beyond.
        self._image = np.frombuffer(image, np.uint8).copy()
        self.required_bytes: int = library.esnn_lm_required_bytes(_address(self._image), len(image))
        size = max(self.required_bytes, 0) if memory_bytes is None else memory_bytes
        self._memory = np.full(size, 0x5A, np.uint8)
        self.model = ctypes.c_void_p()
        self.status: int = library.esnn_lm_load(
            ctypes.byref(self.model), _address(self._image), len(image),
            _address(self._memory), size,
        )  # fmt: skip

    def check(self) -> None:
        """Raise ``ModelFileError`` if it was refused."""
        if self.status != FirmwareStatus.OK:
            raise ModelFileError(firmware_status_text(self.status))

    def read(self, tokens: npt.NDArray[np.uint32]) -> Trace:
        """Read tokens, uint32 [step], from the present state on.

        Raises ``InputError`` at the first one that the runtime refuses; those before it are read.
        """
        ids = np.ascontiguousarray(tokens, np.uint32)
        library, steps = self.library, len(ids)
        layers = range(library.esnn_host_lm_num_layers(self.model))
        sizes = [library.esnn_host_lm_num_units(self.model, layer) for layer in layers]
        scores = np.empty((steps, library.esnn_host_lm_num_tokens(self.model)), np.int32)
        h = np.empty((steps, sum(sizes)), np.int16)
        events = np.empty((steps, len(sizes)), np.uint32)
        operations = np.empty(steps, np.uint32)
        status = library.esnn_lm_read_tokens(
            self.model, _address(ids), steps, _address(scores), _address(h), _address(events),
            _address(operations),
        )  # fmt: skip
        if status != FirmwareStatus.OK:
            raise InputError(firmware_status_text(status))
        of_layers = np.split(h, np.cumsum(sizes)[:-1], axis=1)
        return Trace(
            scores,
            tuple(np.ascontiguousarray(states) for states in of_layers),
            events.astype(np.int64),
            operations.astype(np.int64),
        )


class CLanguageModel:
    """A model in the C runtime while it reads a text; as ``IntegerSimulator``.

    flags   of the C compiler
    Raises ``InputError`` for a model that no image holds, ``ToolNotFound``, ``BuildFailed``.
    """

    def __init__(self, model: IntegerModel, flags: Sequence[str] = ("-O3",)) -> None:
        self.model = model
        self.loaded = LoadedLanguageImage(language_library(flags), encode_image(model))
        self.loaded.check()

    def reset(self) -> None:
        """Nothing was read."""
        self.loaded.library.esnn_lm_reset(self.loaded.model)

    def read(self, tokens: npt.ArrayLike) -> Trace:
        """Read tokens one after the other; each call goes on where the last one ended.

        Scores take 4 bytes for each of them and each token of the vocabulary: read a long text in
        parts.

        Raises ``InputError`` if a token is not known; then none is read.
        """
        ids = known_tokens(tokens, self.model.num_tokens)
        return self.loaded.read(ids.astype(np.uint32))

    def best_token(self) -> int:
        """The token with the largest score of the last step, the lowest on a tie."""
        return int(self.loaded.library.esnn_lm_best_token(self.loaded.model))
