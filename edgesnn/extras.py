"""Packages that not every installation has: what to say when one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgesnn.errors import ToolNotFound


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Inside, an import of a package that is not installed says how to get it.

    Raises ``ToolNotFound``.
    """
    try:
        yield
    except ImportError as error:
        raise ToolNotFound(
            f"{what} must have the extra {extra!r} ({error}): pip install 'edgesnn[{extra}]'"
        ) from error
