"""The runtime under AddressSanitizer and UBSan; a process of its own, which the first error ends.

``python -m tests.firmware.sanitized {agree,mutate} NUMBER``, with the sanitizer's library preloaded
and ``CC`` naming the compiler: see test_runtime.py.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from edgesnn.backends.c_library import CLibraryBackend, LoadedImage, runtime_library
from edgesnn.errors import ModelFileError
from edgesnn.firmware_status import FirmwareStatus
from edgesnn.memory_image import unpack
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.synapse_coding import Coding
from tests.firmware.mutations import mutated, small_image
from tests.strategies import random_events, random_network

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-O1", "-g"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
if os.environ.get("CC") == "clang":
    FLAGS.append("-shared-libasan")
LANES = (1, 2, 4, 8, 16)
CODINGS = (None, Coding.WIDE, Coding.PACKED)


def agree(number: int) -> list[str]:
    """Random networks of the agreement suite, every membrane, against the simulator."""
    backends = [CLibraryBackend(lanes=lanes, flags=FLAGS) for lanes in LANES]
    found = []
    for seed in range(number):
        backend = backends[seed % len(LANES)]
        backend.coding = CODINGS[seed % len(CODINGS)]
        rng = np.random.default_rng([backend.lanes, seed])
        network = random_network(rng, currents=seed % 4 > 1, delays=seed % 2 > 0)
        stream = random_events(network, np.random.default_rng([backend.lanes, seed, 1]), 50)
        backend.load(network)
        expected, _ = Simulator(network).run(stream, record=True)
        texts = differences(expected, backend.run(stream, record=True))
        found += [f"seed {seed}: {text}" for text in texts]
    return found


def mutate(number: int) -> list[str]:
    """Damaged images: accepted if and only if the host accepts them, and then they run."""
    library = runtime_library(FLAGS)
    found = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        image = small_image(rng)
        for _ in range(20):
            changed = mutated(image, rng)
            loaded = LoadedImage(library, changed)
            try:
                network = unpack(changed)
            except ModelFileError:
                network = None
            if (network is None) == (loaded.status == FirmwareStatus.OK):
                found.append(f"seed {seed}: status must not be {loaded.status}")
            elif network is not None:
                stream = random_events(network, rng, 5)
                expected, _ = Simulator(network).run(stream)
                if loaded.run_steps(stream) != (expected.counters, expected.accumulators.tolist()):
                    found.append(f"seed {seed}: the image must run as the network in it")
    return found


if __name__ == "__main__":
    mistakes = {"agree": agree, "mutate": mutate}[sys.argv[1]](int(sys.argv[2]))
    sys.stdout.write("\n".join(mistakes or ["no mistakes"]) + "\n")
    sys.exit(bool(mistakes))
