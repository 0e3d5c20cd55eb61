"""The verb stream: samples in, each decision as it comes back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesnn.cli.options import (
    Baud,
    BoardOrNone,
    Count,
    Json,
    NetworkFile,
    Port,
    find_board_or_none,
    report_left_over,
)
from edgesnn.cli.output import Output, json_line, percent
from edgesnn.cli.run_verbs import samples_of, simulator_or_device
from edgesnn.errors import LinkError

if TYPE_CHECKING:
    import numpy.typing as npt

    from edgesnn.network import Network


def _source(
    out: Output,
    network: Network,
    source: str | None,
    sensor: str | None,
    sensor_baud: int,
    channels: int,
    count: int | None,
) -> tuple[Iterable[Sequence[float]], npt.NDArray | None]:  # type: ignore[type-arg]
    """Samples one after the other, and the right answers where they are known."""
    from edgesnn.samples import samples_from_lines

    if sensor is not None:
        if source is not None:
            raise typer.BadParameter(
                "samples must come from SAMPLES or from --sensor, not from both",
                param_hint="--sensor",
            )
        from edgesnn.sensor import sensor_lines

        return samples_from_lines(sensor_lines(sensor, sensor_baud), channels, skip_bad=True), None
    if source == "-":
        return samples_from_lines(iter(sys.stdin.readline, ""), channels), None
    if source is not None and not Path(source).is_file():
        raise typer.BadParameter(
            f"samples must be a file or - for the standard input, not {source!r}",
            param_hint="SAMPLES",
        )
    samples = samples_of(out, network, None if source is None else Path(source), count)
    return (sample for window in samples.windows for sample in window), samples.labels


def stream(
    network: NetworkFile,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SAMPLES|-]",
            help="CSV or NPZ file, or - for lines of numbers on the standard input. "
            "Without it: the held-out samples of the recipe that made the network.",
        ),
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option(help="Serial port of a sensor that prints a line of numbers per sample."),
    ] = None,
    sensor_baud: Annotated[int, typer.Option(min=1, help="Speed of the sensor.")] = 115200,
    count: Count = None,
    board: BoardOrNone = "icebreaker",
    port: Port = None,
    baud: Baud = None,
    json: Json = False,
) -> None:
    """Encode samples into events and show each decision as it comes back.

    Runs on the simulator, or with --port on a device that speaks the edgesnn protocol. Numbers in
    a line are separated by commas, tabs or blanks. With --json every decision is one line, and the
    last line is the summary.

    Example: tail -f samples.csv | edgesnn stream digits.esnn -
    """
    from edgesnn import model_file
    from edgesnn.encoders import encoder_from_info
    from edgesnn.run_result import Counters
    from edgesnn.streaming import samples_per_window, stream_decisions

    out = Output(json)
    loaded = model_file.read(network)
    encoder = encoder_from_info(loaded.info)
    needed = samples_per_window(loaded, encoder)
    target = find_board_or_none(board)
    samples, labels = _source(out, loaded, source, sensor, sensor_baud, encoder.channels, count)
    names = loaded.info.get("labels")
    if not isinstance(names, list):
        names = []
    executor = "simulator" if port is None else "device"
    backend = simulator_or_device(out, loaded, target, port, baud)
    windows = right = taken = 0
    gone: LinkError | None = None

    def counted() -> Iterator[Sequence[float]]:
        nonlocal taken
        for sample in samples:
            taken += 1
            yield sample

    counters = Counters()
    try:
        backend.load(loaded)
        for d in stream_decisions(loaded, encoder, backend, counted()):
            windows += 1
            counters += d.counters
            name = "none" if d.decision is None else str(d.decision)
            if d.decision is not None and d.decision < len(names):
                name = str(names[d.decision])
            known = None if labels is None else int(labels[d.window])
            right += known is not None and known == d.decision
            verdict = "" if known is None else "  right" if known == d.decision else "  WRONG"
            out.line(
                f"{d.window:6d}  {name:>10}{verdict}   {d.counters.spikes} spikes  "
                f"{d.counters.sops} synaptic operations  {1e3 * d.seconds:.1f} ms"
            )
            if json:
                sys.stdout.write(
                    json_line(
                        {
                            "window": d.window,
                            "decision": d.decision,
                            "label": name,
                            "accumulators": d.accumulators,
                            "seconds": d.seconds,
                        }
                    )
                    + "\n"
                )
                sys.stdout.flush()
            if count is not None and windows == count:
                break
    except KeyboardInterrupt:
        out.note("stopped")
    except LinkError as error:
        # What was decided before the port went away still counts: the summary comes first.
        gone = error
    finally:
        backend.close()
    report_left_over(out, taken % needed, needed)
    share = right / windows if labels is not None and windows else None
    out.line(f"{windows} decisions on the {executor}, accuracy {percent(share)}")
    out.result(
        {"windows": windows, "executor": executor, "accuracy": share, "counters": vars(counters)}
    )
    if gone is not None:
        raise gone
