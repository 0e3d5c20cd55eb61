"""Where built things are kept between runs: compiled gateware, bitstreams."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir(kind: str) -> Path:
    """The folder for one kind of built thing; made if it is not there.

    ``EDGESNN_CACHE`` moves it; the default is ``edgesnn`` in the user's cache folder.
    """
    users = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    path = Path(os.environ.get("EDGESNN_CACHE", users / "edgesnn")).expanduser() / kind
    path.mkdir(parents=True, exist_ok=True)
    return path
