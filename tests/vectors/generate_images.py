"""Writes the golden memory images: ``python tests/vectors/generate_images.py``.

An image of a released version is never written again, only added to. What the images hold is
written down by the decoder of the tests, which shares no code with the one that packs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from edgesnn.core_config import CoreConfig  # noqa: E402 - the path comes first
from edgesnn.memory_image import pack  # noqa: E402
from edgesnn.memory_layout import IMAGE_VERSION  # noqa: E402
from edgesnn.synapse_coding import Coding  # noqa: E402
from tests.image_decoder import decode  # noqa: E402
from tests.vectors.generate import example_network, late_network  # noqa: E402

LANES = {Coding.WIDE: 1, Coding.PACKED: 2}
#: By what is added to the names of images: without features, and with all of them.
NETWORKS = {"": example_network, "-late": late_network}


def main() -> None:
    """Write one image for each coding, without features and with them, and what is in it."""
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    for coding, lanes in LANES.items():
        config = CoreConfig(lanes=lanes, state_bits=18, currents=True, delays=True)
        for suffix, network in NETWORKS.items():
            image = pack(network(), config, coding)
            name = f"v{IMAGE_VERSION}-{coding.name.lower()}{suffix}"
            (folder / f"{name}.bin").write_bytes(image)
            (folder / f"{name}.json").write_text(json.dumps(decode(image), indent=1) + "\n")


if __name__ == "__main__":
    main()
