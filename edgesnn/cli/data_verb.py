"""The verb data: which data sets recipes use, where they are looked for, what is there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgesnn.cli.options import Json, check_choice
from edgesnn.cli.output import Output
from edgesnn.errors import InputError


@dataclass(frozen=True)
class Found:
    """A data set and where it is.

    found    folder or archive; None if it is missing
    layouts  files and folders that are looked for in each folder
    """

    name: str
    summary: str
    found: str | None
    files: int
    size_bytes: int
    licence: str
    origin: str
    layouts: list[str]


def _look(name: str, data: Path | None) -> Found:
    from edgesnn.data import DATA_SETS

    data_set = DATA_SETS[name]
    try:
        place = data_set.find(data)
    except InputError:
        place = None
    sizes = [] if place is None else [f.stat().st_size for f in _files(place)]
    return Found(
        name,
        data_set.summary,
        None if place is None else str(place.resolve()),
        len(sizes),
        sum(sizes),
        data_set.licence,
        data_set.origin,
        [f"{layout} ({layout.origin})" for layout in data_set.layouts],
    )


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]


def data(
    name: Annotated[
        str | None, typer.Argument(help="A data set, as mnist; a wrong name lists them all.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Folder to look in. Default: $EDGESNN_DATA, ./data and others.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List data sets: where they are looked for, what is there, licence, how to get them.

    Nothing is downloaded. Example: edgesnn data mnist
    """
    from edgesnn.data import DATA_SETS
    from edgesnn.data.catalog import data_folders

    out = Output(json)
    if name is not None:
        check_choice("a data set", name, DATA_SETS, "NAME")
    looked = [_look(n, data) for n in (DATA_SETS if name is None else [name])]
    folders = [str(folder) for folder in data_folders(data)]
    out.table(
        "Data sets",
        ("name", "what", "found", "files", "bytes"),
        [(f.name, f.summary, f.found or "MISSING", f.files, f.size_bytes) for f in looked],
    )
    for found in looked:
        out.line(f"{found.name}: licence {found.licence}. {found.origin}", style="dim")
        if name is not None:
            out.line("looked for, best first:\n  " + "\n  ".join(found.layouts))
    out.line("in the folders, first match:\n  " + "\n  ".join(folders))
    out.result({"folders": folders, "data_sets": [asdict(found) for found in looked]})
