"""Files appear whole or not at all, whatever stops the program in between."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise ``OSError`` that names ``path`` unless a file can be written there.

    For a check before long work: the folder must exist and be writable, ``path`` be no folder.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} must lie in a folder that exists; make {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} must be a file, and is a folder")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} must lie in a folder that you may write to")


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` beside ``path`` and rename it, so that no half-written file is ever seen.

    Raises ``OSError`` if the folder does not exist or cannot be written.
    """
    path = Path(path)
    check_writable(path)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
