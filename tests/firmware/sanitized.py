"""The runtime under AddressSanitizer and UBSan; a process of its own, which the first error ends.

``python -m tests.firmware.sanitized {agree,mutate}``, with the sanitizer's library preloaded
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
from tests.agreement import CASES, LANES
from tests.firmware.mutations import mutated, small_image
from tests.strategies import random_events

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-O1", "-g"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
if os.environ.get("CC") == "clang":
    FLAGS.append("-shared-libasan")
DAMAGED_NETWORKS = 200


def agree() -> list[str]:
    """All networks of the agreement suite, every membrane, against the simulator."""
    backends = {lanes: CLibraryBackend(lanes=lanes, flags=FLAGS) for lanes in LANES}
    found = []
    for case in CASES:
        backend = backends[case.lanes]
        backend.coding = case.coding
        network = case.network()
        stream = case.stream(network)
        backend.load(network)
        expected, _ = Simulator(network).run(stream, record=True)
        texts = differences(expected, backend.run(stream, record=True))
        found += [f"{case}: {text}" for text in texts]
    return found


def mutate() -> list[str]:
    """Damaged images: accepted if and only if the host accepts them, and then they run."""
    library = runtime_library(FLAGS)
    found = []
    for seed in range(DAMAGED_NETWORKS):
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
    mistakes = {"agree": agree, "mutate": mutate}[sys.argv[1]]()
    sys.stdout.write("\n".join(mistakes or ["no mistakes"]) + "\n")
    sys.exit(bool(mistakes))
