"""Parts of a bench that are done, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgesnn.cache import cache_dir
from edgesnn.files import write_whole
from edgesnn.measurement import commit


def folder_of(bench: str, settings: str) -> Path | None:
    """Where a bench keeps its parts for its commit and these settings; None where files differ from
    the commit."""
    code = commit()
    if code.endswith("+"):
        return None
    key = hashlib.sha256(f"{code} {settings}".encode()).hexdigest()[:20]
    folder = cache_dir(f"bench-{bench}") / key
    folder.mkdir(exist_ok=True)
    return folder


def kept(folder: Path | None, name: str, measure: Callable[[], Any]) -> Any:
    """What ``measure`` gives, or has given to an earlier run that kept it in ``folder``."""
    if folder is None:
        return measure()
    path = folder / f"{name}.pickle"
    if not path.exists():
        write_whole(path, pickle.dumps(measure()))
    return pickle.loads(path.read_bytes())
