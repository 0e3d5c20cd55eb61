"""The runtime under AddressSanitizer and UBSan; a process of its own, which the first error ends.

``python -m tests.firmware.sanitized {agree,mutate,language}``, with the sanitizer's library
preloaded and ``CC`` naming the compiler: see test_runtime.py.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from edgesnn.backends.c_library import CLibraryBackend, LoadedImage, runtime_library
from edgesnn.errors import ModelFileError
from edgesnn.firmware_status import FirmwareStatus
from edgesnn.language.c_language import LoadedLanguageImage, language_library
from edgesnn.language.integer_image import decode_image, encode_image
from edgesnn.language.integer_model import IntegerModel
from edgesnn.language.integer_simulator import IntegerSimulator
from edgesnn.memory_image import unpack
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from tests.agreement import CASES, LANES
from tests.firmware.mutations import mutated, small_image
from tests.language import language_images
from tests.language.random_integers import extreme_model, random_model
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


def language() -> list[str]:
    """Language models, and damaged images of them: as ``agree`` and ``mutate``."""
    library = language_library(FLAGS)
    found = []

    def runs(image: bytes, model: IntegerModel, rng: np.random.Generator) -> bool:
        text = rng.integers(0, model.num_tokens, 20)
        loaded = LoadedLanguageImage(library, image)
        if loaded.status != FirmwareStatus.OK:
            return False
        trace, expected = loaded.read(text.astype(np.uint32)), IntegerSimulator(model).read(text)
        pairs = [(trace.scores, expected.scores), *zip(trace.h, expected.h, strict=True)]
        return all(np.array_equal(a, b) for a, b in pairs)

    for seed in range(DAMAGED_NETWORKS):
        rng = np.random.default_rng(seed)
        sizes = tuple(rng.integers(1, 60 if seed % 10 == 0 else 8, int(rng.integers(1, 4))))
        make = extreme_model if seed % 2 else random_model
        model = make(seed, sizes, int(rng.integers(1, 9)), float(rng.random()))
        image = encode_image(model)
        if not runs(image, model, rng):
            found.append(f"language, seed {seed}: the model must run as in the simulator")
        for _ in range(20):
            changed = language_images.mutated(image, rng)
            try:
                inside = decode_image(changed)
            except ModelFileError:
                if LoadedLanguageImage(library, changed).status == FirmwareStatus.OK:
                    found.append(f"language, seed {seed}: the image must be refused")
            else:
                if not runs(changed, inside, rng):
                    found.append(f"language, seed {seed}: the image must run as the model in it")
    for name, (image, status) in language_images.unsound().items():
        if LoadedLanguageImage(library, image).status != status:
            found.append(f"language, {name}: status must be {status}")
        for shorter in range(0, len(image), 4):
            LoadedLanguageImage(library, image[:shorter])
    return found


if __name__ == "__main__":
    mistakes = {"agree": agree, "mutate": mutate, "language": language}[sys.argv[1]]()
    sys.stdout.write("\n".join(mistakes or ["no mistakes"]) + "\n")
    sys.exit(bool(mistakes))
