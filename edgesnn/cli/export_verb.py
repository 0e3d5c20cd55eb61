"""Verb that writes a network as C: export-c."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import (
    CFolder,
    Json,
    NameInC,
    NetworkFile,
    ReplaceExport,
    SamplesFile,
    name_and_folder,
)
from edgesnn.cli.output import Output
from edgesnn.errors import EdgesnnError

if TYPE_CHECKING:
    from edgesnn.c_package import Export
    from edgesnn.events import EventStream
    from edgesnn.network import Network


def _window(out: Output, network: Network, samples: Path | None) -> EventStream | None:
    """Events of a recorded window; None if there is none, and none was asked for."""
    from edgesnn.cli.run_verbs import samples_of
    from edgesnn.encoders import encoder_from_info

    try:
        chosen = samples_of(out, network, samples, 1)
    except EdgesnnError as error:
        if samples is not None:
            raise
        out.note(f"The example runs made up events, as there are no samples: {error}")
        return None
    return next(iter(chosen.events(encoder_from_info(network.info)).streams()))


def export_c(
    network: NetworkFile,
    output: CFolder = None,
    samples: SamplesFile = None,
    name: NameInC = None,
    with_protocol: Annotated[
        bool, typer.Option("--with-protocol", help="Also the serial protocol: device and node.")
    ] = False,
    force: ReplaceExport = False,
    json: Json = False,
) -> None:
    """Write a network and what runs it as C, for a microcontroller: a folder that compiles.

    It holds files for Make, CMake, Arduino, PlatformIO and Zephyr, and an example that runs one
    window and compares the result with the simulator's.

    Example: edgesnn export-c digits.esnn -o digits_c
    """
    from edgesnn import export_c as exporter
    from edgesnn import model_file

    out = Output(json)
    name, folder = name_and_folder(network, name, output, force)
    loaded = model_file.read(network)
    window = _window(out, loaded, samples)
    result = exporter.export(loaded, folder, name, window, with_protocol, force)
    tell_export(out, result, "network")


def tell_export(out: Output, result: Export, what: str) -> None:
    """Sizes of what was written, and how to go on."""
    folder = Path(result.folder)
    out.table(
        f"{folder}: {len(result.files)} files",
        ("memory", "bytes"),
        [("image (flash)", result.image_bytes), (f"{what} (RAM)", result.working_bytes)],
    )
    out.line(f"Try it: make -C {folder} run; {folder / 'README.md'} says how to go on.")
    out.result(dataclasses.asdict(result))
