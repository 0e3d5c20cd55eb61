"""The inputs from which the fuzzers begin; as a program, it writes them.

Those of the device are whole conversations, as firmware/fuzz/fuzz_device.c reads them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgesnn._resources import firmware_dir
from edgesnn.core_config import CoreConfig
from edgesnn.framing import Frame, encode
from edgesnn.language.integer_image import encode_image
from edgesnn.memory_image import pack, pack_placement
from edgesnn.memory_layout import Region
from edgesnn.network import LifPopulation, Network
from edgesnn.placement import place
from edgesnn.protocol import (
    ADVANCE,
    MAX_WORDS,
    Message,
    read_memory_argument,
    request_payload,
    run_argument,
)
from edgesnn.synapse_coding import Coding
from tests.language.language_images import at_the_limit, small_model, wide_model
from tests.language.random_integers import extreme_model, random_model
from tests.small_board import small_network

#: The core of the harness.
CORE = CoreConfig(
    lanes=2, state_bits=24, neurons=64, synapse_words=2048, inputs=16, events=256,
    program_words=128, readout_neurons=32,
)  # fmt: skip
TICK, MEND, LINE = 0xF0, 0xF1, 0xF2
AS_IT_IS, RECORDS = b"\0", b"\1"
AS_IT_IS_WITH_MEMORY, MENDED_WITH_MEMORY = b"\0\1", b"\1\1"

Record = tuple[int, bytes]


def _records(records: Iterable[Record]) -> bytes:
    return RECORDS + b"".join(bytes((kind, len(data))) + data for kind, data in records)


def _loading(image: bytes) -> Iterator[Record]:
    yield Message.LOAD_BEGIN, struct.pack("<I", len(image) // 2)
    for first in range(0, len(image), 2 * MAX_WORDS):
        yield (
            Message.LOAD_DATA,
            struct.pack("<I", first // 2) + image[first : first + 2 * MAX_WORDS],
        )
    yield MEND, b""
    yield Message.LOAD_END, b""


def _running() -> Iterator[Record]:
    words = struct.pack("<9H", 1, 2, ADVANCE, 3, ADVANCE, 4, 4, ADVANCE, ADVANCE)
    yield Message.RUN, request_payload(Message.RUN, run_argument(0, 3), words)
    twice = struct.pack("<2H", ADVANCE, ADVANCE)
    yield Message.RUN, request_payload(Message.RUN, run_argument(0, 70), twice)
    yield Message.READ_OUT, bytes(4)
    for region in Region:
        argument = read_memory_argument(region, 1, 3, 20)
        yield Message.READ_MEMORY, request_payload(Message.READ_MEMORY, argument)
    yield Message.SET_TIMER, struct.pack("<I", 1000)
    yield Message.RUN, request_payload(Message.RUN, 0, struct.pack("<2H", 5, 6))
    yield TICK, struct.pack("<I", 3500)
    yield LINE, encode(Frame(Message.READ_COUNTERS, 77, b"\1\0\0\0")) * 2
    yield Message.RESET, b""


def _late(network: Network) -> Network:
    """The network with currents, and with delays where there may be some."""
    inputs, hidden, *others = network.populations
    assert isinstance(hidden, LifPopulation)
    current = replace(hidden, synaptic_decay=np.full(hidden.size, 2000), current_bits=10)
    return replace(
        network,
        populations=(inputs, current, *others),
        connections=tuple(replace(c, delay=3 * c.source) for c in network.connections),
    )


def seeds() -> dict[str, bytes]:
    """Inputs by name."""
    image = pack(small_network(), CORE)
    packed = pack(small_network(1), CORE, Coding.PACKED)
    late = pack(_late(small_network()), replace(CORE, currents=True, delays=True))
    conversation = [*_loading(image), *_running()]
    frames = [
        Frame(kind, n % 256, data)
        for n, (kind, data) in enumerate(conversation)
        if kind in Message._value2member_map_
    ]
    return {
        "conversation": _records(conversation),
        "packed": _records([*_loading(packed), *_running()]),
        "late": _records([*_loading(late), *_running()]),
        "twice": _records([*_loading(image), *_loading(packed), *_running()]),
        "too_much": _records(_loading(image + bytes(4))),
        "cut": _records([*_loading(image[:-40]), *_running()]),
        "not_loaded": _records(_running()),
        "line": AS_IT_IS + b"".join(map(encode, frames)),
        "identify": AS_IT_IS + encode(Frame(Message.IDENTIFY, 1)),
        "garbage": AS_IT_IS + bytes(range(256)) + b"\7" * 300 + b"\0",
    }


def image_seeds() -> dict[str, bytes]:
    """Inputs of the harness firmware/fuzz/fuzz_image.c, by name."""
    found = {
        f"{name}_{lanes}": AS_IT_IS_WITH_MEMORY + pack_placement(place(small_network(n), lanes, c))
        for n, (name, c) in enumerate((("wide", Coding.WIDE), ("packed", Coding.PACKED)))
        for lanes in (1, 2)
    }
    late = _late(small_network())
    found |= {
        f"late_{lanes}": AS_IT_IS_WITH_MEMORY + pack_placement(place(late, lanes))
        for lanes in (1, 2)
    }
    mended = {f"{name}_mended": MENDED_WITH_MEMORY + data[2:] for name, data in found.items()}
    return {
        **found,
        **mended,
        "little_memory": b"\1\0" + found["wide_1"][2:],
        "header": b"\1\1ESNI",
    }


def language_seeds() -> dict[str, bytes]:
    """Inputs of the harness firmware/fuzz/fuzz_language.c, by name."""
    images = {
        "small": encode_image(small_model()),
        "one_layer": encode_image(random_model(3, (5,), 4, 0.6)),
        "three_layers": encode_image(extreme_model(4, (4, 6, 3), 5, 0.5)),
        "fillers": encode_image(wide_model({7: 3, 297: -1})),
        "limit": at_the_limit()[1][0],
    }
    found = {name: AS_IT_IS_WITH_MEMORY + image for name, image in images.items()}
    mended = {f"{name}_mended": MENDED_WITH_MEMORY + image for name, image in images.items()}
    return {
        **found,
        **mended,
        "little_memory": b"\1\0" + images["small"],
        "spiking": MENDED_WITH_MEMORY + pack_placement(place(small_network(), 1)),
        "header": b"\1\1ESNL",
    }


#: The folder of each harness, and what it begins with.
CORPORA = {"device": seeds, "image": image_seeds, "language": language_seeds}


def corpus(harness: str) -> Path:
    """The folder of the seeds of a harness."""
    return firmware_dir() / "fuzz/corpus" / harness


if __name__ == "__main__":
    for harness, inputs in CORPORA.items():
        corpus(harness).mkdir(parents=True, exist_ok=True)
        for name, data in inputs().items():
            (corpus(harness) / name).write_bytes(data)
