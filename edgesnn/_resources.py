"""Where files that travel with the package lie: in a wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

from edgesnn.errors import ToolNotFound

_PACKAGE = Path(__file__).parent


def firmware_dir() -> Path:
    """The ``firmware`` folder.

    Raises ``FileNotFoundError`` that names both places, if the installation is not complete.
    """
    in_wheel = _PACKAGE / "_firmware"
    in_checkout = _PACKAGE.parent / "firmware"
    for folder in (in_wheel, in_checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"firmware must lie in {in_wheel} or {in_checkout}: install edgesnn again"
    )


def checkout_dir() -> Path:
    """The folder of the checkout that the package runs from.

    Raises ``ToolNotFound`` if it was installed without one.
    """
    folder = _PACKAGE.parent
    if not (folder / "benches").is_dir():
        raise ToolNotFound(
            f"benches must lie beside the package, in {folder / 'benches'}: they come with a clone "
            "of the repository, not with a wheel; install edgesnn from there (pip install -e .)"
        )
    return folder
