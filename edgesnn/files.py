"""Files appear whole or not at all, whatever stops the program in between."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
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


def _mode(all_may: int) -> int:
    """What the umask leaves of the mode of something new."""
    umask = os.umask(0)
    os.umask(umask)
    return all_may & ~umask


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
            file.flush()
            os.fsync(descriptor)
        Path(partial).chmod(_mode(0o666))
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def write_whole_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a folder with these files beside ``path`` and rename it: never is one half full.

    files   content by name, with ``/`` between folders
    Whatever was in ``path`` before is gone afterwards, or as it was if anything fails.
    Raises ``OSError``.
    """
    path = Path(path).resolve()
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} must lie in a folder that exists and that you may write to")
    partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        for name, data in files.items():
            file = partial / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        partial.chmod(_mode(0o777))
        if not path.is_dir():
            partial.rename(path)
            return
        old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        path.rename(old)  # Takes the place of the empty folder.
        try:
            partial.rename(path)
        except BaseException:
            old.rename(path)
            raise
        shutil.rmtree(old)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
