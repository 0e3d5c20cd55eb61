"""Verbs around boards: build, flash, load, virtual-board, boards, export-boot, export-verilog."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgesnn.cli.options import (
    Baud,
    BoardName,
    Json,
    NetworkFile,
    check_outputs,
    find_board,
)
from edgesnn.cli.output import TOOL_OR_DEVICE, Output
from edgesnn.extras import needs_extra

if TYPE_CHECKING:
    from edgesnn.boot_image import BootImage
    from edgesnn.build import BuildResult, Sweep


Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the placement.")]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="Place with seeds 1 to SEEDS and keep the best."),
]
StepMicroseconds = Annotated[
    float | None,
    typer.Option(
        "--step-us",
        min=0,
        help="Length of a time step; 0: load the network and wait for a host. "
        "Default: what the network says.",
    ),
]
BoardArgument = Annotated[
    str | None, typer.Argument(metavar="[BOARD]", help="As --board.", show_default=False)
]


def describe_build(result: BuildResult) -> dict[str, Any]:
    """A build as JSON values."""
    return {
        **dataclasses.asdict(result),
        "meets_timing": result.meets_timing,
    }


def _show_build(out: Output, name: str, result: BuildResult) -> None:
    out.table(
        f"{name}: {result.bitstream}",
        ("resource", "used", "available"),
        [(resource, used, available) for resource, (used, available) in result.usage.items()],
    )
    out.line(
        f"Fmax {result.fmax_mhz} MHz, clock {result.clock_mhz:g} MHz: timing is "
        f"{'met' if result.meets_timing else 'NOT met'}; built in {result.seconds:.1f} s"
    )
    if result.from_cache:
        out.line("Taken from the cache: design and tools are the same as last time.")


def _sweep(out: Output, board: str, seed: int, seeds: int | None) -> Sweep:
    from edgesnn import build as builder

    chosen = range(1, seeds + 1) if seeds else (seed,)
    with out.progress(f"build {board}") as advance:
        swept = builder.sweep(find_board(board), chosen, lambda text: advance(text=text))
        return builder.Sweep.of(swept)


def build(
    name: BoardArgument = None,
    board: BoardName = "icebreaker",
    seed: Seed = 1,
    seeds: Seeds = None,
    json: Json = False,
) -> None:
    """Build the bitstream of a board. It runs every network that fits; no need to build again.

    With --seeds several placements are tried; those that were made before come from the cache.
    Exit code 4 if the design does not reach the board's clock.

    Example: edgesnn build icebreaker --seeds 5
    """
    out = Output(json)
    board = name or board
    swept = _sweep(out, board, seed, seeds)
    result = swept.best
    lowest, median, highest = swept.fmax_mhz
    if seeds:
        out.line(
            f"Fmax of {seeds} seeds: lowest {lowest}, median {median}, highest {highest} MHz "
            f"(seed {result.seed})"
        )
    _show_build(out, board, result)
    out.result(
        {
            **describe_build(result),
            "seeds": {str(r.seed): r.fmax_mhz for r in swept.results},
            "fmax_lowest_mhz": lowest,
            "fmax_median_mhz": median,
        }
    )
    if not result.meets_timing:
        out.note("The clock is not reached; other seeds may place it better: --seeds 8")
        raise typer.Exit(TOOL_OR_DEVICE)


def flash(
    name: BoardArgument = None,
    network: Annotated[
        Path | None,
        typer.Argument(
            metavar="[NETWORK]",
            help="A compressed network (.esnn) that the board runs without a host from now on.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    board: BoardName = "icebreaker",
    step_us: StepMicroseconds = None,
    seed: Seed = 1,
    seeds: Seeds = None,
    json: Json = False,
) -> None:
    """Write the bitstream to a board that is plugged in; builds it first if needed.

    With a network both go to the board's flash: it loads the network when power comes, takes
    events from its pins, and decides. 'edgesnn boards' tells which boards can.

    Example: edgesnn flash icebreaker
    """
    from edgesnn import build as builder

    out = Output(json)
    board = name or board
    boot = None if network is None else _boot_image(board, network, step_us)
    result = _sweep(out, board, seed, seeds).best
    out.note(f"Writing {result.bitstream} ...")
    builder.flash(find_board(board), result, boot)
    if boot is None:
        out.line(f"{board} runs the new bitstream. Load a network: edgesnn load NETWORK --port ...")
    else:
        out.line(f"{board} runs {network} whenever power comes.")
    out.result({"flashed": True, **describe_build(result)})


def _boot_image(board: str, network: Path, step_us: float | None) -> BootImage:
    from edgesnn import build as builder
    from edgesnn import model_file

    loaded = model_file.read(network)
    seconds = loaded.info.get("step_seconds") if step_us is None else step_us / 1e6
    if seconds is None:
        raise typer.BadParameter(
            f"{network} must say how long a time step is, or this option", param_hint="--step-us"
        )
    return builder.boot_image(find_board(board), loaded, seconds)


def export_boot(
    network: NetworkFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file. Default: the name, .bin.", dir_okay=False),
    ] = None,
    board: BoardName = "ulx3s-25f",
    step_us: StepMicroseconds = None,
    json: Json = False,
) -> None:
    """Write the bytes of a board's flash from which it runs a network without a host.

    'edgesnn flash BOARD NETWORK' writes the same into the flash itself.

    Example: edgesnn export-boot digits.esnn --step-us 1000 -o digits.bin
    """
    from edgesnn import build as builder
    from edgesnn.files import write_whole

    out = Output(json)
    chosen = find_board(board)
    output = network.with_suffix(".bin") if output is None else output
    check_outputs(output)
    made = _boot_image(board, network, step_us)
    write_whole(output, made.encode())
    command = builder.image_command(chosen, output)
    out.line(
        f"{output}: {len(made.encode()):,} bytes, a time step of {made.step_cycles:,} cycles, "
        f"a decision every {made.window_steps} steps"
    )
    out.line(f"Into the flash: {' '.join(command)}")
    out.result(
        {
            "output": str(output),
            "step_cycles": made.step_cycles,
            "window_steps": made.window_steps,
            "command": command,
        }
    )


def load(
    network: NetworkFile,
    port: Annotated[str, typer.Option("--port", help="Serial port of the device.")],
    board: BoardName = "icebreaker",
    baud: Baud = None,
    json: Json = False,
) -> None:
    """Load a network into a device over its serial port.

    Example: edgesnn load digits.esnn --port /dev/ttyUSB1
    """
    from edgesnn import model_file
    from edgesnn.backends.serial_device import SerialDevice

    out = Output(json)
    loaded = model_file.read(network)
    began = time.perf_counter()
    baud = baud or find_board(board).baud
    with out.progress(f"load {network.name}, bytes") as advance:
        device = SerialDevice(port, baud, lambda sent, total: advance(sent, total=total))
        try:
            device.load(loaded)
        finally:
            device.close()
    seconds = time.perf_counter() - began
    out.line(f"{network} is loaded on {port} ({loaded.num_synapses:,} synapses, {seconds:.2f} s)")
    out.result({"network": str(network), "port": port, "seconds": seconds})


def virtual_board(
    board: BoardName = "icebreaker",
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this time; default: on Ctrl-C.")
    ] = None,
    json: Json = False,
) -> None:
    """Run the whole gateware of a board on this machine, behind a serial port.

    Prints the port; other verbs take it as --port.

    Example: edgesnn virtual-board --board icebreaker
    """
    from edgesnn.virtual_board import VirtualBoard

    out = Output(json)
    config = find_board(board).core_config
    out.note("Compiling the gateware to C++; the first time takes some seconds ...")
    with VirtualBoard(config) as running:
        out.line(f"{board} listens on {running.port}; Ctrl-C stops it.")
        out.result({"board": board, "port": str(running.port)})
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while end is None or time.monotonic() < end:
                time.sleep(0.1)
        except KeyboardInterrupt:
            out.note("stopped")


def boards(json: Json = False) -> None:
    """List the boards that edgesnn can build for.

    Example: edgesnn boards
    """
    from edgesnn_boards import all_boards

    out = Output(json)
    known = all_boards()
    out.table(
        "Boards",
        ("board", "device", "clock, MHz", "lanes", "neurons", "synapse words"),
        [
            (
                b.name,
                b.device,
                b.clock_hz / 1e6,
                b.core_config.lanes,
                b.core_config.neurons,
                b.core_config.synapse_words,
            )
            for b in known
        ],
    )
    alone = ", ".join(b.name for b in known if b.boot)
    out.line(f"{alone}: loads its network from flash and runs without a host, see 'flash'.")
    for note in dict.fromkeys(note for b in known for note in b.notes):
        named = [b.name for b in known if note in b.notes]
        out.line(f"{'All' if named == [b.name for b in known] else ', '.join(named)}: {note}.")
    out.result(
        [
            {
                "name": b.name,
                "device": b.device,
                "clock_hz": b.clock_hz,
                "baud": b.baud,
                "core_config": dataclasses.asdict(b.core_config),
                "boots": b.boot is not None,
                "notes": b.notes,
            }
            for b in known
        ]
    )


def export_verilog(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The Verilog file.", dir_okay=False)
    ] = Path("edgesnn_core.v"),
    board: BoardName = "icebreaker",
    json: Json = False,
) -> None:
    """Write the whole design of a board's size, serial link included, as plain Verilog.

    Example: edgesnn export-verilog -o edgesnn_core.v
    """
    from edgesnn.files import write_whole

    out = Output(json)
    chosen = find_board(board)
    check_outputs(output)
    with needs_extra("the gateware", "fpga"):
        from edgesnn_hdl.verilog import export
    verilog = export(chosen.core_config, chosen.clock_hz, chosen.baud)
    write_whole(output, verilog.encode())
    out.line(f"{output}: {verilog.count(chr(10)):,} lines of Verilog")
    out.result({"output": str(output), "core_config": chosen.core_config.describe()})
