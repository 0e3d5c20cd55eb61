"""Many small files of one data set: in a folder, or in an archive that is read where it is."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from edgesnn.errors import InputError

#: How archives that can stand for a folder are opened, by the end of their names.
_OPENERS: dict[str, Callable[..., object]] = {
    ".tar.xz": lzma.open,
    ".tar.gz": gzip.open,
    ".tgz": gzip.open,
    ".tar": open,
}
ARCHIVES = tuple(_OPENERS)


def is_archive(path: Path) -> bool:
    """Whether the name says that this is a tar archive."""
    return path.name.endswith(ARCHIVES)


def _of_archive(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    opener = next(opener for end, opener in _OPENERS.items() if path.name.endswith(end))
    try:
        # "r|" reads once from the start to the end: seeking in an .xz would unpack it anew. The
        # file is opened here, because tarfile takes the end of a cut .xz for that of the archive.
        with (
            cast(BinaryIO, opener(path, "rb")) as file_object,
            tarfile.open(fileobj=file_object, mode="r|") as archive,
        ):
            for member in archive:
                if member.isfile() and member.name.endswith(suffixes):
                    file = archive.extractfile(member)
                    assert file is not None
                    yield member.name.removeprefix("./"), file.read()
            while file_object.read(1 << 16):
                pass  # the check sum is at the very end
    except (tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"{path} must be a whole tar archive: {error}") from None


def read_members(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of all files below a folder, or in an archive, that end with a suffix.

    Names are relative, with "/" between folders; from a folder they come sorted, from an archive
    in its order. Raises ``InputError`` if ``path`` is neither, or is damaged.
    """
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.name.endswith(suffixes)):
            yield file.relative_to(path).as_posix(), file.read_bytes()
    elif path.is_file() and is_archive(path):
        yield from _of_archive(path, suffixes)
    else:
        raise InputError(f"{path} must be a folder or an archive ({', '.join(ARCHIVES)})")
