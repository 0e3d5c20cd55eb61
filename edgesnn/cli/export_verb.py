"""Verb that writes a network as C: export-c."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import Json, NetworkFile, SamplesFile
from edgesnn.cli.output import Output
from edgesnn.errors import EdgesnnError, InputError

if TYPE_CHECKING:
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
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder. Default: the name, with _c behind it."),
    ] = None,
    samples: SamplesFile = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Begins all names in C. Default: of the file.")
    ] = None,
    with_protocol: Annotated[
        bool, typer.Option("--with-protocol", help="Also the serial protocol: device and node.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that export-c has written.")
    ] = False,
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
    name = exporter.name_in_c(network.stem) if name is None else name
    try:
        exporter.check_name(name)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from None
    folder = Path(f"{name}_c") if output is None else output
    exporter.check_folder(folder, force)
    loaded = model_file.read(network)
    window = _window(out, loaded, samples)
    result = exporter.export(loaded, folder, name, window, with_protocol, force)
    out.table(
        f"{folder}: {len(result.files)} files",
        ("memory", "bytes"),
        [("image (flash)", result.image_bytes), ("network (RAM)", result.working_bytes)],
    )
    out.line(f"Try it: make -C {folder} run; {folder / 'README.md'} says how to go on.")
    out.result(dataclasses.asdict(result))
